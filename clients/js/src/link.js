// One connection at a time, and a new one when it is lost. Handles the network; knows nothing of the room.

import { RoomError, closed } from './errors.js';

/** @import { Transport } from './transport.js' */

/**
 * The callbacks that a link needs from its room.
 * @typedef {object} Ends
 * @property {() => void} opened the socket is open: send the first message
 * @property {(text: string) => void} heard
 * @property {() => void} probe send something that the server answers, unless an answer is due anyway
 * @property {(closeCode: number) => boolean} lost whether to come back after a close that is otherwise final
 * @property {() => void} changed `status`, `retryAt` or `reason` has changed
 */

/** `WebSocket.OPEN`. */
const OPEN = 1;

// The waits from the protocol, "Coming back", in ms.
const FIRST_BOUND = 500;
const LAST_BOUND = 20_000;
const LATER = 30_000;
const STEADY = 5_000;

/** How long an answer may take, ms: as long as the server waits after a ping. */
export const PATIENCE = 10_000;

/** The same after the page became visible or the network changed, when the connection is probably dead. */
const SHORT_PATIENCE = 4_000;

/** Tolerance, ms: two clocks are never read at exactly the same moment. */
const UNSURE = 50;
let known = 0;

/**
 * This device's clock minus the monotonic clock for durations. It changes when the device's clock is set, and when
 * the device has slept, because some browsers stop the monotonic clock meanwhile.
 */
export function ahead() {
  const now = Date.now() - performance.now();
  if (Math.abs(now - known) > UNSURE) known = now;
  return known;
}

/** How long the server may still accept a connection that was given up before its answer, ms. */
const LATE = 60_000;

const hidden = () => globalThis.document?.visibilityState === 'hidden';

export class Link {
  /** @type {'connecting' | 'live' | 'offline' | 'ended'} */
  status = 'connecting';
  /** By `performance.now()`, like all times here. @type {number | null} */
  retryAt = null;
  /** @type {RoomError | null} */
  reason = null;
  /** The network was lost, or the page was hidden long: the connection counts as dead until something arrives. */
  doubtful = false;
  /** The server's last error, which a close may follow. @type {RoomError | null} */
  complaint = null;

  #connect;
  #ends;
  /** @type {Transport | null} */
  #socket = null;
  /** The next attempt, or else the next check of the connection. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #listening = null;
  #bound = FIRST_BOUND;
  #greetedAt = 0;
  /** This connection has sent its first message. */
  #introduced = false;
  /** Own connections that were given up without an answer: each may still take the seat over from the newer one. */
  #late = 0;
  #lateUntil = 0;
  #heardAt = 0;
  /** `ahead` at that time. */
  #ahead = 0;
  /** The deadline of an answer; 0: none is due. */
  #dueAt = 0;
  #interval = 0;
  #grace = 0;
  /** The seat is kept until then, so coming back before is useful. */
  #keptUntil = 0;

  /**
   * @param {() => Transport} connect
   * @param {Ends} ends
   */
  constructor(connect, ends) {
    this.#connect = connect;
    this.#ends = ends;
  }

  /** The way of the connection; null: none, or none yet. */
  get transport() {
    return this.#socket?.name ?? null;
  }

