/** @import { Pending } from './types.js' */

/** Why a room, a command or a request failed. */
export class RoomError extends Error {
  /**
   * @param {string} code for programs: see the table in the README
   * @param {string} message for people
   * @param {{ closeCode?: number | undefined, status?: number | undefined, retryAfter?: number | undefined, pending?: Pending, cause?: unknown }} [more]
   */
  constructor(code, message, more = {}) {
    super(message, more);
    const { closeCode, status, retryAfter, pending } = more;
    this.name = 'RoomError';
    this.code = code;
    /** The close code of the connection, if one ended. */
    this.closeCode = closeCode;
    /** The HTTP status, for a request. */
    this.status = status;
    /** Seconds to wait before another request, if the server said so. */
    this.retryAfter = retryAfter;
    /** The refused command, if there is one, as it was in `view.pending`. */
    this.pending = pending;
  }
}

/** @typedef {'never' | 'soon' | 'later'} ComeBack */

/**
 * The protocol's close codes: a name for programs, and whether to come back.
 * @type {Readonly<Record<number, readonly [code: string, again: ComeBack]>>}
 */
export const CLOSE_CODES = {
  1000: ['left', 'never'],
  1002: ['bad_frame', 'never'],
  1003: ['bad_frame', 'never'],
  1007: ['bad_frame', 'never'],
  1009: ['too_long', 'never'],
  1012: ['restarting', 'soon'],
  1013: ['unavailable', 'later'],
  4400: ['bad_command', 'never'],
  4401: ['no_seat', 'never'],
  4403: ['room_full', 'later'],
  4404: ['not_found', 'never'],
  4408: ['timeout', 'soon'],
  4409: ['taken_over', 'never'],
  4410: ['gone', 'never'],
  4411: ['dismissed', 'never'],
  4412: ['closed', 'never'],
  4413: ['too_slow', 'soon'],
  4429: ['rate_limited', 'later'],
};

/**
 * The meaning of a close. A code that is not in the protocol (mostly 1006) means a network failure.
 * @param {number} closeCode
 * @param {string} [text]
 * @returns {{ reason: RoomError, again: ComeBack }}
 */
export function closed(closeCode, text) {
  const [code, again] = CLOSE_CODES[closeCode] ?? ['disconnected', 'soon'];
  return { reason: new RoomError(code, text || 'the connection was lost', { closeCode }), again };
}
