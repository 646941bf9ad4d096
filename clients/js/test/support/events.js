// Server-Sent Events and POSTs that a test controls: what `fetch` asks for is answered when the test says so.

import { mock } from 'node:test';
import { withoutClient } from './fakes.js';

const encoder = new TextEncoder();

/** A frame as an event. @param {object | string} push */
export const event = (push) => `data: ${typeof push === 'string' ? push : JSON.stringify(push)}\n\n`;

/** All tasks that are ready have run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** One request, not answered yet. */
class Asked {
  isAborted = false;

  /**
   * @param {string} url
   * @param {RequestInit} init
   * @param {(response: Response) => void} resolve
   * @param {(reason: unknown) => void} reject
   */
  constructor(url, init, resolve, reject) {
    this.url = url;
    this.headers = new Headers(init.headers);
    this.keepalive = init.keepalive;
    this.resolve = resolve;
    this.reject = reject;
    init.signal?.addEventListener('abort', () => {
      this.isAborted = true;
      this.breaks(init.signal?.reason);
    });
  }

  /** The network is lost. @param {unknown} [reason] */
  breaks(reason = new TypeError('network error')) {
    this.reject(reason);
  }

  /** @param {number} status @param {object} [problem] */
  refuses(status, problem) {
    this.resolve(problem ? Response.json(problem, { status }) : new Response('<html>', { status, headers: { 'Content-Type': 'text/html' } }));
  }
}

export class FakeStream extends Asked {
  /** As a WebSocket counts. */
  readyState = 0;
  /** @type {ReadableStreamDefaultController<Uint8Array> | undefined} */
  #to;

  /** The first message. */
  get first() {
    return withoutClient(JSON.parse(this.headers.get('Tablecast-Join') ?? '{"join":{}}'));
  }

  opens() {
    this.readyState = 1;
    const body = new ReadableStream({ start: (to) => void (this.#to = to) });
    this.resolve(new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }));
  }

  /** @param {string | Uint8Array} what */
  writes(what) {
    if (!this.isAborted) this.#to?.enqueue(typeof what === 'string' ? encoder.encode(what) : what);
  }

  /** @param {object | string} push */
  hears(push) {
    this.writes(event(push));
  }

  /** The server ends it, and says why; 1006: it is cut. @param {number} code */
  ends(code, reason = '') {
    if (code === 1006) return this.breaks();
    this.writes(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
    this.readyState = 3;
    if (!this.isAborted) this.#to?.close();
  }

  /** @override @param {unknown} [reason] */
  breaks(reason) {
    super.breaks(reason);
    if (this.readyState === 1) this.#to?.error(reason ?? new TypeError('network error'));
    this.readyState = 3;
  }
}

export class FakePost extends Asked {
  /**
   * @param {string} url
   * @param {RequestInit} init
   * @param {(response: Response) => void} resolve
   * @param {(reason: unknown) => void} reject
   */
  constructor(url, init, resolve, reject) {
    super(url, init, resolve, reject);
    this.text = String(init.body);
    this.body = JSON.parse(this.text);
  }

  /** @param {object[]} answers */
  answers(answers) {
    this.resolve(Response.json({ answers }));
  }
}

/**
 * Takes the place of `fetch` until the test ends.
 * @param {import('node:test').TestContext} t
 * @param {(asked: FakeStream | FakePost) => void} take
 */
export function fakeFetch(t, take) {
  const network = { isReached: true, status: 204 };
  /** @param {any} url @param {any} init */
  const instead = async (url, init) => {
    if (init.method !== 'HEAD') return new Promise((resolve, reject) => take(new (init.method === 'POST' ? FakePost : FakeStream)(String(url), init, resolve, reject)));
    if (!network.isReached) throw new TypeError('network error');
    return new Response(null, { status: network.status });
  };
  const { mock: fake } = mock.method(globalThis, 'fetch', instead);
  t.after(() => fake.restore());
  return network;
}
