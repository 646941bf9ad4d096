// What the views are made of.

import { h } from '../live/dom.js';

/** @typedef {import('../live/dom.js').Child} Child */

/**
 * A view. It is shown at an address, and shown again when the address changes within it.
 * @typedef {object} View
 * @property {string} title
 * @property {HTMLElement} element
 * @property {boolean} live whether it may ask again by itself
 * @property {(query: import('./place.js').Query) => Promise<void>} show
 * @property {() => Promise<void>} refresh the same again, with the place in it kept
 * @property {() => void} end
 */

/**
 * A table that is scrolled by itself where it does not fit.
 * @param {string} name @param {string[]} columns
 */
export function table(name, columns) {
  const rows = h('tbody');
  const element = h('div', { class: 'scroll', role: 'region', 'aria-label': name, tabindex: '0' },
    h('table', {}, h('thead', {}, h('tr', {}, ...columns.map((column) => h('th', { scope: 'col' }, column)))), rows));
  return { element, rows };
}

/** @param {...Child} cells those of a row */
export const cells = (...cells) => cells.map((cell) => h('td', {}, cell));

/** @param {[string, Child][]} pairs names and what they are */
export const facts = (pairs) => h('dl', { class: 'facts' }, ...pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));

/** The heading of a view, which is told first when the view opens. @param {...Child} text */
export const heading = (...text) => h('h2', { tabindex: '-1' }, ...text);
