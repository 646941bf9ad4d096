import { RoomError } from './errors.js';

/** @import { CreatedRoom } from './types.js' */

/**
 * Where to join a room.
 * @param {string | URL} base any address of the server, such as `location.href`
 * @param {string} id
 * @returns {string}
 */
export function roomUrl(base, id) {
  const url = new URL(`/ws/${encodeURIComponent(id)}/`, base);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

/**
 * Makes a room.
 * @param {string | URL} base any address of the server, such as `location.href`
 * @param {object} [settings] of the room, if the server has any
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<CreatedRoom>}
 * @throws {RoomError} the server's refusal, or `disconnected`
 */
export async function createRoom(base, settings = {}, init) {
  /** @type {Response} */
  let response;
  /** @type {any} */
  let body;
  try {
    response = await fetch(new URL('/session/', base), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(settings),
      ...init,
    });
    body = await response.json();
  } catch (error) {
    // Ended by the caller's own signal: theirs to recognise.
    if (init?.signal?.aborted) throw error;
    throw new RoomError('disconnected', `the server gave no answer that is understood: ${error}`);
  }
  const { status, headers } = response;
  if (!response.ok) {
    const retryAfter = Number(headers.get('Retry-After')) || undefined;
    throw new RoomError(body.code ?? 'internal', body.detail ?? `status ${status}`, { status, retryAfter });
  }
  return { ...body, url: roomUrl(base, body.id), page: new URL(body.page, base).href };
}
