// Commands on their way: each is sent until it is answered, in order, no faster than the server takes them.

import { RoomError } from './errors.js';

/** @import { Hello, Pending, Position } from './types.js' */

/**
 * @typedef {object} Entry
 * @property {Pending} pending
 * @property {string} text exactly what is sent, each time
 * @property {boolean} quiet not the application's: only to be answered, over this connection
 * @property {boolean} due to be sent, for the first time or again
 * @property {number} open how often it was sent over this connection without an answer
 * @property {(seq: number) => void} resolve
 * @property {(reason: RoomError) => void} reject
 */

/** Refusals that may pass: the same command is sent again after a moment, before anything newer. */
const PASSING = ['unavailable', 'rate_limited'];

/** That moment, ms: the first one, and what it doubles to while the refusals go on. */
const MOMENT = 1_000;
const LONG_MOMENT = 8_000;

export class Commands {
  /** The number of the next one; never used twice for a seat. */
  nextId = 1;
  /** The highest number that was sent: up to it a command may have been applied. */
  sentId = 0;
  #say;
  #changed;
  /** In order of their numbers, and sent in this order. @type {Map<number, Entry>} */
  #entries = new Map();
  /** Acknowledged, but their events are still on the way. @type {(Position & Pick<Entry, 'resolve'>)[]} */
  #acked = [];
  /** Refusals over this connection that do not say of which command. @type {RoomError[]} */
  #unnamed = [];
  /** Not connected: null. @type {Hello<any>['limits'] | null} */
  #limits = null;
  /** What may be said at once, and when it was so. */
  #tokens = 0;
  #tokensAt = 0;
  #moment = MOMENT;
  /** Running: nothing is sent until it fires. @type {ReturnType<typeof setTimeout> | null} */
  #pause = null;
  #flushing = false;

  /**
   * @param {(text: string) => void} say
   * @param {() => void} changed before it is said: `sentId` did, and is to be saved first
   */
  constructor(say, changed) {
    this.#say = say;
    this.#changed = changed;
  }

