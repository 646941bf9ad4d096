// Watching: without a seat while the table is full, or on a screen for the wall.

import { w } from '../i18n/index.js';
import { h } from '../lib/dom.js';

/** @import { Part } from './app.js' */

/** Whether this page is for the wall: it never takes a seat, and shows no controls. */
export const isWall = new URLSearchParams(location.search).has('watch');

/** Says that somebody watches, while they do. @returns {Part} */
export function watching() {
  const element = h('section', { class: 'watching', hidden: true, 'aria-label': w.watching }, h('strong', {}, w.fullTitle), ' ', h('span', {}, w.watchText));
  return {
    element,
    update(view) {
      element.hidden = isWall || !view.watching;
    },
  };
}
