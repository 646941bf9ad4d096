// What all pages have: a foot, and fields in which Hangul can be written.

import { speak, spoken, w } from '../i18n/index.js';
import { h } from './dom.js';

// Hangul is composed: the Enter that ends a composition belongs to the keyboard, in every field. Safari tells it by the
// code alone, since there the composition has ended already.
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
        'aria-pressed': String(language === spoken),
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
    h('nav', {}, h('a', { href: '/docs' }, w.docs), h('a', { href: '/docs/live' }, w.liveDocs)),
    h('div', { role: 'group', 'aria-label': w.language }, choice('ko', '한국어'), choice('en', 'English')),
  );
}
