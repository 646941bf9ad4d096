// Waiting for what must become so, with a deadline.

import { isDeepStrictEqual, inspect } from 'node:util';

/** Nothing here takes this long unless it hangs, also on a busy machine. */
export const DEADLINE = 60_000;

const PAUSE = 50;

/**
 * Reads again and again until it is so.
 * @template T
 * @param {string} what it is, for whoever reads that it never became so
 * @param {() => T | Promise<T>} read
 * @param {(value: T) => unknown} is
 * @returns {Promise<T>}
 */
export async function until(what, read, is) {
  for (const late = Date.now() + DEADLINE; ; ) {
    const value = await read();
    if (is(value)) return value;
    if (Date.now() > late) throw new Error(`${what}: it never became so; in the end it was ${inspect(value, { depth: 9 })}`);
    // sleep: what is read tells nobody that it changed
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Reads again and again until it is equal.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} read
 * @param {T} expected
 */
export const becomes = (what, read, expected) =>
  until(`${what}, expected ${inspect(expected, { depth: 9 })}`, read, (value) => isDeepStrictEqual(value, expected));
