// A draw, computed again from public values: see "The draw" in the protocol.

/** @import { Candidate, Contribution, Drawn } from './types.js' */

/**
 * @typedef {object} Verdict
 * @property {boolean} commitmentHolds the secret matches the commitment; with `mine`: the one from before you
 *   contributed
 * @property {boolean | null} mineCounted your contribution was counted; null if this is not known
 * @property {boolean} serverAlone nobody contributed before the deadline: the server's secret alone decided, and
 *   whoever knew it could know the winner as soon as the candidates stood
 * @property {Candidate | undefined} winner the candidate that must win; compare it with `decision.winner`
 * @property {string} digest the hash that chose the winner
 * @property {string} transcript the text whose SHA-256 that is
 */

/**
 * Computes a draw again.
 * @param {Drawn} draw `decision.draw`
 * @param {Contribution | null} [mine] `room.contribution`
 * @returns {Verdict}
 */
export function verifyDraw({ number, commitment, secret, candidates, contributions }, mine) {
  const own = mine?.draw === number ? mine : null;
  const numbers = candidates.map((candidate) => candidate.number).join(' ');
  const lines = contributions.map(({ member, value }) => `${member} ${value}`);
  const transcript = ['tablecast draw', secret, numbers, ...lines, ''].join('\n');
  const digest = sha256(transcript);
  return {
    commitmentHolds: sha256(secret) === commitment && (!own || own.commitment === commitment),
    mineCounted: own && contributions.some(({ value }) => value === own.value),
    serverAlone: !contributions.length,
    winner: candidates[Number(BigInt(`0x${digest}`) % BigInt(candidates.length || 1))],
    digest,
    transcript,
  };
}

/**
 * The first 32 bits of the fractional part of a prime's root, exactly: SHA-256 takes its constants from these.
 * @param {number} prime
 * @param {bigint} degree
 */
function fraction(prime, degree) {
  const power = BigInt(prime) << (32n * degree);
  let root = 0n;
  for (let bit = 1n << 36n; bit; bit >>= 1n) if ((root | bit) ** degree <= power) root |= bit;
  return Number(BigInt.asUintN(32, root));
}

/** The first 64 primes. @type {number[]} */
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);
const ROUNDS = PRIMES.map((prime) => fraction(prime, 3n));
const START = PRIMES.slice(0, 8).map((prime) => fraction(prime, 2n));

/**
 * SHA-256 (FIPS 180-4) of a text, in hex. `crypto.subtle` is not used: a page over plain `http`, such as from a
 * laptop on the same network, does not have it.
 * @param {string} text
 * @returns {string}
 */
export function sha256(text) {
  const bytes = new TextEncoder().encode(text);
  // The text, a 1 bit, zeros, and the length in bits, in blocks of 64 bytes.
  const padded = new DataView(new ArrayBuffer(((bytes.length + 72) >> 6) << 6));
  new Uint8Array(padded.buffer).set(bytes);
  padded.setUint8(bytes.length, 0x80);
  padded.setBigUint64(padded.byteLength - 8, BigInt(bytes.length) * 8n);

  const state = Uint32Array.from(START);
  const words = new Uint32Array(64);
  /** @type {(at: number) => number} */
  const word = (at) => words[at] ?? 0;
  /** @type {(x: number, by: number) => number} */
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  for (let block = 0; block < padded.byteLength; block += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        words[i] = padded.getUint32(block + 4 * i);
        continue;
      }
      const [x, y] = [word(i - 15), word(i - 2)];
      words[i] =
        word(i - 16) + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + word(i - 7) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      const one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + (ROUNDS[i] ?? 0) + word(i);
      const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] ?? 0) + value;
  }
  return Array.from(state, (value) => value.toString(16).padStart(8, '0')).join('');
}
