// A room's state as lines, and what is different between two states.

/**
 * A part of a state. The path is the same in both states, also if an item before it has gone: parts of a list are
 * called by their number, not by their place.
 * @typedef {{ path: string, name: string, depth: number, value: unknown }} Line `value` is undefined where only parts follow
 */
/** @typedef {{ path: string, before: unknown, after: unknown }} Change undefined: it was not there, or is gone */

/** @param {unknown} state @returns {Line[]} */
export function lines(state) {
  /** @type {Line[]} */
  const found = [];
  /** @param {unknown} value @param {string} path @param {string} name @param {number} depth */
  const walk = (value, path, name, depth) => {
    const parts = partsOf(value);
    if (name !== '') found.push({ path, name, depth, value: parts ? undefined : value });
    for (const [part, inner] of parts ?? []) walk(inner, path === '' ? part : `${path} › ${part}`, part, name === '' ? 0 : depth + 1);
  };
  walk(state, '', '', 0);
  return found;
}

/** What became of `before`. @param {unknown} before @param {unknown} after @returns {Change[]} */
export function changes(before, after) {
  const was = new Map(lines(before).map((line) => [line.path, line.value]));
  const is = new Map(lines(after).map((line) => [line.path, line.value]));
  const paths = new Set([...was.keys(), ...is.keys()]);
  /** @type {Change[]} */
  const found = [];
  for (const path of paths) {
    const change = { path, before: was.get(path), after: is.get(path) };
    // An empty list got its first part, or lost its last: that is told of the part.
    if (was.has(path) && is.has(path) && (change.before === undefined || change.after === undefined)) continue;
    if (JSON.stringify(change.before) !== JSON.stringify(change.after)) found.push(change);
  }
  return found;
}

/** The parts of what is more than one line. @param {unknown} value @returns {[string, unknown][] | undefined} */
function partsOf(value) {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) {
    const parts = Object.entries(value);
    return parts.length === 0 ? undefined : parts;
  }
  if (value.every((part) => typeof part !== 'object' || part === null)) return undefined;
  return value.map((part, at) => [`#${part?.number ?? part?.id ?? part?.member ?? at + 1}`, part]);
}

/** What an event is called, and whose it is. @param {any} event @returns {string} */
export function nameOf(event) {
  if (typeof event === 'string') return event;
  if (typeof event !== 'object' || event === null) return 'event';
  const kind = Object.keys(event).find((key) => !['seq', 'by', 'at', 'expires_at'].includes(key));
  return kind === 'change' ? nameOf(event.change) : (kind ?? 'event');
}
