// Reproducible randomness.

/** A random number generator with a seed, so that a failure can be repeated. @param {number} state */
export function generator(state) {
  /** @param {number} below */
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
