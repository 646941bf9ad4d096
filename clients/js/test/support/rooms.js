// Members of real rooms.

import { LunchRoom } from 'tablecast-client/lunch';
import WebSocket from 'ws';

/** @typedef {import('tablecast-client').View<import('../../src/types.js').Menu>} View */

/** Only a hanging test takes this long, also on a busy machine. */
const DEADLINE = 60_000;

/**
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {ConstructorParameters<typeof LunchRoom>[1]} [options]
 */
export function join(t, url, options) {
  const room = new LunchRoom(url, { WebSocket, ...options });
  t.after(() => room.close());
  return room;
}

/**
 * Waits until the view meets a condition.
 * @param {LunchRoom} room
 * @param {(view: View) => unknown} is
 * @returns {Promise<View>}
 */
export function until(room, is) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      stop();
      reject(new Error(`it never became ${is}: ${JSON.stringify(room.view)}`));
    }, DEADLINE);
    const look = () => {
      if (!is(room.view)) return;
      clearTimeout(late);
      stop();
      resolve(room.view);
    };
    const stop = () => room.removeEventListener('view', look);
    room.addEventListener('view', look);
    look();
  });
}

/** @param {LunchRoom} room */
export const live = (room) => until(room, (view) => view.status === 'live');

/** @param {LunchRoom} room */
export const items = (room) => room.view.state?.items.map(({ item }) => item);
