// Little height: a phone in landscape, or with a keyboard on its screen.

import { equal } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';

const PHONE = { hasTouch: true, isMobile: true };
const LANGUAGES = /** @type {const} */ (['en-US', 'ko-KR']);

/**
 * A table with dishes.
 * @param {import('node:test').TestContext} t
 */
async function laid(t) {
  const server = await site(t, ['--seats', '20']);
  const host = await guest(t, server.base);
  const id = await table.open(host);
  for (const item of ['김밥', 'Pho', 'Ramen']) await table.add(host, item);
  return { server, id };
}

test('who is asked for a name on a phone that lies on its side sees the menu too', async (t) => {
  const { server, id } = await laid(t);
  for (const locale of LANGUAGES) {
    for (const viewport of [{ width: 667, height: 375 }, { width: 844, height: 390 }]) {
      const one = await guest(t, server.base, { ...PHONE, locale, viewport });
      await table.enter(one, id);
      await one.page.getByRole('textbox', { name: one.w.yourName }).waitFor();
      const box = await table.dish(one, '김밥').boundingBox();
      equal((box?.y ?? Infinity) + 40 < viewport.height, true, `${locale}, ${viewport.width}: ${JSON.stringify(box)}`);
      await one.context.close();
    }
  }
});

test('what one types into, and the button beside it, is not covered while a keyboard takes half of the screen', async (t) => {
  const { server, id } = await laid(t);
  for (const locale of LANGUAGES) {
    for (const viewport of [{ width: 390, height: 420 }, { width: 320, height: 300 }, { width: 667, height: 180 }]) {
      const one = await guest(t, server.base, { ...PHONE, locale, viewport });
      const { page, w } = one;
      await table.enter(one, id);
      for (const [field, button] of /** @type {const} */ ([[w.yourName, w.save], [w.addLabel, w.add]])) {
        await page.getByRole('textbox', { name: field }).focus();
        for (const part of [page.getByRole('textbox', { name: field }), page.getByRole('button', { name: button, exact: true })]) {
          equal(await part.evaluate(isOnTop), true, `${locale}, ${viewport.width} × ${viewport.height}: ${field}`);
        }
      }
      await one.context.close();
    }
  }
});

/** Whether the middle of its upper and lower edges can be touched. @param {Element} element */
function isOnTop(element) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return [top + 4, bottom - 4].every((y) => element.contains(document.elementFromPoint(left + (right - left) / 3, y)));
}

test('who opens a table, and learns what it is, needs not scroll for the button, also on a small phone or one on its side', async (t) => {
  const server = await site(t);
  for (const locale of LANGUAGES) {
    for (const viewport of [{ width: 320, height: 568 }, { width: 667, height: 375 }]) {
      const one = await guest(t, server.base, { ...PHONE, locale, viewport, reducedMotion: 'reduce' });
      const { page, w } = one;
      /** @param {import('playwright-core').Locator} button */
      const isSeen = async (button) => {
        const box = await button.boundingBox();
        equal((box?.y ?? Infinity) + (box?.height ?? 0) <= viewport.height, true, `${locale}, ${viewport.width}: ${JSON.stringify(box)}`);
      };
      await page.goto('/');
      await page.getByRole('button', { name: w.open }).waitFor();
      await isSeen(page.getByRole('button', { name: w.open }));
      await table.open(one);
      await table.add(one, 'Bibimbap');
      await table.decide(one, 'byDraw');
      await table.winner(one);
      await isSeen(table.told(one).getByRole('button', { name: w.enjoy }));
      await one.context.close();
    }
  }
});

test('a notice on a narrow phone keeps its words together, beside or above its buttons', async (t) => {
  const server = await site(t);
  const one = await guest(t, server.base, { ...PHONE, viewport: { width: 320, height: 568 } });
  const { page, w } = one;
  await table.open(one);
  const long = 'The noodle place behind the station';
  await table.add(one, long);
  await table.remove(one, long);
  const notice = page.getByRole('group', { name: w.removed(long) });
  const words = await notice.getByText(w.removed(long)).boundingBox();
  const [undo, close] = [await notice.getByRole('button', { name: w.undo }).boundingBox(), await notice.getByRole('button', { name: w.close }).boundingBox()];
  equal((words?.width ?? 0) > 160, true, JSON.stringify(words));
  equal((close?.y ?? 0) < (undo?.y ?? 0) + (undo?.height ?? 0), true, 'the buttons stand beside each other');
});
