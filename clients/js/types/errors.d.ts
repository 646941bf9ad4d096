/** @import { Pending } from './types.js' */
import type { Pending } from './types.js';
/** Why a room, a command or a request failed. */
export declare class RoomError extends Error {
    code: string;
    /** The close code of the connection, if one ended. */
    closeCode: number | undefined;
    /** The HTTP status, if it was a request. */
    status: number | undefined;
    /** Seconds to wait before another request, if the server said so. */
    retryAfter: number | undefined;
    /** The command that was refused, if it was one: as it stood in `view.pending`. */
    pending: Pending | undefined;
    /**
     * @param {string} code for programs: see the table in the README
     * @param {string} message for people
     * @param {{ closeCode?: number | undefined, status?: number | undefined, retryAfter?: number | undefined, pending?: Pending, cause?: unknown }} [more]
     */
    constructor(code: string, message: string, more?: {
        closeCode?: number | undefined;
        status?: number | undefined;
        retryAfter?: number | undefined;
        pending?: Pending;
        cause?: unknown;
    });
}
export type ComeBack = 'never' | 'soon' | 'later';
/** @typedef {'never' | 'soon' | 'later'} ComeBack */
/**
 * The protocol's close codes: a name for programs, and whether to come back.
 * @type {Readonly<Record<number, readonly [code: string, again: ComeBack]>>}
 */
export declare const CLOSE_CODES: Readonly<Record<number, readonly [code: string, again: ComeBack]>>;
/**
 * What a close means. A code that is not the protocol's (1006 above all) is the network's doing.
 * @param {number} closeCode
 * @param {string} [text]
 * @returns {{ reason: RoomError, again: ComeBack }}
 */
export declare function closed(closeCode: number, text?: string): {
    reason: RoomError;
    again: ComeBack;
};
