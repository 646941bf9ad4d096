// The connections of a page: they end with the page, and use the time of a client whose clock runs faster.

import { createRequire } from 'node:module';

// From the client's own tests: Node 20 has no WebSocket.
const require = createRequire(new URL('../../clients/js/package.json', import.meta.url));
/** @type {any} */
const WebSocket = require('ws');

/** The beginning of a message in a stream of events. */
const DATA = 'data: ';

/** A planted fault ends the socket after this time, ms. */
const PLANTED_AFTER = 1000;

/**
 * @param {{ dead: boolean, sockets: Set<any> }} page once it is dead, nothing is sent or received
 * @param {number} tempo how much faster the client's clock runs
 * @param {boolean} plant whether it says once, wrongly, that there is no such room
 * @returns {import('../../clients/js/src/types.js').WebSocketClass}
 */
export function socketClass(page, tempo, plant) {
  return class {
    #socket;

    /** @param {string} url @param {string} protocol */
    constructor(url, protocol) {
      this.#socket = page.dead ? null : new WebSocket(url, protocol);
      if (!this.#socket) return;
      this.#socket.addEventListener('error', () => {});
      page.sockets.add(this.#socket);
      this.#socket.addEventListener('close', () => page.sockets.delete(this.#socket));
    }

    get readyState() {
      return this.#socket?.readyState ?? 3;
    }

    /** @param {'open' | 'message' | 'close' | 'error'} type @param {(event: any) => void} listener */
    addEventListener(type, listener) {
      this.#socket?.addEventListener(type, (/** @type {any} */ event) => {
        if (!page.dead) listener(type === 'message' ? { data: lived(event.data, tempo) } : event);
      });
      if (type === 'close' && plant) setTimeout(() => page.dead || listener({ code: 4404, reason: '' }), PLANTED_AFTER * tempo);
    }

    /** @param {string} text */
    send(text) {
      if (!page.dead) this.#socket?.send(text);
    }

    /** @param {number} code */
    close(code) {
      if (!page.dead) this.#socket?.close(code);
    }
  };
}

/** The pages of this thread, by the address that each uses alone. @type {Map<string, { gone: AbortController, tempo: number }>} */
const pages = new Map();

const request = globalThis.fetch;

globalThis.fetch = async (url, init) => {
  const page = pages.get(String(url));
  if (!page) return request(url, init);
  const signals = [page.gone.signal, init?.signal ?? null].filter((signal) => signal !== null);
  const response = await request(url, { ...init, signal: AbortSignal.any(signals) });
  const { body, headers } = response;
  if (!body || headers.get('Content-Type') !== 'text/event-stream') return response;
  return Object.defineProperty(response, 'body', { value: body.pipeThrough(livedEvents(page.tempo)) });
};

/**
 * @param {{ gone: AbortController }} page
 * @param {number} tempo how much faster the client's clock runs
 * @param {string} url
 * @returns {string} the same for this page alone, whose requests to it end with it
 */
export function fetchesEndWith({ gone }, tempo, url) {
  const own = `${url}?page=${pages.size}`;
  pages.set(own, { gone, tempo });
  return own;
}

/** @param {number} tempo @returns {TransformStream<Uint8Array, Uint8Array>} */
function livedEvents(tempo) {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let line = '';
  return new TransformStream({
    transform(bytes, to) {
      const lines = (line + decoder.decode(bytes, { stream: true })).split('\n');
      line = lines.pop() ?? '';
      const whole = lines.map((one) => (one.startsWith(DATA) ? DATA + lived(one.slice(DATA.length), tempo) : one) + '\n');
      if (whole.length) to.enqueue(encoder.encode(whole.join('')));
    },
  });
}

/**
 * Converts the server's durations and rates to the client's time.
 * @param {string} text
 * @param {number} tempo
 */
function lived(text, tempo) {
  if (tempo === 1 || !text.startsWith('{"hello":')) return text;
  const message = JSON.parse(text);
  const { limits } = message.hello;
  limits.commands_per_second /= tempo;
  limits.ping_interval_ms *= tempo;
  limits.seat_grace_ms *= tempo;
  return JSON.stringify(message);
}
