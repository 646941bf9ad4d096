// The common parts of all pages: the site's address, the foot, dialogs, and fields for Hangul.

import { speak, spoken, w } from '../i18n/index.js';
import { h } from './dom.js';
import { icon } from './pictures.js';

/** The first page, relative to this file, so that it is right under any path of a proxy. */
export const root = new URL('../../../', import.meta.url).href;

// Hangul is composed: the Enter that ends a composition belongs to the input method, in every field. In Safari only
// the key code shows it, because there the composition has already ended.
document.addEventListener(
  'keydown',
  (event) => {
    if (event.key === 'Enter' && (event.isComposing || event.keyCode === 229)) event.preventDefault();
  },
  { capture: true },
);

/** @param {() => void} changed shows everything again, in another language */
export function foot(changed) {
  const choice = (/** @type {import('../i18n/index.js').Language} */ language, /** @type {string} */ name) =>
    h(
      'button',
      {
        type: 'button',
        class: 'link',
        lang: language,
        'aria-pressed': String(language === spoken()),
        onclick: async () => {
          await speak(language);
          changed();
          /** @type {HTMLElement | null} */ (document.querySelector(`.foot [lang=${language}]`))?.focus();
        },
      },
      name,
    );
  return h(
    'footer',
    { class: 'foot' },
    h('div', { role: 'group', 'aria-label': w.language }, choice('ko', '한국어'), choice('en', 'English')),
  );
}

/**
 * Asks before something that others would mind.
 * @param {string} question
 * @param {string} text
 * @param {string} yes the button that does it
 * @param {() => void} then
 */
export function ask(question, text, yes, then) {
  const done = () => {
    dialog.close();
    then();
  };
  const dialog = sheet(question, [
    h('p', {}, text),
    h('div', { class: 'ask-buttons' }, h('button', { type: 'button', class: 'second', onclick: () => dialog.close() }, w.cancel), h('button', { type: 'button', class: 'main', onclick: done }, yes)),
  ]);
}

let made = 0;

/**
 * Opens a dialog: from the bottom on a phone, in the middle elsewhere. The browser keeps the focus inside and
 * restores it afterwards. A closed dialog is removed.
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
  // A click on the dialog itself is outside its body.
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  // What is filled in takes effect with its form; until then it would be lost with the sheet.
  const isForm = (/** @type {Event} */ { target }) => target instanceof Element && target.closest('form') !== null;
  dialog.addEventListener('input', (event) => isForm(event) && dialog.setAttribute('data-changed', ''));
  dialog.addEventListener('submit', () => dialog.removeAttribute('data-changed'));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
