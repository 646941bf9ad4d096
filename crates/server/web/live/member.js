// One member: a connection, its messages, and what is needed to come back. Independent of the page.

import { Log, entry } from './log.js';

/** @typedef {'idle' | 'connecting' | 'open' | 'closing' | 'closed'} State */
/** @typedef {'json' | 'text'} Dialect */

export const PROTOCOL = 'tablecast.v1';

/** The close code that gives up the seat. */
const LEFT = 1000;

/** A browser cannot cut a connection; any code but 1000 keeps the seat, as a cut does. */
const DROPPED = 3000;

/** At most this many unanswered commands are timed. */
const PENDING = 1000;

/** @typedef {{ code: number, reason: string }} Close */

/**
 * @typedef {Close & { said: Close | null }} Ended the received close, or 1006 if there was none; and the
 *   close that this side had sent before
 */

/**
 * How a connection ended, in words. The server answers every close with 1000, so the sent code comes first.
 * @param {Ended} ended
 */
export function ending({ code, reason, said }) {
  const came = `${code} ${reason}`.trim();
  return said && said.code !== LEFT && code === LEFT ? `${said.code} ${said.reason}; the server answered ${came}` : came;
}

/** @param {Uint8Array} bytes */
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Fires `change` when its visible state has changed, and `entry` with each new entry of the log. */
export class Member extends EventTarget {
  /** @type {State} */
  state = 'idle';
  log = new Log();
  /** @type {number | undefined} */
  you;
  name = '';
  /** @type {string | undefined} */
  seat;
  /** @type {string | undefined} */
  epoch;
  /** @type {number | undefined} */
  seq;
  nextId = 1;
  /** @type {any} */
  limits = null;
  /** @type {Ended | null} */
  ended = null;
  stalled = false;

  #open;
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** @type {Close | null} */
  #said = null;
  /** @type {Map<number, number>} */
  #pending = new Map();

  /**
   * @param {object} how
   * @param {string} how.label
   * @param {Dialect} how.dialect
   * @param {string} how.url of the room's socket
   * @param {import('./socket.js').Open} how.open
   */
  constructor({ label, dialect, url, open }) {
    super();
    this.label = label;
    this.dialect = dialect;
    this.url = url;
    this.#open = open;
  }

  get canStall() {
    return this.#socket !== null && this.#socket.pause !== null;
  }

  /** @param {string} [first] the first message of the JSON dialect */
  connect(first) {
    if (this.state === 'connecting' || this.state === 'open' || this.state === 'closing') return;
    this.ended = null;
    this.#said = null;
    this.stalled = false;
    this.#pending.clear();
    this.#become('connecting');
    const json = this.dialect === 'json';
    this.#note('connect', `connects, ${json ? PROTOCOL : 'text dialect'}`, { json });
    const socket = this.#open(this.url, json ? [PROTOCOL] : [], {
      opened: () => {
        this.#note('open', 'open');
        this.#become('open');
        if (json && first !== undefined) this.say(first);
      },
      heard: (data) => this.#hear(data),
      closed: (code, reason) => {
        this.#socket = null;
        this.stalled = false;
        this.ended = { code, reason, said: this.#said };
        this.#note('closed', `closed ${ending(this.ended)}`, { code });
        this.#become('closed');
      },
    });
    this.#socket = socket;
  }

  /** @param {string} text */
  say(text) {
    if (this.state !== 'open') return;
    this.#socket?.send(text);
    const said = entry('out', text);
    const id = said.value?.id;
    if (Number.isSafeInteger(id)) {
      this.nextId = Math.max(this.nextId, id + 1);
      if (this.#pending.size < PENDING) this.#pending.set(id, performance.now());
    }
    this.#add(said);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  sayBinary(bytes) {
    if (this.state !== 'open') return;
    this.#socket?.send(bytes);
    this.#add(entry('out', hex(bytes), { kind: 'binary' }));
  }

  leave() {
    this.#end(LEFT, 'left');
  }

  /** Simulates a lost network, as far as a browser can: the seat is kept. */
  drop() {
    this.#end(DROPPED, 'dropped');
  }

  /** @param {boolean} stalled whether nothing is read any more */
  stall(stalled) {
    if (!this.#socket?.pause) return;
    this.#socket.pause(stalled);
    this.stalled = stalled;
    this.#note('note', stalled ? 'stalled: nothing is read' : 'reads on');
    this.#become(this.state);
  }

  clear() {
    this.log.clear();
    this.#become(this.state);
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.state !== 'open' && this.state !== 'connecting') return;
    // A paused connection would never get the answer.
    if (this.stalled) this.stall(false);
    this.#note('note', `close ${code} ${reason}`, { code, kind: 'close' });
    this.#said = { code, reason };
    this.#become('closing');
    this.#socket?.close(code, reason);
  }

  /** @param {string | Uint8Array} data */
  #hear(data) {
    if (typeof data !== 'string') {
      this.#add(entry('in', hex(data), { kind: 'binary' }));
      return;
    }
    const heard = entry('in', data);
    const { hello, snapshot, event, ack, error } = heard.value ?? {};
    if (hello) {
      if (!hello.resumed && hello.seat !== this.seat) this.nextId = 1;
      this.you = hello.you;
      this.name = hello.name ?? '';
      this.seat = hello.seat;
      this.limits = hello.limits ?? null;
    }
    const state = hello ?? snapshot;
    if (typeof state?.epoch === 'string') this.epoch = state.epoch;
    const seq = state?.seq ?? event?.seq;
    if (typeof seq === 'number') this.seq = seq;
    if (event?.renamed && event.renamed.member === this.you) this.name = event.renamed.name;
    const answered = ack ?? error;
    const since = this.#pending.get(answered?.id);
    if (since !== undefined) {
      this.#pending.delete(answered.id);
      heard.took = performance.now() - since;
    }
    this.#add(heard);
  }

  /** @param {string} kind @param {string} text @param {Partial<import('./log.js').Entry>} [more] */
  #note(kind, text, more = {}) {
    this.#add(entry('note', text, { kind, ...more }));
  }

  /** @param {import('./log.js').Entry} one */
  #add(one) {
    this.log.push(one);
    this.dispatchEvent(new CustomEvent('entry', { detail: one }));
  }

  /** @param {State} state */
  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}
