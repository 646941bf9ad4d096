// Rooms over HTTP, and the rooms that were made here.

/** @typedef {{ id: string, title: string, at: number }} Made */

/** The site's address, without the slash at the end; it may have a proxy's path. */
export const SITE = new URL('../../..', import.meta.url).href.slice(0, -1);

const KEY = 'tablecast.console.rooms';

/** How many are remembered. */
const REMEMBERED = 20;

/**
 * @param {string} title @param {string} minutes both may be empty
 * @returns {Promise<string>} its id
 */
export async function make(title, minutes) {
  /** @type {Record<string, unknown>} */
  const settings = {};
  if (title.trim()) settings['title'] = title;
  if (minutes.trim()) settings['minutes'] = Number(minutes);
  const asked = Object.keys(settings).length > 0;
  const response = await fetch(`${SITE}/session/`, {
    method: 'POST',
    ...(asked && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(settings) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(problem(response, answer));
  remember({ id: answer.id, title: title.trim(), at: Date.now() });
  return answer.id;
}

/**
 * The room as it is now, with its remaining time.
 * @param {string} id @returns {Promise<any>}
 */
export async function look(id) {
  const response = await fetch(`${SITE}/session/${encodeURIComponent(id)}/`);
  const answer = await response.json();
  if (!response.ok) throw new Error(problem(response, answer));
  return answer;
}

/** @param {Response} response @param {any} answer a problem document */
const problem = (response, answer) => `${response.status} ${answer?.code ?? ''}: ${answer?.detail ?? response.statusText}`;

/**
 * The id in a pasted text: the id itself, or any address with it.
 * @param {string} pasted @returns {string} empty if there is none
 */
export function idIn(pasted) {
  const text = pasted.trim();
  const found = /(?:\/(?:ws|r|session)\/|#(?:.*&)?room=)([\w-]{1,64})(?![\w-])/.exec(text)?.[1];
  return found ?? (/^[\w-]{1,64}$/.test(text) ? text : '');
}

/** @param {string} id */
export const socketOf = (id) => `${SITE.replace(/^http/, 'ws')}/ws/${id}/`;

/** @returns {Made[]} newest first */
export function made() {
  try {
    const rooms = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(rooms) ? rooms.filter((one) => typeof one?.id === 'string' && idIn(one.id) === one.id) : [];
  } catch {
    // Storage may be switched off; then nothing is remembered.
    return [];
  }
}

/** @param {Made} room */
function remember(room) {
  try {
    localStorage.setItem(KEY, JSON.stringify([room, ...made().filter(({ id }) => id !== room.id)].slice(0, REMEMBERED)));
  } catch {
    // As above.
  }
}

/**
 * The request in a link to this console: `#room=ID&members=json,text`.
 * @param {string} hash
 * @returns {{ room: string, members: import('./member.js').Dialect[] }}
 */
export function wishes(hash) {
  const wish = new URLSearchParams(hash.replace(/^#/, ''));
  const members = (wish.get('members') ?? '').split(',').flatMap((name) => {
    const dialect = name.trim();
    return dialect === 'json' || dialect === 'text' ? [/** @type {import('./member.js').Dialect} */ (dialect)] : [];
  });
  return { room: idIn(wish.get('room') ?? ''), members };
}
