import { RoomError } from './errors.js';

/** @import { CreatedRoom, RoomResult, RoomSettings } from './types.js' */

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
    body = { code: 'disconnected', detail: `${url.origin} gave no answer that is understood${why}: ${cause}` };
  }
  if (response?.ok && body?.id) return body;
  const status = response?.status;
  const retryAfter = Number(response?.headers.get('Retry-After')) || undefined;
  const detail = body?.detail ?? `${url.origin} answers ${status}, and not as a Tablecast server does`;
  throw new RoomError(body?.code ?? 'internal', detail, { status, retryAfter });
}

/**
 * Makes a room.
 * @param {string | URL} base the site's first page, as for `roomUrl`
 * @param {RoomSettings} [settings]
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<CreatedRoom>}
 * @throws {RoomError} the server's refusal, or `disconnected`: no answer, or one that this page may not read
 */
export async function createRoom(base, settings = {}, init) {
  const headers = { 'Content-Type': 'application/json' };
  const how = { method: 'POST', headers, body: JSON.stringify(settings), ...init };
  const body = await request(new URL('session/', base), how);
  return { ...body, url: roomUrl(base, body.id), page: new URL(`r/${body.id}`, base).href };
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