  /** Connects, now. */
  open() {
    const socket = this.#connect();
    this.#socket = socket;
    clearTimeout(this.#timer);
    this.#listen();
    this.status = 'connecting';
    this.retryAt = this.complaint = null;
    this.#greetedAt = this.#dueAt = 0;
    this.#introduced = false;
    /** @type {(type: 'open' | 'message' | 'close' | 'ping', then: (event: any) => void) => void} */
    const on = (type, then) => socket.addEventListener(type, (event) => this.#socket === socket && then(event));
    on('open', () => {
      this.#introduced = true;
      this.#ends.opened();
    });
    on('message', ({ data }) => {
      this.#lives();
      this.#ends.heard(data);
    });
    on('ping', () => this.#lives());
    on('close', ({ code, reason }) => this.#lost(code, reason));
    // The hello is due.
    this.asked();
    this.#ends.changed();
  }

  /**
   * The hello came.
   * @param {number} interval the server pings after this much silence, ms
   * @param {number} grace how long it keeps the seat of a lost connection, ms
   */
  greeted(interval, grace) {
    this.status = 'live';
    this.reason = null;
    this.#greetedAt = performance.now();
    this.#interval = interval;
    this.#grace = grace;
    this.#watch();
  }

  /** Sends it, unless the connection is closing: then the close event follows in a moment. @param {string} text */
  send(text) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  /** An answer is due: without it the connection is dead. */
  asked(patience = PATIENCE) {
    // Whoever was told of the question may have left.
    if (!this.#socket) return;
    this.#dueAt = Math.min(this.#dueAt || Infinity, performance.now() + patience);
    this.#watch();
  }

  /** Checks whether the connection is alive. */
  ask(patience = PATIENCE) {
    if (!this.#dueAt) this.#ends.probe();
    this.asked(patience);
  }

  /**
   * Gives up the connection, not the seat.
   * @param {string} text why
   */
  drop(text) {
    // Browsers send only 1000 or 3000–4999, and 1000 would give up the seat.
    this.#detach()?.close(4408);
    this.#lost(4408, text);
  }

  /**
   * Closes and does not come back. By default the seat is given up; with another code it is kept for a while.
   * @param {RoomError} [reason]
   * @param {number} [closeCode]
   */
  close(reason = closed(1000, 'you left').reason, closeCode = 1000) {
    if (this.status === 'ended' && this.reason?.code === reason.code) return;
    this.#detach()?.close(closeCode);
    this.#end(reason);
  }

  /** Connects at once, unless it is connecting already. */
  retryNow() {
    if (!this.#socket) this.open();
  }

  #lives() {
    this.#heardAt = performance.now();
    this.#ahead = ahead();
    this.doubtful = false;
    if (!this.#dueAt) return;
    this.#dueAt = 0;
    this.#watch();
  }

  #detach() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    return socket;
  }

  /**
   * @param {number} closeCode
   * @param {string} text
   */
  #lost(closeCode, text) {
    this.#detach();
    this.doubtful = false;
    const now = performance.now();
    if (this.#greetedAt) {
      this.#keptUntil = now + this.#grace;
      if (now - this.#greetedAt >= STEADY) this.#bound = FIRST_BOUND;
    }
    const { reason, again } = closed(closeCode, text);
    if (now > this.#lateUntil) this.#late = 0;
    let comeBack = this.#ends.lost(closeCode) ? 'soon' : again;
    if (reason.code === 'taken_over' && this.#late > 0) {
      // Most likely one of our own connections took it over.
      this.#late -= 1;
      comeBack = 'soon';
    } else if (this.#introduced && !this.#greetedAt && again === 'soon') {
      this.#late += 1;
      this.#lateUntil = now + LATE;
    }
    if (comeBack === 'never') {
      // The error says what was wrong, the close code only that something was.
      return this.#end(closeCode === 4400 ? (this.complaint ?? reason) : reason);
    }
    this.reason = reason;
    this.status = 'offline';
    let wait = LATER * (1 + Math.random());
    if (comeBack === 'soon') {
      wait = Math.random() * this.#bound;
      this.#bound = Math.min(2 * this.#bound, LAST_BOUND);
    }
    this.retryAt = now + wait;
    // The page is hidden, and the seat will be lost anyway: wait until the page is visible.
    if (hidden() && this.retryAt > this.#keptUntil) this.retryAt = null;
    else this.#timer = setTimeout(() => this.open(), wait);
    this.#ends.changed();
  }

  /** @param {RoomError} reason */
  #end(reason) {
    this.#listening?.abort();
    this.#listening = null;
    clearTimeout(this.#timer);
    this.status = 'ended';
    this.reason = reason;
    this.retryAt = null;
    this.#ends.changed();
  }

  /** Browsers do not show a WebSocket's pings to a page. So after as much silence as the server allows, ask. */
  #watch() {
    clearTimeout(this.#timer);
    const left = () => (this.#dueAt || this.#heardAt + this.#interval) - performance.now();
    this.#timer = setTimeout(() => {
      if (left() > 0) this.#watch();
      else if (this.#dueAt) this.drop('no answer');
      // While the page is hidden, the server's pings find a dead connection, and later `#wake` asks.
      else if (!hidden()) this.ask();
    }, left());
  }

  /** The network is back, or the page is visible again. */
  #wake = () => {
    if (hidden()) return;
    if (!this.#socket) return this.open();
    const slept = Math.max(0, ahead() - this.#ahead);
    if (performance.now() + slept > this.#heardAt + this.#interval + PATIENCE) this.#doubt();
    this.ask(SHORT_PATIENCE);
  };

  /** The device reports that its network is gone. Sockets stay open then, and it may be wrong: an answer decides. */
  #cut = () => {
    if (!this.#socket) return;
    this.#doubt();
    this.ask(SHORT_PATIENCE);
  };

  #doubt() {
    this.doubtful = true;
    this.#ends.changed();
  }

  #listen() {
    if (this.#listening) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    globalThis.addEventListener?.('online', this.#wake, { signal });
    globalThis.addEventListener?.('offline', this.#cut, { signal });
    globalThis.document?.addEventListener('visibilitychange', this.#wake, { signal });
  }
}
