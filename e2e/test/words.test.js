// What the page says is what happened.

import { deepEqual, equal, match } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { NETWORK, guest, test } from '../support/browser.js';
import { front, site } from '../support/site.js';
import * as table from '../support/table.js';

test('a table that a server lost in a restart is said to be lost, not to have been quiet', async (t) => {
  const first = await site(t);
  const address = await front(t, first);
  const mina = await guest(t, address.base, { may: NETWORK });
  const juno = await guest(t, address.base, { may: NETWORK, locale: 'ko-KR' });
  const id = await table.open(mina);
  await table.enter(juno, id);
  await table.add(mina, 'Pho');
  await table.dish(juno, 'Pho').waitFor();
  address.moveTo(await site(t));
  for (const { page, w } of [mina, juno]) {
    await page.getByRole('heading', { name: w.goneTitle }).waitFor();
    await page.getByText(`${w.goneLost} ${w.goneList}`, { exact: true }).waitFor();
    // Also to those who load the page again, or come back to it.
    await page.reload();
    await page.getByText(`${w.goneLost} ${w.goneList}`, { exact: true }).waitFor();
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await page.getByText(w.goneLost, { exact: true }).waitFor();
  }
});

test('a table that ends about now is not said to be lost', async (t) => {
  const server = await site(t);
  // It had a moment to live, and whoever was told so was told late.
  const visit = { id: '8b7e5c42-2f6c-4a5b-9c0e-6d1f3a2b4c5d', title: null, items: [], at: 0, expiresAt: Date.now() + 50_000, winner: null };
  const { page, w } = await guest(t, server.base, { may: NETWORK });
  await page.goto('/');
  await page.evaluate((visit) => localStorage.setItem('tablecast.visits', JSON.stringify([visit])), visit);
  await page.goto(`/r/${visit.id}`);
  await page.getByRole('heading', { name: w.unknownTitle }).waitFor();
});

test('a draw is checked in words first, and its result has a date and a text to send', async (t) => {
  const server = await site(t, ['--room-ttl', '50s']);
  // A phone may have a sheet for sharing; this one copies.
  const mina = await guest(t, server.base, { locale: 'ko-KR', reducedMotion: 'reduce', viewport: { width: 390, height: 844 } });
  const { page, w } = mina;
  const id = await table.openShort(mina, server);
  await table.add(mina, '김밥');
  await table.decide(mina, 'byDraw');
  await table.winner(mina);
  await table.told(mina).getByRole('button', { name: w.checkIt }).click();
  const receipt = page.getByRole('dialog', { name: w.check });
  await receipt.getByText(w.checkHow).waitFor();
  equal(await receipt.locator('code:visible').count(), 0);
  await receipt.getByText(w.numbers).click();
  equal(await receipt.locator('code:visible').count(), 4);
  deepEqual(await findings(page), []);
  await page.keyboard.press('Escape');
  await table.told(mina).getByRole('button', { name: w.enjoy }).click();
  const send = page.getByRole('article').getByRole('button', { name: w.shareResult });
  await send.click();
  const text = `${w.resultText('김밥', w.untitled)}\n${server.base}/r/${id}`;
  await page.getByRole('article').getByRole('button', { name: w.copied }).waitFor();
  equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  // Nothing here is for developers.
  equal(await page.getByRole('contentinfo').getByRole('link').count(), 0);

  await page.getByRole('heading', { name: w.resultTitle }).waitFor();
  match(await page.getByRole('main').innerText(), /\d{4}년 \d+월 \d+일 .*에 정했어요\./);
  await page.getByRole('article').getByRole('button', { name: w.shareResult }).waitFor();
  deepEqual(await findings(page), []);
});
