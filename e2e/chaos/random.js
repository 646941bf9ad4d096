// Random numbers from a seed: the same ones on each machine.

/**
 * @param {number} seed
 */
export function generator(seed) {
  let state = seed | 0;
  /** A whole number from 0 to below this one. @param {number} bound */
  const below = (bound) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
  /** @param {number} from @param {number} to both included */
  const between = (from, to) => from + below(to - from + 1);
  /** True with this probability in percent. @param {number} percent */
  const chance = (percent) => below(100) < percent;
  /** @template T @param {readonly T[]} list @returns {T} */
  const one = (list) => /** @type {T} */ (list[below(list.length)]);
  return { below, between, chance, one };
}

/** @typedef {ReturnType<typeof generator>} Random */
