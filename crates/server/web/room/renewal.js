// A page that is older than the server: it loads itself again, and says so if that does not help.

import { w } from '../i18n/index.js';
import { h } from '../lib/dom.js';
import * as remember from '../lib/remember.js';
import { typed } from './add.js';

/** @import { App, Part, View } from './app.js' */

/** Seat and unanswered changes are stored already. @param {App} app */
function reload({ id }) {
  remember.leaveTyped(id, typed());
  location.reload();
}

let isRenewing = false;

/**
 * Whether the page is being loaded again, because the server said something that it does not know. It tries once for
 * each version of the server: what it gets may be as old, for example from another server.
 * @param {App} app
 * @param {View} view
 */
export function renewing(app, { outdated }) {
  if (outdated && !isRenewing && remember.firstRenewal(outdated)) {
    isRenewing = true;
    reload(app);
  }
  return isRenewing;
}

/** Says that the page is too old. @param {App} app @returns {Part} */
export function tooOld(app) {
  const element = h(
    'section',
    { class: 'trouble', hidden: true, 'aria-label': w.tooOld },
    h('div', {}, h('span', {}, w.tooOld), h('span', { class: 'trouble-note' }, w.tooOldNote)),
    h('button', { type: 'button', class: 'second small', onclick: () => reload(app) }, w.loadNew),
  );
  return {
    element,
    update({ outdated }) {
      if (element.hidden && outdated) app.announce(w.tooOld, true);
      element.hidden = !outdated;
    },
  };
}
