// The host, those who watch, and what was removed or decided before.

import { equal, ok } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { guest, stopTime, test } from '../support/browser.js';
import { BRIEF, site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

test('who opens a table is its host: locks the menu, hands over, and asks somebody to leave', async (t) => {
  const server = await site(t);
  const [mina, juno, sora] = [await guest(t, server.base), await guest(t, server.base), await guest(t, server.base, { locale: 'ko-KR' })];
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.callMyself(juno, 'Juno');
  await table.enter(sora, id);
  await table.callMyself(sora, '소라');
  await table.add(juno, 'Pho');
  await table.person(sora, 'Mina').getByText(sora.w.host, { exact: true }).waitFor();

  // Locked: the others see why they cannot change the menu, and vote all the same.
  const sheet = await table.settings(mina);
  await sheet.getByRole('button', { name: mina.w.locked, exact: true }).click();
  await table.rules(juno).getByText(juno.w.lockedBy('Mina'), { exact: true }).waitFor();
  equal(await juno.page.getByRole('button', { name: juno.w.hostDecides('Mina') }).isDisabled(), true);
  await table.box(juno).waitFor({ state: 'hidden' });
  equal(await juno.page.getByRole('button', { name: juno.w.remove('Pho'), exact: true }).count(), 0);
  await table.vote(juno, 'Pho');
  const locked = await table.settings(juno);
  await locked.getByText(juno.w.lockedBy('Mina'), { exact: true }).waitFor();
  equal(await locked.getByRole('button', { name: juno.w.secretBallot }).isDisabled(), true);
  equal((await findings(juno.page)).join('\n'), '');
  await juno.page.keyboard.press('Escape');

  // With a question before.
  const line = (/** @type {string} */ name) => sheet.getByRole('listitem').filter({ hasText: name });
  await line('소라').getByRole('button', { name: mina.w.dismiss }).click();
  await line('소라').getByText(mina.w.dismissSure('소라')).waitFor();
  equal((await findings(mina.page)).join('\n'), '');
  await line('소라').getByRole('button', { name: mina.w.dismiss }).click();
  await sora.page.getByRole('heading', { name: sora.w.dismissedTitle, level: 1 }).waitFor();
  await table.areHere(juno, 2);
  await sora.page.reload();
  await sora.page.getByRole('heading', { name: sora.w.dismissedTitle, level: 1 }).waitFor();

  await line('Juno').getByRole('button', { name: mina.w.makeHost }).click();
  await juno.page.getByRole('group', { name: juno.w.said.hostedYou }).waitFor();
  // Who is host now sees that the others may not change the menu.
  await table.rules(juno).getByText(juno.w.lockedForOthers, { exact: true }).waitFor();
  await table.person(mina, 'Juno').getByText(mina.w.host, { exact: true }).waitFor();
  await table.box(juno).waitFor();
  await sheet.getByText(mina.w.lockedBy('Juno'), { exact: true }).waitFor();
});

test('who finds the table full watches, and sits down when a seat is free; a wall never does', async (t) => {
  const server = await site(t, ['--seats', '2', '--seat-grace', '500ms']);
  const [mina, juno, sora, wall] = [await guest(t, server.base), await guest(t, server.base), await guest(t, server.base), await guest(t, server.base, { viewport: { width: 1280, height: 720 } })];
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await wall.page.goto(`/r/${id}?watch`);
  await table.areHere(wall, 1);
  await table.enter(juno, id);
  await sora.page.goto(`/r/${id}`);
  const bar = sora.page.getByRole('region', { name: sora.w.watching });
  await bar.getByText(sora.w.watchText).waitFor();
  await table.add(mina, 'Pho');
  for (const one of [sora, wall]) {
    await table.dish(one, 'Pho').waitFor();
    for (const control of [table.box(one), one.page.getByRole('button', { name: one.w.decide, exact: true }), one.page.getByRole('button', { name: one.w.remove('Pho') })]) equal(await control.isVisible(), false);
    equal((await findings(one.page)).join('\n'), '');
  }
  await juno.page.close();
  await bar.waitFor({ state: 'hidden' });
  await table.vote(sora, 'Pho');
  await table.areHere(mina, 2);
  await table.areHere(wall, 2);
  // It has this browser's person too, and takes nobody's seat.
  const own = { ...mina, page: await mina.context.newPage() };
  await own.page.goto(`/r/${id}?watch`);
  await table.areHere(own, 2);
  await table.isLive(mina);
});

test('a wall shows more than fits on it, a screen after the other, and begins again', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const id = await table.open(mina);
  const dishes = Array.from({ length: 14 }, (_, n) => `Dish ${n + 1}`);
  for (const item of dishes) await table.add(mina, item);
  for (const reducedMotion of /** @type {const} */ (['reduce', 'no-preference'])) {
    const { page, ...wall } = await guest(t, server.base, { reducedMotion, viewport: { width: 1280, height: 720 } });
    await stopTime(page);
    await page.goto(`/r/${id}?watch`);
    await table.dish({ page, ...wall }, 'Dish 14').waitFor();
    /** The dishes that are seen whole. */
    const seen = () => page.locator('.dishes > li').evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().top >= 0 && one.getBoundingClientRect().bottom <= innerHeight).map((one) => one.querySelector('.dish-name')?.textContent ?? ''));
    const top = await seen();
    ok(top.includes('Dish 1') && !top.includes('Dish 14'), `${top}`);
    const all = new Set(top);
    // Eight seconds are one screen; it rests before the next one.
    const turned = () => page.evaluate(() => /** @type {Promise<number>} */ (new Promise((done) => addEventListener('scrollend', () => done(scrollY), { once: true }))));
    for (let at = NaN, turns = 0; at !== 0; turns += 1) {
      ok(turns < 20, `it does not begin again: ${at}`);
      const turn = turned();
      await page.clock.runFor(8_000);
      at = await turn;
      for (const one of await seen()) all.add(one);
    }
    equal(all.size, dishes.length);
  }
});

