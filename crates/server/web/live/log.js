// The messages of one member, newest last, up to a limit.

/**
 * @typedef {object} Entry
 * @property {number} n place among all entries of all members
 * @property {number} at ms since 1970, by this browser's clock
 * @property {'in' | 'out' | 'note'} way
 * @property {string} kind the key of the message, `menu`, `line`, `binary`; for a note `connect`, `open`,
 *   `close`, `closed` or `note`
 * @property {string} text the text on the wire; hex for binary messages
 * @property {any} value the text as JSON, or undefined
 * @property {number | undefined} seq
 * @property {string | undefined} epoch
 * @property {number | undefined} took ms from a command to its answer
 * @property {number | undefined} code for `close` and `closed`
 * @property {boolean | undefined} json for `connect`: the dialect
 */

let count = 0;

/**
 * @param {Entry['way']} way @param {string} text @param {Partial<Entry>} [more]
 * @returns {Entry}
 */
export function entry(way, text, more = {}) {
  const value = more.kind === undefined ? parse(text) : undefined;
  const { seq, epoch } = position(value);
  return {
    n: ++count, at: Date.now(), way, text, value, kind: kindOf(value), seq, epoch,
    took: undefined, code: undefined, json: undefined, ...more,
  };
}

/** @param {string} text @returns {any} */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {any} value */
function kindOf(value) {
  if (Array.isArray(value)) return 'menu';
  if (value === null || typeof value !== 'object') return 'line';
  return Object.keys(value).find((key) => key !== 'id') ?? 'line';
}

/**
 * The room's position, as far as a message shows it.
 * @param {any} value @returns {{ seq: number | undefined, epoch: string | undefined }}
 */
function position(value) {
  const inner = value?.hello ?? value?.snapshot ?? value?.event ?? value?.ack ?? value?.resume;
  return {
    seq: typeof inner?.seq === 'number' ? inner.seq : undefined,
    epoch: typeof inner?.epoch === 'string' ? inner.epoch : undefined,
  };
}

/** Only the newest entries, up to the limit. */
export class Log {
  /** @type {Entry[]} */
  #ring = [];
  #first = 0;
  #size;
  /** How many older entries were dropped. */
  lost = 0;

  constructor(size = 1000) {
    this.#size = size;
  }

  /** @param {Entry} one */
  push(one) {
    if (this.#ring.length < this.#size) {
      this.#ring.push(one);
      return;
    }
    this.#ring[this.#first] = one;
    this.#first = (this.#first + 1) % this.#size;
    this.lost += 1;
  }

  clear() {
    this.#ring = [];
    this.#first = 0;
    this.lost = 0;
  }

  get length() {
    return this.#ring.length;
  }

  /** @returns {Entry[]} in order */
  all() {
    return [...this.#ring.slice(this.#first), ...this.#ring.slice(0, this.#first)];
  }
}

/**
 * Whether an entry matches a filter: it must contain each word, and must not contain the word of `-word`.
 * @param {Entry} one @param {string} filter
 */
export function matches(one, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const sign = { in: '<', out: '>', note: '·' }[one.way];
  const text = `${sign} ${one.kind} ${one.text}`.toLowerCase();
  return words.every((word) => (word.length > 1 && word.startsWith('-') ? !text.includes(word.slice(1)) : text.includes(word)));
}

/** @param {Entry} one */
export function time(one) {
  const at = new Date(one.at);
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** @param {Entry} one a line for the clipboard */
export function line(one) {
  const sign = { in: '<', out: '>', note: '·' }[one.way];
  return `${time(one)} ${sign} ${one.text}`;
}
