import type { Candidate, Contribution, Drawn } from './types.js';
export type Verdict = {
    /**
     * the secret is the one that was committed to; with `mine`: before you contributed
     */
    commitmentHolds: boolean;
    /**
     * your contribution is among those that count; null if it is not known
     */
    mineCounted: boolean | null;
    /**
     * who must have won, to be compared with `decision.winner`
     */
    winner: Candidate | undefined;
    /**
     * what chose the winner
     */
    digest: string;
    /**
     * the text whose SHA-256 that is
     */
    transcript: string;
};
/** @import { Candidate, Contribution, Drawn } from './types.js' */
/**
 * @typedef {object} Verdict
 * @property {boolean} commitmentHolds the secret is the one that was committed to; with `mine`: before you contributed
 * @property {boolean | null} mineCounted your contribution is among those that count; null if it is not known
 * @property {Candidate | undefined} winner who must have won, to be compared with `decision.winner`
 * @property {string} digest what chose the winner
 * @property {string} transcript the text whose SHA-256 that is
 */
/**
 * Computes a draw again.
 * @param {Drawn} draw `decision.draw`
 * @param {Contribution | null} [mine] `room.contribution`
 * @returns {Verdict}
 */
export declare function verifyDraw({ number, commitment, secret, candidates, contributions }: Drawn, mine?: Contribution | null): Verdict;
/**
 * SHA-256 (FIPS 180-4) of a text, in hex. Not of `crypto.subtle`, which is not there on a page that came by plain
 * `http`, as from a laptop in the same network.
 * @param {string} text
 * @returns {string}
 */
export declare function sha256(text: string): string;
