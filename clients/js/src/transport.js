// Which way a connection takes: a WebSocket, or Server-Sent Events and POST where something between here and the site
// lets no WebSocket through.

import { EventSocket } from './sse.js';

/** @import { TransportName, WebSocketClass } from './types.js' */

/** A WebSocket that is not open after this time may be blocked, ms. */
const SLOW = 2_000;

/** How long a WebSocket is not tried again where it was blocked, ms. */
const BLOCKED = 300_000;

/**
 * What is known of a site.
 * @typedef {object} Site
 * @property {boolean} isOpen a WebSocket has been open
 * @property {number} blockedUntil they are blocked, by `performance.now()`
 */

/** By host, as long as the page lives. @type {Map<string, Site>} */
const sites = new Map();

/**
 * @param {string | URL} url the WebSocket's address
 * @param {object} options
 * @param {WebSocketClass | undefined} options.WebSocket
 * @param {string | URL | false | undefined} options.sse
 * @param {TransportName | undefined} options.transport
 * @returns {() => Transport} opens a connection
 */
export function transports(url, { WebSocket, sse, transport }) {
  const events = transport === 'websocket' ? null : eventsUrl(url, sse);
  if (transport === 'sse') {
    if (!events) throw new TypeError(`there is no address for SSE beside ${url}: pass it as the option sse`);
    return () => new Transport(null, null, events);
  }
  if (!WebSocket) {
    if (events) return () => new Transport(null, null, events);
    const instead = transport ? "or leave out the option transport: 'websocket'" : 'or pass an address for SSE as the option sse';
    throw new TypeError(`there is no WebSocket here: pass one as the option WebSocket, for example that of the package 'ws'; ${instead}`);
  }
  const connect = () => new WebSocket(String(url), 'tablecast.v1');
  if (!events) return () => new Transport(null, connect, null);
  const { host } = new URL(events);
  const site = sites.get(host) ?? { isOpen: false, blockedUntil: 0 };
  sites.set(host, site);
  return () => new Transport(site, performance.now() < site.blockedUntil ? null : connect, events);
}

/** `/ws/{id}/` as `/sse/{id}/`. @param {string | URL} url @param {string | URL | false | undefined} sse @returns {string | null} */
function eventsUrl(url, sse) {
  if (sse !== undefined) return sse ? new URL(sse, globalThis.location?.href).href : null;
  const there = new URL(url, globalThis.location?.href);
  const path = there.pathname.replace(/\/ws(\/[^/]+\/?)$/, '/sse$1');
  if (path === there.pathname) return null;
  there.pathname = path;
  there.protocol = there.protocol.replace('ws', 'http');
  return there.href;
}

/** One connection, in the shape of a WebSocket; also fires `ping` where pings are seen. */
export class Transport extends EventTarget {
  /** The way it takes; null: none yet. @type {TransportName | null} */
  name = null;
  #site;
  /** Tries a WebSocket once more before the other way is taken. @type {(() => InstanceType<WebSocketClass>) | null} */
  #again;
  /** @type {InstanceType<WebSocketClass> | null} */
  #webSocket = null;
  #isOpen = false;
  /** @type {EventSocket | null} */
  #events = null;
  #isClosed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Site | null} site null if there is one way only
   * @param {(() => InstanceType<WebSocketClass>) | null} connect
   * @param {string | null} events
   */
  constructor(site, connect, events) {
    super();
    this.#site = site;
    // Where one has been open, it is more likely that the server is starting again: one that failed shows something only
    // once the site answers.
    this.#again = site?.isOpen ? connect : null;
    if (connect) this.#tryWebSocket(connect, events);
    else if (events) this.#tryEvents(events);
  }

  get readyState() {
    return this.#taken?.readyState ?? 0;
  }

  /** @param {string} text */
  send(text) {
    this.#taken?.send(text);
  }

  /** @param {number} code */
  close(code) {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#webSocket?.close(code);
    this.#events?.close(code);
  }

  get #taken() {
    return this.name === 'sse' ? this.#events : this.name && this.#webSocket;
  }

  /** @param {TransportName} name */
  #take(name) {
    this.name = name;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {() => InstanceType<WebSocketClass>} connect @param {string | null} events */
  #tryWebSocket(connect, events) {
    const socket = connect();
    this.#webSocket = socket;
    if (events) this.#timer = setTimeout(() => this.#tryEvents(events), SLOW);
    /** @type {(type: 'open' | 'message' | 'close' | 'error', then: (event: any) => void) => void} */
    const on = (type, then) => socket.addEventListener(type, (event) => !this.#isClosed && this.#webSocket === socket && then(event));
    on('open', () => {
      clearTimeout(this.#timer);
      this.#isOpen = true;
      if (this.#site) Object.assign(this.#site, { isOpen: true, blockedUntil: 0 });
      // If the other way has begun, both together would be two members.
      if (this.name) return;
      this.#events?.close(1001);
      this.#events = null;
      this.#take('websocket');
    });
    on('message', ({ data }) => this.#pass('message', { data }));
    on('close', ({ code, reason }) => {
      this.#webSocket = null;
      if (this.name === 'websocket') return this.#end(code, reason);
      if (this.#events) return;
      // Whoever says a code was reached.
      if (code !== 1006 || !events) return this.#end(code, reason);
      this.#tryEvents(events);
    });
    // A close follows. Without a listener `ws` would throw.
    socket.addEventListener('error', () => {});
  }

  /** @param {string} url */
  #tryEvents(url) {
    clearTimeout(this.#timer);
    const events = new EventSocket(url);
    this.#events = events;
    let isAnswered = false;
    /** @type {(type: 'open' | 'message' | 'close' | 'ping', then: (event: any) => void) => void} */
    const on = (type, then) => events.addEventListener(type, (event) => !this.#isClosed && this.#events === events && then(event));
    on('open', () => {
      const again = this.#again;
      if (!again) return this.#take('sse');
      this.#again = null;
      events.close(1001);
      this.#events = null;
      const slow = this.#webSocket;
      this.#tryWebSocket(again, url);
      slow?.close(1000);
    });
    on('ping', () => this.#pass('ping', {}));
    on('message', ({ data }) => {
      // The site answers, so the WebSocket alone is blocked.
      if (!isAnswered && this.#site && !this.#isOpen) this.#site.blockedUntil = performance.now() + BLOCKED;
      isAnswered = true;
      this.#webSocket?.close(1000);
      this.#webSocket = null;
      this.#pass('message', { data });
    });
    on('close', ({ code, reason }) => {
      if (this.name || !this.#webSocket) return this.#end(code, reason);
      // It was not reached. Perhaps the WebSocket is only slow.
      this.#events = null;
    });
  }

  /** @param {string} type @param {object} what */
  #pass(type, what) {
    this.dispatchEvent(Object.assign(new Event(type), what));
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    this.close(1000);
    this.#pass('close', { code, reason });
  }
}
