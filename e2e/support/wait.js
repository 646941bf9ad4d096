// Waiting for a condition, with a deadline.

import { isDeepStrictEqual, inspect } from 'node:util';

/** Only a hanging test takes this long, also on a busy machine. */
export const DEADLINE = 60_000;

const PAUSE = 50;

/**
 * Reads until the condition is true.
 * @template T
 * @param {string} what the condition, for the error message
 * @param {() => T | Promise<T>} read
 * @param {(value: T) => unknown} is
 * @returns {Promise<T>}
 */
export async function until(what, read, is) {
  for (const late = Date.now() + DEADLINE; ; ) {
    const value = await read();
    if (is(value)) return value;
    if (Date.now() > late) throw new Error(`${what}: it never became so; in the end it was ${inspect(value, { depth: 9 })}`);
    // sleep: the source does not report changes
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Reads until the value is equal.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} read
 * @param {T} expected
 */
export const becomes = (what, read, expected) =>
  until(`${what}, expected ${inspect(expected, { depth: 9 })}`, read, (value) => isDeepStrictEqual(value, expected));
