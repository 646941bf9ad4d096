// One connection at a time, and the next one when it is lost. Knows the network, not the room.

import { RoomError, closed } from './errors.js';

/** @import { WebSocketClass } from './types.js' */

/**
 * What a link needs of its room.
 * @typedef {object} Ends
 * @property {() => void} opened the socket is open: introduce yourself
 * @property {(text: string) => void} heard
 * @property {() => void} probe say something that the server answers, unless an answer is due anyway
 * @property {(closeCode: number) => boolean} lost whether to come back after a close that is final otherwise
 * @property {() => void} changed `status`, `retryAt` or `reason` did
 */

/** `WebSocket.OPEN`. */
const OPEN = 1;

// What the protocol says under "Coming back", in ms.
const FIRST_BOUND = 500;
const LAST_BOUND = 20_000;
const LATER = 30_000;
const STEADY = 5_000;

/** How long an answer may take, ms: the server's own patience after a ping. */
const PATIENCE = 10_000;

/** And when somebody looks again, or the network changed: most likely the connection is dead. */
const SHORT_PATIENCE = 4_000;

/** Two clocks are never read at quite the same moment, ms. */
const UNSURE = 50;
let known = 0;

/**
 * This device's clock minus the one that durations are measured by, which nobody can set. Changes when the clock is set,
 * and when the device slept, since some browsers stop the other one meanwhile.
 */
export function ahead() {
  const now = Date.now() - performance.now();
  if (Math.abs(now - known) > UNSURE) known = now;
  return known;
}

/** For so long the server may still let in a connection that was given up before it answered, ms. */
const LATE = 60_000;

const hidden = () => globalThis.document?.visibilityState === 'hidden';

export class Link {
  /** @type {'connecting' | 'live' | 'offline' | 'ended'} */
  status = 'connecting';
  /** By `performance.now()`, as all times here. @type {number | null} */
  retryAt = null;
  /** @type {RoomError | null} */
  reason = null;
  /** The network went, or nobody looked for long: the connection may be dead until it says something. */
  doubtful = false;
  /** What the server complained of, which a close may follow. @type {RoomError | null} */
  complaint = null;

  #url;
  #WebSocket;
  #ends;
  /** @type {InstanceType<WebSocketClass> | null} */
  #socket = null;
  /** The next attempt, or else the next look at the connection. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #listening = null;
  #bound = FIRST_BOUND;
  #greetedAt = 0;
  /** This connection introduced itself. */
  #introduced = false;
  /** Own connections that were given up without an answer: each may take the seat over, later than the newer one. */
  #late = 0;
  #lateUntil = 0;
  #heardAt = 0;
  /** `ahead` at that time. */
  #ahead = 0;
  /** When an answer must have come; 0: none is due. */
  #dueAt = 0;
  #interval = 0;
  #grace = 0;
  /** Until then the seat is kept, so that coming back is worth while. */
  #keptUntil = 0;

  /**
   * @param {string | URL} url
   * @param {WebSocketClass} WebSocket
   * @param {Ends} ends
   */
  constructor(url, WebSocket, ends) {
    this.#url = String(url);
    this.#WebSocket = WebSocket;
    this.#ends = ends;
  }

  /** Connects, now. */
  open() {
    const socket = new this.#WebSocket(this.#url, 'tablecast.v1');
    this.#socket = socket;
    clearTimeout(this.#timer);
    this.#listen();
    this.status = 'connecting';
    this.retryAt = this.complaint = null;
    this.#greetedAt = this.#dueAt = 0;
    this.#introduced = false;
    /** @type {(type: 'open' | 'message' | 'close' | 'error', then: (event: any) => void) => void} */
    const on = (type, then) => socket.addEventListener(type, (event) => this.#socket === socket && then(event));
    on('open', () => {
      this.#introduced = true;
      this.#ends.opened();
    });
    on('message', ({ data }) => {
      this.#heardAt = performance.now();
      this.#ahead = ahead();
      this.doubtful = false;
      if (this.#dueAt) {
        this.#dueAt = 0;
        this.#watch();
      }
      this.#ends.heard(data);
    });
    on('close', ({ code, reason }) => this.#lost(code, reason));
    // A close follows. Without a listener `ws` would throw.
    on('error', () => {});
    // The hello is due.
    this.asked();
    this.#ends.changed();
  }

  /**
   * The hello came.
   * @param {number} interval after so much silence the server pings, ms
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

  /** Says it, unless the connection is closing: then that will be told in a moment. @param {string} text */
  send(text) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  /** An answer is due: its absence means that the connection is dead. */
  asked(patience = PATIENCE) {
    this.#dueAt = Math.min(this.#dueAt || Infinity, performance.now() + patience);
    this.#watch();
  }

  /** Finds out whether the connection lives. */
  ask(patience = PATIENCE) {
    if (!this.#dueAt) this.#ends.probe();
    this.asked(patience);
  }

  /**
   * Gives the connection up, not the seat.
   * @param {string} text why
   */
  drop(text) {
    // A browser sends 1000 or 3000–4999 only, and 1000 would be a goodbye.
    this.#detach()?.close(4408);
    this.#lost(4408, text);
  }

  /**
   * Stays away. By default it says goodbye; with another code the seat is kept for a while.
   * @param {RoomError} [reason]
   * @param {number} [closeCode]
   */
  close(reason = closed(1000, 'you left').reason, closeCode = 1000) {
    this.#detach()?.close(closeCode);
    this.#end(reason);
  }

  /** Connects at once, if it does not already. */
  retryNow() {
    if (!this.#socket) this.open();
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
      // Most likely by ourselves.
      this.#late -= 1;
      comeBack = 'soon';
    } else if (this.#introduced && !this.#greetedAt && again === 'soon') {
      this.#late += 1;
      this.#lateUntil = now + LATE;
    }
    if (comeBack === 'never') {
      // The complaint says what was wrong, the close code only that something was.
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
    // Nobody looks, and the seat is lost anyway: wait until somebody does.
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

  /** Pings do not show in a browser. So when it was silent for as long as the server lets it be: ask. */
  #watch() {
    clearTimeout(this.#timer);
    const left = () => (this.#dueAt || this.#heardAt + this.#interval) - performance.now();
    this.#timer = setTimeout(() => {
      if (left() > 0) this.#watch();
      else if (this.#dueAt) this.drop('no answer');
      // While nobody looks the server finds out by its pings, and `#wake` will ask.
      else if (!hidden()) this.ask();
    }, left());
  }

  /** The network came back, or somebody looks again. */
  #wake = () => {
    if (hidden()) return;
    if (!this.#socket) return this.open();
    const slept = Math.max(0, ahead() - this.#ahead);
    if (performance.now() + slept > this.#heardAt + this.#interval + PATIENCE) this.#doubt();
    this.ask(SHORT_PATIENCE);
  };

  /** The device says that its network is gone. Sockets stay open without one, or it is wrong: an answer will tell. */
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