test('what was removed and decided can be looked at and put back', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce' });
  const { page, w } = mina;
  await table.open(mina);
  for (const item of ['Pho', 'Ramen']) await table.add(mina, item);
  for (const [item, other] of /** @type {const} */ ([['Pho', 'Ramen'], ['Ramen', 'Pho']])) {
    await table.vote(mina, item);
    await table.decide(mina, 'byVotes');
    equal(await table.winner(mina), item);
    await table.told(mina).getByRole('button', { name: w.enjoy }).click();
    if (other === 'Ramen') await table.voteFor(mina, item).click();
  }
  await table.remove(mina, 'Pho');
  await table.dish(mina, 'Pho').waitFor({ state: 'detached' });
  const sheet = await table.settings(mina);
  equal((await findings(page)).join('\n'), '');
  await sheet.getByRole('button', { name: `${w.putBack}: Pho` }).click();
  await sheet.getByRole('button', { name: `${w.putBack}: Pho` }).waitFor({ state: 'hidden' });
  await sheet.getByRole('button', { name: `${w.takeAgain}: Pho` }).click();
  equal(await table.winner(mina), 'Pho');
  await table.told(mina).getByRole('button', { name: w.enjoy }).click();
  await (await table.settings(mina)).getByRole('button', { name: `${w.takeAgain}: Ramen` }).waitFor();
  await page.keyboard.press('Escape');
  await table.dish(mina, 'Pho').waitFor();
  await table.decided(mina).getByText('Pho', { exact: true }).waitFor();
});

for (const isDecided of [true, false]) {
  test(`everybody who opens ${isDecided ? 'a decided' : 'an undecided'} table again is at the same new one`, async (t) => {
    const server = await site(t, BRIEF);
    const [mina, juno] = [await guest(t, server.base, { reducedMotion: 'reduce' }), await guest(t, server.base, { reducedMotion: 'reduce' })];
    const id = await table.openShort(mina, server);
    await table.enter(juno, id);
    await table.add(mina, 'Pho');
    await table.dish(juno, 'Pho').waitFor();
    if (isDecided) await table.decide(mina, 'byDraw');
    const title = isDecided ? 'resultTitle' : 'goneTitle';
    for (const one of [mina, juno]) await one.page.getByRole('heading', { name: one.w[title], level: 1 }).waitFor();
    for (const one of [mina, juno]) {
      await one.page.getByRole('button', { name: one.w.againSame }).click();
      await one.page.waitForURL((url) => url.pathname !== `/r/${id}`);
    }
    await becomes('who is at the new table', async () => new Set([mina, juno].map(({ page }) => page.url())).size, 1);
    await table.areHere(mina, 2);
    for (const one of [mina, juno]) await table.dish(one, 'Pho').waitFor();
  });
}
