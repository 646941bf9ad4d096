// What might be eaten: from earlier rooms, the newest first. Pure.

import { fold } from './text.js';

/** As many dishes are remembered. */
const REMEMBERED = 60;

/**
 * @param {readonly string[]} used what was added in earlier rooms, the newest first
 * @param {readonly { item: string }[]} items on the menu already
 * @param {string} typed so far
 * @param {number} most
 * @returns {string[]}
 */
export function suggestions(used, items, typed, most) {
  const there = new Set(items.map(({ item }) => fold(item)));
  const begun = fold(typed);
  const fitting = used.filter((item) => !there.has(fold(item)) && fold(item) !== begun && fold(item).includes(begun));
  // What begins like that goes before what contains it.
  const begins = (/** @type {string} */ item) => Number(!fold(item).startsWith(begun));
  return fitting.sort((a, b) => begins(a) - begins(b)).slice(0, most);
}

/**
 * What was used with one more, which is the newest now.
 * @param {readonly string[]} used
 * @param {string} item
 * @returns {string[]}
 */
export function withUsed(used, item) {
  return [item, ...used.filter((other) => fold(other) !== fold(item))].slice(0, REMEMBERED);
}
