// The whole page without a mouse.

import { equal } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { until } from '../support/wait.js';

/** More tab stops than any screen has. */
const STOPS = 60;

/**
 * Presses Tab until the target has the focus.
 * @param {import('../support/browser.js').Guest} guest
 * @param {import('playwright-core').Locator} target
 */
async function tabTo({ page }, target) {
  await target.waitFor();
  for (let stop = 0; stop < STOPS; stop++) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      equal(await target.evaluate((element) => element.matches(':focus-visible')), true, 'the focus is to be seen');
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${target} is not reached by the keyboard`);
}

test('a whole lunch is chosen by keyboard', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce' });
  const { page, w } = mina;
  const press = async (/** @type {import('playwright-core').Locator} */ target, key = 'Enter') => {
    await tabTo(mina, target);
    await page.keyboard.press(key);
  };
  const button = (/** @type {string} */ name) => page.getByRole('button', { name, exact: true });
  await page.goto('/');
  await press(button(w.open));
  await table.isLive(mina);
  const id = new URL(page.url()).pathname.replace('/r/', '');

  await tabTo(mina, page.getByRole('textbox', { name: w.yourName }));
  await page.keyboard.type('Mina');
  await page.keyboard.press('Enter');
  await button(w.changeMe('Mina')).waitFor();

  // A sheet takes the focus, keeps it, and gives it back.
  await press(button(w.invite));
  const sheet = page.getByRole('dialog', { name: w.share });
  await tabTo(mina, sheet.getByRole('button', { name: w.copyLink }));
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  equal(await button(w.invite).evaluate((element) => element === document.activeElement), true);

  await press(button(w.changeMe('Mina')));
  const me = page.getByRole('dialog', { name: w.you });
  await tabTo(mina, me.getByRole('radio', { checked: true }));
  await page.keyboard.press('ArrowRight');
  await press(me.getByRole('button', { name: w.save }));
  await me.waitFor({ state: 'detached' });

  await tabTo(mina, table.box(mina));
  for (const item of ['Pho', '김밥']) {
    await page.keyboard.insertText(item);
    await page.keyboard.press('Enter');
    // Before that, voting is not possible.
    await table.answered(mina, item).waitFor();
  }
  await press(table.voteFor(mina, '김밥'), 'Space');
  await until('the vote', () => table.session(server, id), ({ state }) => state.items[1]?.votes.length === 1);
  await press(button(w.remove('Pho')));
  await table.dish(mina, 'Pho').waitFor({ state: 'detached' });
  await press(page.getByRole('group', { name: w.removed('Pho') }).getByRole('button', { name: w.undo }));
  await table.dish(mina, 'Pho').waitFor();

  await press(button(w.decide));
  await press(page.getByRole('dialog', { name: w.decideTitle }).getByRole('button', { name: table.beginning(w.byDraw) }));
  await table.winner(mina);
  await press(table.told(mina).getByRole('button', { name: w.checkIt }));
  await page.getByRole('dialog', { name: w.check }).getByRole('status').waitFor();
  await page.keyboard.press('Escape');
  await press(table.told(mina).getByRole('button', { name: w.enjoy }));
  await table.decided(mina).waitFor();
});

test('what others do is told to screen readers', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { locale: 'ko-KR' });
  const juno = await guest(t, server.base);
  const { page, w } = mina;
  const id = await table.open(mina);
  const said = (/** @type {string} */ text) => page.getByRole('status').filter({ hasText: text }).waitFor({ state: 'attached' });
  await table.enter(juno, id);
  await said(w.said.joined(w.guest('2')));
  await table.callMyself(juno, '준오');
  await said(w.said.renamed(w.guest('2'), '준오'));
  await table.add(juno, '김밥');
  await said(w.said.added('준오', '김밥'));
  await table.vote(juno, '김밥');
  await said(w.said.voted('준오', '김밥'));
  await table.remove(juno, '김밥');
  await said(w.removedBy('준오', '김밥'));
});

test('from the box the keyboard leads on to the button that decides, also where a page is enlarged', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { viewport: { width: 640, height: 450 } });
  await table.open(mina);
  await table.add(mina, 'Pho');
  await mina.page.keyboard.press('Tab');
  while (await mina.page.locator('.add :focus').count()) await mina.page.keyboard.press('Tab');
  equal(await mina.page.getByRole('button', { name: mina.w.decide, exact: true }).evaluate((button) => button === document.activeElement), true);
});
