// Commands under way: each is sent until it is answered, in order, no faster than the server accepts them.

import { RoomError } from './errors.js';

/** @import { Hello, Pending, Position } from './types.js' */

/**
 * @typedef {object} Entry
 * @property {Pending} pending
 * @property {string} text the exact text that is sent, each time
 * @property {boolean} quiet made by the client itself, only to get an answer over this connection
 * @property {boolean} due whether it must be sent, for the first time or again
 * @property {number} open how often it was sent over this connection without an answer
 * @property {(seq: number) => void} resolve
 * @property {(reason: RoomError) => void} reject
 */

/** Temporary refusals: the same command is sent again after a moment, before anything newer. */
const PASSING = ['unavailable', 'rate_limited'];

/** This moment, ms: at first, and the maximum to which it doubles while refusals continue. */
const MOMENT = 1_000;
const LONG_MOMENT = 8_000;

/** What is sent. @param {Pending} pending */
const worded = ({ id, command, content }) => JSON.stringify({ id, [command]: content });

export class Commands {
  /** The number of the next command; never used twice for a seat. */
  nextId = 1;
  /** The highest number that was sent: commands up to it may have been applied. */
  sentId = 0;
  #say;
  #changed;
  /** In order of their numbers, and sent in this order. @type {Map<number, Entry>} */
  #entries = new Map();
  /** Acknowledged commands whose events have not arrived yet. @type {(Position & Pick<Entry, 'resolve'>)[]} */
  #acked = [];
  /** Refusals over this connection without a command's number. @type {RoomError[]} */
  #unnamed = [];
  /** Null if not connected. @type {Hello<any>['limits'] | null} */
  #limits = null;
  /** How much may be sent at once, and the time of that count. */
  #tokens = 0;
  #tokensAt = 0;
  #moment = MOMENT;
  /** While this runs, nothing is sent until it fires. @type {ReturnType<typeof setTimeout> | null} */
  #pause = null;
  #flushing = false;

  /**
   * @param {(text: string) => void} say
   * @param {() => void} changed called before sending: `sentId` has changed and must be saved first
   */
  constructor(say, changed) {
    this.#say = say;
    this.#changed = changed;
  }

  /** Unanswered commands, in order. */
  get pending() {
    return [...this.#entries.values()].filter(({ quiet }) => !quiet).map(({ pending }) => pending);
  }

  /** Whether a command is under way. */
  get busy() {
    return this.#entries.size + this.#acked.length > 0;
  }

  /**
   * @param {Pending} pending
   * @param {boolean} [quiet]
   * @returns {Promise<number>}
   */
  add(pending, quiet = false) {
    const { id } = pending;
    this.nextId = Math.max(this.nextId, id + 1);
    return new Promise((resolve, reject) => {
      this.#entries.set(id, { pending, text: worded(pending), quiet, due: true, open: 0, resolve, reject });
    });
  }

  /**
   * Sends what is due, as far as the server's rate allows.
   * @returns {boolean} whether `changed` was called
   */
  flush() {
    // A listener that was told of the change calls this again: the newer command waits for its turn.
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
        // A listener may have left the room.
        if (limits !== this.#limits) break;
        entry.open += 1;
        this.#say(entry.text);
      }
    }
    this.#flushing = false;
    return this.sentId > before;
  }

  /** The commands that may be sent now. */
  #take() {
    /** @type {Entry[]} */
    const some = [];
    // While it is unknown which command was refused, no new ones are sent.
    if (!this.#limits || this.#pause || this.#unnamed.length) return some;
    const { commands_per_second: rate, command_burst: burst, message_bytes: bytes } = this.#limits;
    for (const entry of this.#entries.values()) {
      if (!entry.due) continue;
      // The server would close the connection, and it could not come back.
      if (new TextEncoder().encode(entry.text).length > bytes) {
        this.#give(entry, new RoomError('too_long', `a command has at most ${bytes} bytes`));
        continue;
      }
      if (rate > 0) {
        const now = performance.now();
        // Half of the burst is kept in reserve, because the network may deliver several commands together.
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
   * Connected: all unanswered commands are sent again.
   * @param {Hello<any>['limits']} limits
   */
  greeted(limits) {
    this.#limits = limits;
    this.#tokens = limits.command_burst;
    this.#tokensAt = 0;
    this.#moment = MOMENT;
  }

  /** Not connected: nothing is sent, and all unanswered commands are due. */
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

  /** Ends the wait. @returns {boolean} as `flush` */
  hurry() {
    if (this.#pause) clearTimeout(this.#pause);
    this.#pause = null;
    return this.flush();
  }

  /**
   * Gives up a command that was never sent.
   * @param {number} id
   * @returns {boolean} false: it was sent, or is answered
   */
  withdraw(id) {
    const entry = this.#entries.get(id);
    if (!entry || id <= this.sentId) return false;
    this.#give(entry, new RoomError('withdrawn', 'it was given up before it was sent'));
    return true;
  }

  /** The seat is lost, so the outcome of the commands that were sent cannot be found out. */
  forget(what = 'the seat was lost') {
    const reason = new RoomError('unsure', `${what} before the answer came; look whether it was applied`);
    for (const [id, entry] of this.#entries) if (id <= this.sentId) this.#give(entry, reason);
  }

  /**
   * Connected. Where numbers were applied that were not sent from here, another tab has used the seat, with a copy of what
   * was saved: what was sent under such a number may be that tab's, and what was not sent gets numbers after them.
   * @param {number} applied the highest number that was applied
   */
  counted(applied) {
    if (applied <= this.sentId) return;
    this.forget('another tab used the seat');
    const unsent = [...this.#entries.values()];
    this.#entries.clear();
    this.sentId = applied;
    this.nextId = applied + 1;
    for (const entry of unsent) {
      const pending = { ...entry.pending, id: this.nextId++ };
      this.#entries.set(pending.id, { ...entry, pending, text: worded(pending) });
    }
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
   * Without an id it answers one of the sent commands, which gets no other answer.
   * @param {RoomError} reason
   * @param {number} [id]
   * @param {number} [after] the number of the command that the server takes first
   * @returns {'refused' | 'passing' | 'stuck'} `stuck`: it waits for a command that is settled already, until the
   *   next connection
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
      // Newer commands were refused with it, or wait for it: all from this one on are sent again.
      const from = after !== undefined && after < id ? after : id;
      for (const [id, entry] of this.#entries) if (id >= from) entry.due = true;
      if (!this.#pause) {
        this.#wait(this.#moment);
        this.#moment = Math.min(2 * this.#moment, LONG_MOMENT);
      }
      if (reason.code === 'rate_limited') {
        // The server's own bucket is empty too.
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
   * The replica has reached this position: promises of commands up to it resolve, and the view shows their effect.
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

  /** If as many commands are open as there are refusals without a number, these refusals belong to them. */
  #sort() {
    const open = [...this.#entries.values()].filter((entry) => entry.open > 0);
    const [reason] = this.#unnamed;
    if (!reason || open.reduce((sum, entry) => sum + entry.open, 0) > this.#unnamed.length) return;
    this.#unnamed = [];
    for (const entry of open) this.#give(entry, reason);
  }

  /**
   * Gives the command up and rejects its promise.
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
