// Watching: without a seat while the table is full, or on a screen for the wall.

import { w } from '../i18n/index.js';
import { h, isCalm } from '../lib/dom.js';

/** @import { Part } from './app.js' */

/** Whether this page is for the wall: it never takes a seat, and shows no controls. */
export const isWall = new URLSearchParams(location.search).has('watch');

/** How long a screen of the wall stays, in seconds. */
const STAYS = 8;

/** Shows what does not fit on the wall: a screen after the other, and the first one again. */
function scroll() {
  const isEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 1;
  // What was last on the screen is seen on the next one, too.
  scrollTo({ top: isEnd ? 0 : scrollY + innerHeight * 0.7, behavior: isCalm() ? 'instant' : 'smooth' });
}

/** Says that somebody watches, while they do. @returns {Part} */
export function watching() {
  const element = h('section', { class: 'watching', hidden: true, 'aria-label': w.watching }, h('strong', {}, w.fullTitle), ' ', h('span', {}, w.watchText));
  let seconds = 0;
  const tick = () => void (++seconds % STAYS || scroll());
  return {
    element,
    ...(isWall && { tick }),
    update(view) {
      element.hidden = isWall || !view.watching;
    },
  };
}
