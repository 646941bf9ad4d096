// The data stored on this device. If storage is full, forbidden, or has invalid data, it counts as empty.

import { fold } from './text.js';

/** @import { Saved, Version } from '../client/types.js' */

/**
 * A room that was visited.
 * @typedef {object} Visit
 * @property {string} id
 * @property {string | null} title
 * @property {string[]} items the first few
 * @property {number} at last time, ms
 * @property {number} expiresAt as far as is known, ms
 * @property {string | null} winner
 */

/** How many rooms are remembered. */
const VISITS = 12;

/**
 * @param {'localStorage' | 'sessionStorage'} where
 * @param {string} key
 * @returns {any} null if there is nothing readable
 */
function read(where, key) {
  try {
    return JSON.parse(window[where].getItem(`tablecast.${key}`) ?? 'null');
  } catch {
    return null;
  }
}

/**
 * @param {'localStorage' | 'sessionStorage'} where
 * @param {string} key
 * @param {unknown} value null: nothing
 * @returns {boolean} false: storage is full or forbidden, and nothing is stored
 */
function write(where, key, value) {
  try {
    if (value === null) window[where].removeItem(`tablecast.${key}`);
    else window[where].setItem(`tablecast.${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

const isText = (/** @type {unknown} */ value) => typeof value === 'string';

export const me = {
  /** @returns {string | undefined} */
  get name() {
    const name = read('localStorage', 'name');
    return isText(name) ? name : undefined;
  },
  set name(name) {
    write('localStorage', 'name', name ?? null);
  },
  /** @returns {number | undefined} */
  get colour() {
    const colour = read('localStorage', 'colour');
    return Number.isInteger(colour) && colour >= 0 && colour < 12 ? colour : undefined;
  },
  set colour(colour) {
    write('localStorage', 'colour', colour ?? null);
  },
  /** A secret, see `lib/person.js`. @returns {string | undefined} */
  get person() {
    const person = read('localStorage', 'person');
    return isText(person) && /^[0-9a-f]{32}$/.test(person) ? person : undefined;
  },
  set person(person) {
    write('localStorage', 'person', person ?? null);
  },
};

/** @returns {string | null} */
export const language = () => read('localStorage', 'language');

/** @param {string} chosen */
export const rememberLanguage = (chosen) => write('localStorage', 'language', chosen);

/** Dishes added by this device, the newest first. @returns {string[]} */
export function used() {
  const items = read('localStorage', 'used');
  return Array.isArray(items) ? items.filter(isText) : [];
}

/** @param {string} item */
export const rememberUsed = (item) => write('localStorage', 'used', withUsed(used(), item));

/** The newest first. @returns {Visit[]} */
export function visits() {
  const list = read('localStorage', 'visits');
  if (!Array.isArray(list)) return [];
  return list.filter((visit) => visit && isText(visit.id) && Array.isArray(visit.items) && visit.items.every(isText));
}

/** @param {Omit<Visit, 'at'>} visit */
export function rememberVisit(visit) {
  const others = visits().filter(({ id }) => id !== visit.id);
  write('localStorage', 'visits', [{ ...visit, at: Date.now() }, ...others].slice(0, VISITS));
}

export const forgetVisits = () => write('localStorage', 'visits', null);

/**
 * The seat in a room, with what this tab must know after a reload: where it was, and its unanswered commands. Another tab
 * of the same person takes the seat over.
 * @param {string} id @returns {Saved | null}
 */
export const seat = (id) => read('sessionStorage', `seat.${id}`);

/** @param {string} id @param {Saved | null} saved */
export const rememberSeat = (id, saved) => write('sessionStorage', `seat.${id}`, saved);

/** What could not be stored: it is kept as long as the page. @type {Map<string, string[]>} */
const unstored = new Map();

/**
 * Dishes that were added to a room but are not yet known to be on its menu. Stored on the device, because the tab
 * may be closed before they are sent.
 * @param {string} id @returns {string[]}
 */
export function unsent(id) {
  const items = unstored.get(id) ?? read('localStorage', `unsent.${id}`);
  return Array.isArray(items) ? items.filter(isText) : [];
}

/** @param {string} id @param {string} item @param {boolean} is whether it is one of them */
export function rememberUnsent(id, item, is) {
  const others = unsent(id).filter((other) => other !== item);
  const items = is ? [...others, item].slice(-UNSENT) : others;
  if (write('localStorage', `unsent.${id}`, items.length ? items : null)) unstored.delete(id);
  else unstored.set(id, items);
}

/** Typed text, for the page that is about to be loaded again. @param {string} id @param {string} text */
export const leaveTyped = (id, text) => write('sessionStorage', `typed.${id}`, text || null);

/** Takes it. @param {string} id @returns {string} */
export function takeTyped(id) {
  const text = read('sessionStorage', `typed.${id}`);
  write('sessionStorage', `typed.${id}`, null);
  return isText(text) ? text : '';
}

/**
 * Notes that the page is loaded again for this version of the server. False if that was noted before or cannot be noted:
 * loading again might never stop.
 * @param {Version} version
 */
export function firstRenewal({ protocol, app }) {
  const key = `renewed.${protocol}.${app}`;
  if (read('sessionStorage', key)) return false;
  write('sessionStorage', key, true);
  return read('sessionStorage', key) === true;
}

/** How many dishes are remembered: that were used, and that wait to be sent, which are as many as a menu has and more. */
const REMEMBERED = 60;
const UNSENT = 200;

/**
 * @param {readonly string[]} used the dishes added in earlier rooms, the newest first
 * @param {readonly { item: string }[]} items on the menu already
 * @param {string} typed so far
 * @param {number} most
 * @returns {string[]}
 */
export function suggestions(used, items, typed, most) {
  const there = new Set(items.map(({ item }) => fold(item)));
  const begun = fold(typed);
  const fitting = used.filter((item) => !there.has(fold(item)) && fold(item) !== begun && fold(item).includes(begun));
  // Dishes that begin with the text come before those that contain it.
  const begins = (/** @type {string} */ item) => Number(!fold(item).startsWith(begun));
  return fitting.sort((a, b) => begins(a) - begins(b)).slice(0, most);
}

/**
 * The used dishes with one more, which is now the newest.
 * @param {readonly string[]} used
 * @param {string} item
 * @returns {string[]}
 */
export function withUsed(used, item) {
  return [item, ...used.filter((other) => fold(other) !== fold(item))].slice(0, REMEMBERED);
}
