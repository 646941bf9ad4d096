// Commands on their way: each is sent until it is answered, in order, no faster than the server takes them.

import { RoomError } from './errors.js';

/** @import { Hello, Pending, Position } from './types.js' */

/**
 * @typedef {object} Entry
 * @property {Pending} pending
 * @property {string} text exactly what is sent, each time
 * @property {boolean} sent over this connection
 * @property {boolean} tried sent at all: it may have been applied
 * @property {(seq: number) => void} resolve
 * @property {(reason: RoomError) => void} reject
 */

/** Refusals that may pass: the same command is sent again after a moment, before anything newer. */
const PASSING = ['unavailable', 'rate_limited'];

/** That moment, ms. */
const MOMENT = 1_000;

export class Commands {
  /** The number of the next one; never used twice for a seat. */
  nextId = 1;
  #say;
  /** @type {Map<number, Entry>} */
  #entries = new Map();
  /** Acknowledged, but their events are still on the way. @type {(Position & Pick<Entry, 'resolve'>)[]} */
  #acked = [];
  /** @type {Hello<any>['limits'] | null} */
  #limits = null;
  /** What may be said at once, and when it was so. */
  #tokens = 0;
  #tokensAt = 0;
  /** Running: nothing is sent until it fires. @type {ReturnType<typeof setTimeout> | null} */
  #pause = null;

  /** @param {(text: string) => void} say */
  constructor(say) {
    this.#say = say;
  }

  /** Without an answer, in order. */
  get pending() {
    return [...this.#entries.values()].map((entry) => entry.pending);
  }

  /** Whether something is on its way. */
  get busy() {
    return this.#entries.size + this.#acked.length > 0;
  }

  /**
   * @param {Pending} pending
   * @param {boolean} [tried]
   * @returns {Promise<number>}
   */
  add(pending, tried = false) {
    const { id, command, content } = pending;
    this.nextId = Math.max(this.nextId, id + 1);
    return new Promise((resolve, reject) => {
      const text = JSON.stringify({ id, [command]: content });
      this.#entries.set(id, { pending, text, sent: false, tried, resolve, reject });
    });
  }

  /** Sends what is not sent yet, as far as the server's rate allows. */
  flush() {
    if (!this.#limits || this.#pause) return;
    const { commands_per_second: rate, command_burst: burst, message_bytes: bytes } = this.#limits;
    for (const [id, entry] of this.#entries) {
      if (entry.sent) continue;
      // The server would close the connection for good.
      if (new TextEncoder().encode(entry.text).length > bytes) {
        this.#entries.delete(id);
        entry.reject(new RoomError('too_long', `a command has at most ${bytes} bytes`));
        continue;
      }
      if (rate > 0) {
        const now = Date.now();
        // Half of what is allowed at once is left, for what the network bunches together.
        const most = Math.max(1, burst / 2);
        this.#tokens = Math.min(most, this.#tokens + ((now - this.#tokensAt) * rate) / 1000);
        this.#tokensAt = now;
        if (this.#tokens < 1) return this.#wait(((1 - this.#tokens) * 1000) / rate);
        this.#tokens -= 1;
      }
      entry.sent = entry.tried = true;
      this.#say(entry.text);
    }
  }

  /**
   * Connected: all that was not answered is sent again.
   * @param {Hello<any>['limits']} limits
   */
  greeted(limits) {
    this.#limits = limits;
    this.#tokens = limits.command_burst;
    this.#tokensAt = 0;
    for (const entry of this.#entries.values()) entry.sent = false;
  }

  /** Not connected: nothing is sent. */
  lost() {
    this.#limits = null;
    this.hurry();
  }

  /** Waits no more. */
  hurry() {
    if (this.#pause) clearTimeout(this.#pause);
    this.#pause = null;
    this.flush();
  }

  /** The seat is lost, and with it the way to find out what became of the commands that were sent. */
  forget() {
    for (const [id, { tried, reject }] of this.#entries) {
      if (!tried) continue;
      this.#entries.delete(id);
      reject(new RoomError('unsure', 'the seat was lost before the answer came; look whether it was applied'));
    }
  }

  /**
   * @param {number} id
   * @param {Position} position
   */
  acknowledged(id, { epoch, seq }) {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    if (entry) this.#acked.push({ epoch, seq, resolve: entry.resolve });
  }

  /**
   * @param {number} id
   * @param {RoomError} reason
   * @returns {boolean} whether that was the answer
   */
  refused(id, reason) {
    const entry = this.#entries.get(id);
    if (PASSING.includes(reason.code)) {
      if (entry) entry.sent = false;
      this.#wait(MOMENT);
      return false;
    }
    this.#entries.delete(id);
    entry?.reject(reason);
    return true;
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
    for (const { reject } of this.#entries.values()) reject(reason);
    this.#entries.clear();
  }

  /** @param {number} ms */
  #wait(ms) {
    this.#pause ??= setTimeout(() => this.hurry(), ms);
  }
}
