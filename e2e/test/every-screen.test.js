// Properties of every screen: it is accessible, nothing sticks out, and it has one language.

import { equal } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { test } from '../support/browser.js';
import { tour } from '../support/tour.js';

/** The narrowest supported phone. */
const NARROW = { width: 320, height: 568 };

for (const [name, device] of /** @type {const} */ ([
  ['in Korean by day on 320 pixels', { locale: 'ko-KR', colorScheme: 'light', viewport: NARROW, hasTouch: true, isMobile: true }],
  ['in English by night on a desktop', { locale: 'en-US', colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
  ['in English by day on 320 pixels', { locale: 'en-US', colorScheme: 'light', viewport: NARROW }],
])) {
  test(`every screen can be used by all, ${name}`, async (t) => {
    /** @type {string[]} */
    const wrong = [];
    await tour(t, device, async (screen, { page }) => {
      for (const finding of await findings(page)) wrong.push(`${screen}: ${finding}`);
      const tooWide = await page.evaluate(sticksOut);
      if (tooWide.length > 0) wrong.push(`${screen} is too wide: ${tooWide.join(', ')}`);
      if (device.locale === 'ko-KR') {
        const foreign = await page.evaluate(latin);
        if (foreign.length > 0) wrong.push(`${screen} says in English: ${foreign.join(', ')}`);
      }
    });
    equal(wrong.join('\n'), '');
  });
}

/** The elements beyond the right edge, if the page can be scrolled there. */
function sticksOut() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > clientWidth + 1);
  return [`${scrollWidth} px`, ...wide.slice(0, 5).map((element) => `${element.tagName}.${element.getAttribute('class')}`)];
}

/** English words that are shown or read out, except names. */
function latin() {
  const names = /https?:\S+|Tablecast|English|QR|sha256sum|printf|tablecast draw/g;
  const inside = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility() && !element.matches('code, pre, noscript, [lang=en], .brand-name'));
  const said = inside.flatMap((element) => [
    ...[...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent ?? ''),
    ...['aria-label', 'placeholder', 'title', 'alt'].map((name) => element.getAttribute(name) ?? ''),
  ]);
  return said.filter((text) => /[A-Za-z]{2,}/.test(text.replace(names, '')));
}
