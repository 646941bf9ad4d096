// A dialog: from below on a phone, in the middle elsewhere. The browser keeps the focus inside and gives it back.

import { w } from '../i18n/index.js';
import { h } from './dom.js';
import { icon } from './pictures.js';

let made = 0;

/**
 * Opens one; it is gone when it was closed.
 * @param {string} title
 * @param {import('./dom.js').Child[]} content
 * @param {string} [kind]
 */
export function sheet(title, content, kind = '') {
  const id = `sheet-${++made}`;
  const dialog = h(
    'dialog',
    { class: `sheet ${kind}`, 'aria-labelledby': id },
    h(
      'div',
      { class: 'sheet-body' },
      h(
        'header',
        { class: 'sheet-head' },
        h('h2', { id }, title),
        h('button', { type: 'button', class: 'quiet round', 'aria-label': w.close, onclick: () => dialog.close() }, icon('close')),
      ),
      ...content,
    ),
  );
  // The dialog itself is what is around its body.
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
