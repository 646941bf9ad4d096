// The WebSocket of a page: it ends with the page, and uses the time of a client whose clock runs faster.

import { createRequire } from 'node:module';

// From the client's own tests: Node 20 has no WebSocket.
const require = createRequire(new URL('../../clients/js/package.json', import.meta.url));
/** @type {any} */
const WebSocket = require('ws');

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
