import { RoomError } from './errors.js';

/** @import { CreatedRoom, NextSettings, Remembered, RoomResult, RoomSettings } from './types.js' */

/**
 * The WebSocket address of a room.
 * @param {string | URL} base the site's first page, such as `https://lunch.example` or `https://example.org/lunch/`:
 *   with a slash at the end of its path
 * @param {string} id
 * @returns {string}
 */
export function roomUrl(base, id) {
  const url = new URL(`ws/${encodeURIComponent(id)}/`, base);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

/**
 * @param {URL} url
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function request(url, init) {
  /** @type {Response | undefined} */
  let response;
  /** @type {any} */
  let body;
  try {
    response = await fetch(url, init);
    body = await response.json();
  } catch (cause) {
    // Aborted by the caller's own signal: the caller gets its own error.
    if (init?.signal?.aborted) throw cause;
    const { origin = url.origin } = globalThis.location ?? {};
    // A page cannot distinguish no answer from an answer that it may not read.
    const why = response || origin === url.origin ? '' : `, or does not allow ${origin} (--allowed-origin)`;
    body = { code: 'disconnected', detail: `${url.origin} ${response ? 'gives an answer that is not understood' : 'cannot be reached'}${why}: ${cause}` };
  }
  if (response?.ok && body?.id) return body;
  const status = response?.status;
  const retryAfter = Number(response?.headers.get('Retry-After')) || undefined;
  const detail = body?.detail ?? `${url.origin} answers ${status}, and not as a Tablecast server does`;
  throw new RoomError(body?.code ?? 'internal', detail, { status, retryAfter });
}

/**
 * @param {string | URL} base
 * @param {string} path
 * @param {object} settings
 * @param {RequestInit} [init]
 * @returns {Promise<CreatedRoom>}
 */
async function make(base, path, settings, init) {
  const headers = { 'Content-Type': 'application/json' };
  const how = { method: 'POST', headers, body: JSON.stringify(settings), ...init };
  const body = await request(new URL(path, base), how);
  return { ...body, url: roomUrl(base, body.id), page: new URL(`r/${body.id}`, base).href };
}

/**
 * Makes a room.
 * @param {string | URL} base the site's first page, as for `roomUrl`
 * @param {RoomSettings} [settings]
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<CreatedRoom>}
 * @throws {RoomError} the server's refusal, or `disconnected`: no answer, or one that this page may not read
 */
export const createRoom = (base, { decideIn, decideAt, hiddenVotes, votesEach, ...settings } = {}, init) =>
  make(base, 'session/', { ...settings, decide_in: decideIn, decide_at: decideAt, hidden_votes: hiddenVotes, votes_each: votesEach }, init);

/**
 * The room that comes after this one, with its title and dishes: the same for everybody who asks. Where the server knows
 * nothing of this one any more, since it ended undecided, they are those that whoever asks first remembers.
 * @param {string | URL} base the site's first page, as for `roomUrl`
 * @param {string} id
 * @param {NextSettings & Remembered} [settings] used by the first who asks
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<CreatedRoom>}
 * @throws {RoomError} the server's refusal, `not_found` if neither the room nor its result is there, and no `menu` is given; or `disconnected`
 */
export function again(base, id, { menu, ...settings } = {}, init) {
  // Of items with all that they have only this is needed.
  const dishes = menu?.map(({ item, name }) => ({ item, name }));
  return make(base, `session/${encodeURIComponent(id)}/again`, { ...settings, menu: dishes }, init);
}

/**
 * The last decision in a room, also when the room is gone.
 * @param {string | URL} base the site's first page, as for `roomUrl`
 * @param {string} id
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<RoomResult>}
 * @throws {RoomError} the server's refusal, `not_found` if there is no result; or `disconnected`
 */
export function roomResult(base, id, init) {
  return request(new URL(`session/${encodeURIComponent(id)}/result/`, base), init);
}