  /** Without an answer, in order. */
  get pending() {
    return [...this.#entries.values()].filter(({ quiet }) => !quiet).map(({ pending }) => pending);
  }

  /** Whether something is on its way. */
  get busy() {
    return this.#entries.size + this.#acked.length > 0;
  }

  /**
   * @param {Pending} pending
   * @param {boolean} [quiet]
   * @returns {Promise<number>}
   */
  add(pending, quiet = false) {
    const { id, command, content } = pending;
    this.nextId = Math.max(this.nextId, id + 1);
    return new Promise((resolve, reject) => {
      const text = JSON.stringify({ id, [command]: content });
      this.#entries.set(id, { pending, text, quiet, due: true, open: 0, resolve, reject });
    });
  }

  /**
   * Sends what is due, as far as the server's rate allows.
   * @returns {boolean} whether `changed` was called
   */
  flush() {
    // Called by who was told that something changed: what is newer waits for its turn.
    if (this.#flushing) return false;
    this.#flushing = true;
    const before = this.sentId;
    for (let some = this.#take(); some.length; some = this.#take()) {
      const limits = this.#limits;
      const last = some.at(-1)?.pending.id ?? 0;
      if (last > this.sentId) {
        this.sentId = last;
        this.#changed();
      }
      for (const entry of some) {
        // Whoever was told may have left.
        if (limits !== this.#limits) break;
        entry.open += 1;
        this.#say(entry.text);
      }
    }
    this.#flushing = false;
    return this.sentId > before;
  }

  /** What may be sent now. */
  #take() {
    /** @type {Entry[]} */
    const some = [];
    // While it is not known which one was refused, no more are mixed with those that it may have been.
    if (!this.#limits || this.#pause || this.#unnamed.length) return some;
    const { commands_per_second: rate, command_burst: burst, message_bytes: bytes } = this.#limits;
    for (const entry of this.#entries.values()) {
      if (!entry.due) continue;
      // The server would close the connection for good.
      if (new TextEncoder().encode(entry.text).length > bytes) {
        this.#give(entry, new RoomError('too_long', `a command has at most ${bytes} bytes`));
        continue;
      }
      if (rate > 0) {
        const now = performance.now();
        // Half of what is allowed at once is left, for what the network bunches together.
        const most = Math.max(1, burst / 2);
        this.#tokens = Math.min(most, this.#tokens + ((now - this.#tokensAt) * rate) / 1000);
        this.#tokensAt = now;
        if (this.#tokens < 1) {
          this.#wait(Math.ceil(((1 - this.#tokens) * 1000) / rate));
          break;
        }
        this.#tokens -= 1;
      }
      entry.due = false;
      some.push(entry);
    }
    return some;
  }

  /**
   * Connected: all that was not answered is sent again.
   * @param {Hello<any>['limits']} limits
   */
  greeted(limits) {
    this.#limits = limits;
    this.#tokens = limits.command_burst;
    this.#tokensAt = 0;
    this.#moment = MOMENT;
  }

  /** Not connected: nothing is sent, and all that was not answered is due. */
  lost() {
    this.#limits = null;
    this.#unnamed = [];
    for (const [id, entry] of this.#entries) {
      entry.due = true;
      entry.open = 0;
      if (entry.quiet) this.#entries.delete(id);
    }
    this.hurry();
  }

  /** Waits no more. @returns {boolean} as `flush` */
  hurry() {
    if (this.#pause) clearTimeout(this.#pause);
    this.#pause = null;
    return this.flush();
  }

  /** The seat is lost, and with it the way to find out what became of the commands that were sent. */
  forget() {
    const reason = new RoomError('unsure', 'the seat was lost before the answer came; look whether it was applied');
    for (const [id, entry] of this.#entries) if (id <= this.sentId) this.#give(entry, reason);
  }

  /**
   * @param {number} id
   * @param {Position} position
   */
  acknowledged(id, { epoch, seq }) {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#moment = MOMENT;
    if (entry) this.#acked.push({ epoch, seq, resolve: entry.resolve });
    this.#sort();
  }

  /**
   * Without an id it answers one of those that were sent, which will not be answered otherwise.
   * @param {RoomError} reason
   * @param {number} [id]
   * @param {number} [after] the server takes this one first
   * @returns {'refused' | 'passing' | 'stuck'} `stuck`: it waits for one that was settled, until the next connection
   */
  refused(reason, id, after) {
    if (id === undefined) {
      this.#unnamed.push(reason);
      this.#sort();
      return 'refused';
    }
    const entry = this.#entries.get(id);
    if (entry) entry.open -= 1;
    if (PASSING.includes(reason.code)) {
      // What is newer was refused with it, or waits for it: all is said again, from there on.
      const from = after !== undefined && after < id ? after : id;
      for (const [id, entry] of this.#entries) if (id >= from) entry.due = true;
      if (!this.#pause) {
        this.#wait(this.#moment);
        this.#moment = Math.min(2 * this.#moment, LONG_MOMENT);
      }
      if (reason.code === 'rate_limited') {
        // The server's own count is at its end too.
        this.#tokens = 0;
        this.#tokensAt = performance.now();
      }
      this.#sort();
      return entry && !this.#entries.has(from) ? 'stuck' : 'passing';
    }
    this.#moment = MOMENT;
    if (entry) this.#give(entry, reason);
    this.#sort();
    return 'refused';
  }

  /**
   * The replica is there: whoever waited for their command sees what it did.
   * @param {Position} position
   */
  reached({ epoch, seq }) {
    this.#acked = this.#acked.filter((ack) => {
      const waits = ack.epoch === epoch && ack.seq > seq;
      if (!waits) ack.resolve(ack.seq);
      return waits;
    });
  }

  /** @param {RoomError} reason */
  end(reason) {
    for (const { resolve, seq } of this.#acked.splice(0)) resolve(seq);
    for (const entry of this.#entries.values()) this.#give(entry, reason);
  }

  /** As many are open as there are refusals without a name: those are theirs. */
  #sort() {
    const open = [...this.#entries.values()].filter((entry) => entry.open > 0);
    const [reason] = this.#unnamed;
    if (!reason || open.reduce((sum, entry) => sum + entry.open, 0) > this.#unnamed.length) return;
    this.#unnamed = [];
    for (const entry of open) this.#give(entry, reason);
  }

  /**
   * Gives it up, and says so.
   * @param {Entry} entry
   * @param {RoomError} reason
   */
  #give({ pending, reject }, { code, message, closeCode }) {
    this.#entries.delete(pending.id);
    reject(new RoomError(code, message, { closeCode, pending }));
  }

  /** @param {number} ms */
  #wait(ms) {
    this.#pause ??= setTimeout(() => this.hurry(), ms);
  }
}
