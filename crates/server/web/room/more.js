// All settings of a table, and its past, in one sheet.

import { w } from '../i18n/index.js';
import { h, say } from '../lib/dom.js';
import { sheet } from '../lib/page.js';
import { isLocked } from '../lib/rules.js';
import { deadlineForm } from './deadline.js';
import { earlier, removed } from './history.js';
import { hostForm } from './host.js';
import { called, nameOf } from './people.js';
import { rulesForm } from './rules.js';

/** @import { App, Part } from './app.js' */

/** The button, and the sheet that it opens. @param {App} app @returns {Part} */
export function more(app) {
  /** The parts of the open sheet. @type {Part[]} */
  let shown = [];
  const element = h('button', { type: 'button', class: 'link', 'aria-haspopup': 'dialog', onclick: open }, w.more);
  function open() {
    shown = [lockNote(), deadlineForm(app), rulesForm(app), hostForm(app), removed(app), earlier(app)];
    for (const part of shown) part.update(app.view());
    const wall = h('p', {}, h('a', { href: '?watch', target: '_blank' }, w.wall), h('span', { class: 'note' }, ` ${w.wallText}`));
    const dialog = sheet(w.moreTitle, [...shown.map(({ element }) => element), wall], 'settings');
    dialog.addEventListener('close', () => (shown = []));
  }
  return {
    element,
    update(view) {
      element.hidden = view.me === null;
      for (const part of shown) part.update(view);
    },
  };
}

/** Says why the settings are off. @returns {Part} */
function lockNote() {
  const element = h('p', { class: 'lock-note' });
  return {
    element,
    update(view) {
      element.hidden = !isLocked(view);
      say(element, w.lockedBy(called(nameOf(view.state?.host ?? 0) ?? '')));
    },
  };
}
