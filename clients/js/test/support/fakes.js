// A WebSocket, a page and a clock that a test controls.

import { mock } from 'node:test';
import { golden } from './frames.js';

/** All opened sockets, the newest last. @type {FakeWebSocket[]} */
export const sockets = [];

export class FakeWebSocket extends EventTarget {
  /** @type {string[]} */
  sent = [];
  /** @type {number | undefined} */
  closedWith;
  /** Connecting, open, closing or closed, as browsers count. */
  readyState = 0;

  /**
   * @param {string} url
   * @param {string} protocol
   */
  constructor(url, protocol) {
    super();
    this.url = url;
    this.protocol = protocol;
    sockets.push(this);
  }

  /** @param {string} text */
  send(text) {
    if (this.readyState !== 1) throw new Error(`nobody hears in state ${this.readyState}: ${text}`);
    this.sent.push(text);
  }

  /** @param {number} code */
  close(code) {
    this.closedWith = code;
    this.readyState = 2;
  }

  opens() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {object | string} push */
  hears(push) {
    const data = typeof push === 'string' ? push : JSON.stringify(push);
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }

  /** Opens, and the server says hello. @param {object} [more] */
  greets(more) {
    this.opens();
    const { hello } = golden('hello').frame;
    this.hears({ hello: { ...hello, ...more } });
  }

  /** The server or the network ends the connection. @param {number} code */
  ends(code, reason = '') {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }

  /** The messages sent since the last call. */
  said() {
    return this.sent.splice(0).map((text) => withoutClient(JSON.parse(text)));
  }
}

/** A message without the client's number, which is random. @param {any} said */
export function withoutClient(said) {
  const { client, ...first } = said.join ?? said.resume ?? {};
  const [kind] = ['join', 'resume'].filter((kind) => said[kind]);
  if (!kind) return said;
  if (!Number.isInteger(client) || client < 1 || client > 1_048_575) throw new Error(`${client} is no number of a client`);
  return { ...said, [kind]: first };
}

/** The newest socket. */
export function socket() {
  const newest = sockets.at(-1);
  if (!newest) throw new Error('no socket was opened');
  return newest;
}

/** Fakes of time, randomness and the page's visibility, until the test ends. @param {import('node:test').TestContext} t */
export function fakes(t) {
  sockets.length = 0;
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_795_299_727_066 });
  const random = mock.method(Math, 'random', () => 0.5);
  const start = Date.now() - 1_000;
  let setBy = 0;
  const time = Date.now.bind(Date);
  const date = mock.method(Date, 'now', () => time() + setBy);
  const steady = mock.method(performance, 'now', () => time() - start);
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const network = new EventTarget();
  const globals = /** @type {any} */ (globalThis);
  globals.document = page;
  globals.addEventListener = network.addEventListener.bind(network);
  t.after(() => {
    mock.timers.reset();
    for (const { mock } of [random, date, steady]) mock.restore();
    delete globals.document;
    delete globals.addEventListener;
  });
  return {
    /** Passes time in steps, because within a step the clock does not show when a timer fired. @param {number} ms */
    pass: (ms) => {
      for (let left = ms; left > 0; left -= 100) mock.timers.tick(Math.min(left, 100));
    },
    /** Sets the device's clock; durations do not change. @param {number} ms forward */
    setClock: (ms) => void (setBy += ms),
    /** @param {number} value */
    chance: (value) => random.mock.mockImplementation(() => value),
    hide: () => {
      page.visibilityState = 'hidden';
      page.dispatchEvent(new Event('visibilitychange'));
    },
    show: () => {
      page.visibilityState = 'visible';
      page.dispatchEvent(new Event('visibilitychange'));
    },
    online: () => network.dispatchEvent(new Event('online')),
    offline: () => network.dispatchEvent(new Event('offline')),
  };
}
