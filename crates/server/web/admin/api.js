// The operator's API of this node.

import { reason } from './reason.js';

/** @typedef {{ epoch: string, seq: number }} Position */
/**
 * @typedef {object} Room
 * @property {string} id
 * @property {Position} position
 * @property {number} members
 * @property {number} connections
 * @property {number} watchers
 * @property {number | null} opened_at null: it is not open here
 * @property {number} expires_at
 */
/**
 * @typedef {object} Seat
 * @property {string} member
 * @property {string} name
 * @property {boolean} person whether a key of a person came with it
 * @property {boolean} here whether somebody is connected
 * @property {string} [node]
 */
/**
 * @typedef {object} Connection
 * @property {string | null} member
 * @property {string} dialect
 * @property {string} transport
 * @property {string | null} address
 * @property {number} since
 * @property {number | null} round_trip_ms
 * @property {{ frames: number, bytes: number, oldest_ms: number | null }} outbox
 */
/** @typedef {Room & { seats: Seat[], connections_here: Connection[], state: unknown }} OpenRoom */
/** @typedef {{ seq: number, by?: string | number | null, event: unknown }} Step */
/** @typedef {{ from: (Position & { state: unknown }) | null, events: Step[] }} History */
/** @typedef {{ position: Position, state: unknown, event: unknown }} Moment the state is null where it is not remembered: before the oldest that is stored */
/**
 * @typedef {object} Visit
 * @property {number} at
 * @property {'joined' | 'resumed' | 'watching' | 'refused' | 'closed'} what
 * @property {string} room
 * @property {string | null} member
 * @property {string | null} name
 * @property {string | null} address
 * @property {string | null} dialect
 * @property {string | null} transport
 * @property {number | string | null} code
 * @property {string | null} reason
 * @property {number | null} lasted_ms
 */
/**
 * @typedef {object} Node
 * @property {string} node
 * @property {string} version
 * @property {string | null} commit
 * @property {number} started_at
 * @property {boolean} draining
 * @property {number} rooms
 * @property {number} connections
 * @property {{ domains: string[], not_after: number | null, last_error: string | null, next_renewal: number | null } | null} tls
 * @property {{ name: string, health: string, words?: string }} store `words`: why its health is not `up`
 */

/** The root of this address, from where the page came. */
const ROOT = new URL('../../../', import.meta.url);

/**
 * @param {string} path below `/api/` @param {Record<string, string | number | undefined>} query empty values are left out
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
export async function get(path, query, signal) {
  const url = new URL(`api/${path}`, ROOT);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  const why = reason();
  // A header is not text: only ASCII comes through.
  const headers = why === '' ? {} : { 'tablecast-reveal': encodeURIComponent(why) };
  return answer(await reach(url, { headers, signal }));
}

/** @param {string} path below `/api/` @param {Record<string, unknown>} [body] */
export async function post(path, body = {}) {
  const url = new URL(`api/${path}`, ROOT);
  await answer(await reach(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }));
}

/**
 * Whether clients are sent here.
 * @param {AbortSignal} signal
 * @returns {Promise<string>} why not; empty: they are
 */
export async function unready(signal) {
  const response = await reach(new URL('readyz', ROOT), { signal });
  return response.ok ? '' : problem(response, await body(response));
}

/** @param {URL} url @param {RequestInit} how */
async function reach(url, how) {
  try {
    return await fetch(url, { cache: 'no-store', ...how });
  } catch (cause) {
    throw new Error('this node does not answer; it may have ended', { cause });
  }
}

/** @param {Response} response @returns {Promise<any>} undefined if it is no JSON */
const body = (response) => response.json().catch(() => undefined);

/** @param {Response} response */
async function answer(response) {
  const value = await body(response);
  if (!response.ok) throw new Error(problem(response, value));
  return value;
}

/** @param {Response} response @param {any} document a problem document */
const problem = (response, document) => `${response.status} ${document?.code ?? ''}: ${document?.detail ?? (response.statusText || 'no reason was given')}`;

/**
 * Of several answers only that to the newest question counts. The others are called off, and those that come all the
 * same are dropped.
 */
export class Newest {
  #asking = new AbortController();

  /**
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} question
   * @returns {Promise<T | undefined>} undefined if it is not the newest any more
   */
  async ask(question) {
    this.#asking.abort();
    const { signal } = (this.#asking = new AbortController());
    try {
      const value = await question(signal);
      return signal.aborted ? undefined : value;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  end() {
    this.#asking.abort();
  }
}
