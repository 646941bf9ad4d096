// The foot of every page.

import { speak, spoken, w } from '../i18n/index.js';
import { h } from './dom.js';

/** @param {() => void} changed shows everything again, in another language */
export function foot(changed) {
  const choice = (/** @type {'en' | 'ko'} */ language, /** @type {string} */ name) =>
    h(
      'button',
      {
        type: 'button',
        class: 'link',
        lang: language,
        'aria-pressed': String(language === spoken),
        onclick: () => {
          speak(language);
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
