// Three friends at one table, from the first page to the result.

import { equal, ok } from 'node:assert/strict';
import jsqr from 'jsqr';
import { guest, test } from '../support/browser.js';
import { compose } from '../support/korean.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { DEADLINE, becomes, until } from '../support/wait.js';

/** Longer than any quiet time here, also on a busy machine, and short enough to wait for; in ms. */
const LIFETIME = 30_000;

test('three browsers choose lunch together, from the link to the result that outlives the table', async (t) => {
  const server = await site(t, ['--room-ttl', `${LIFETIME}ms`]);
  // One of them sees all motion, two have reduced motion.
  const mina = await guest(t, server.base);
  const juno = await guest(t, server.base, { locale: 'ko-KR', reducedMotion: 'reduce' });
  const sora = await guest(t, server.base, { locale: 'ko-KR', reducedMotion: 'reduce', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
  const all = [mina, juno, sora];
  // Their browsers are started before the table's time runs.
  await Promise.all([juno, sora].map(({ page }) => page.goto('/')));

  // Make a table, and share it.
  const id = await table.openShort(mina, server);
  await table.callMyself(mina, 'Mina');
  await mina.page.getByRole('button', { name: mina.w.invite, exact: true }).click();
  const sheet = mina.page.getByRole('dialog', { name: mina.w.share });
  await sheet.getByRole('button', { name: mina.w.copyLink }).click();
  await sheet.getByRole('button', { name: mina.w.copied }).waitFor();
  const link = `${server.base}/r/${id}`;
  equal(await mina.page.evaluate(() => navigator.clipboard.readText()), link);
  equal(await decoded(sheet.getByRole('img', { name: mina.w.qr })), link);
  await mina.page.keyboard.press('Escape');

  // The others follow the link.
  await juno.page.goto(link);
  await table.isLive(juno);
  await table.callMyself(juno, '준오');
  await table.enter(sora, id);
  await table.callMyself(sora, '소라');
  for (const one of all) await table.areHere(one, 3);

  // Korean is composed; Enter while composing adds nothing.
  await table.box(juno).focus();
  const typing = await compose(juno, '김치찌개');
  await typing.enter();
  await typing.finish();
  equal(await table.box(juno).inputValue(), '김치찌개');
  equal((await table.session(server, id)).state.items.length, 0);
  await juno.page.keyboard.press('Enter');
  await table.dish(mina, '김치찌개').waitFor();
  await table.add(mina, 'Pizza');
  await table.add(sora, '비빔밥');
  await table.allSeeTheSame(all, server, id, ['김치찌개', 'Pizza', '비빔밥']);

  // Votes; adding a dish that is there already offers to vote for it.
  await table.vote(mina, '비빔밥');
  await table.vote(juno, '비빔밥');
  await table.box(sora).fill('pizza');
  await sora.page.getByRole('button', { name: sora.w.voteForIt }).click();
  await until('three votes', () => table.session(server, id), ({ state }) => state.items.flatMap(({ votes }) => votes).length === 3);
  await table.allSeeTheSame(all, server, id);

  // Removed by one, put back by another.
  await table.remove(mina, '김치찌개');
  await table.dish(sora, '김치찌개').waitFor({ state: 'detached' });
  await juno.page.getByRole('group', { name: juno.w.removedBy('Mina', '김치찌개') }).getByRole('button', { name: juno.w.putBack }).click();
  await table.dish(sora, '김치찌개').waitFor();
  // Once more, by the guest who removed it.
  await table.remove(sora, 'Pizza');
  await sora.page.getByRole('group', { name: sora.w.removed('Pizza') }).getByRole('button', { name: sora.w.undo }).click();
  await table.allSeeTheSame(all, server, id, ['김치찌개', 'Pizza', '비빔밥']);

  // The last minute is counted down, and the table can be kept open.
  const soon = mina.page.getByRole('region', { name: mina.w.closesSoon });
  await soon.getByRole('button', { name: mina.w.keepOpen }).click();
  await mina.page.getByRole('group', { name: mina.w.keptOpen }).waitFor();

  // A draw, the same for all, and each can check it.
  await table.decide(juno, 'byDraw');
  const winners = await Promise.all(all.map(table.winner));
  const winner = winners[0] ?? '';
  ok(['김치찌개', 'Pizza', '비빔밥'].includes(winner), winner);
  for (const seen of winners) equal(seen, winner);
  await Promise.all(all.map((one) => holds(one, winner)));

  // Once decided, it asks no more.
  await soon.waitFor({ state: 'hidden' });

  // Everybody is quiet, so the table closes. The result stays, also for later guests.
  for (const one of all) await one.page.getByRole('heading', { name: one.w.resultTitle }).waitFor({ timeout: LIFETIME + DEADLINE });
  const late = await guest(t, server.base, { locale: 'ko-KR', may: /status of 404/ });
  await late.page.goto(link);
  await late.page.getByRole('heading', { name: late.w.resultTitle }).waitFor();
  for (const one of [...all, late]) {
    equal(await one.page.getByRole('article').getByRole('paragraph').nth(1).textContent(), winner);
    await becomes('dishes of the closed table', () => one.page.getByRole('main').getByRole('listitem').count(), 3);
  }
});

/** Checks the draw in the page. @param {import('../support/browser.js').Guest} guest @param {string} winner */
async function holds(guest, winner) {
  const { page, w } = guest;
  await table.told(guest).getByRole('button', { name: w.checkIt }).click();
  const receipt = page.getByRole('dialog', { name: w.check });
  await receipt.getByRole('status').getByText(w.checkIntro).waitFor();
  await receipt.getByText(w.checkMine).waitFor();
  await receipt.getByText(w.checkWinner(winner), { exact: true }).waitFor();
  await receipt.getByRole('button', { name: w.close }).click();
  await table.told(guest).getByRole('button', { name: w.enjoy }).click();
  await table.decided(guest).getByText(winner, { exact: true }).waitFor();
}

/** The content that a camera reads. @param {import('playwright-core').Locator} image */
async function decoded(image) {
  const { data, width, height } = await image.evaluate(async (/** @type {HTMLImageElement} */ image) => {
    await image.decode();
    const side = 400;
    const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
    const picture = canvas.getContext('2d');
    if (!picture) throw new Error('no canvas');
    picture.fillStyle = 'white';
    picture.fillRect(0, 0, side, side);
    picture.drawImage(image, 20, 20, side - 40, side - 40);
    // As a text: passing an array of numbers out of the browser takes seconds.
    const pixels = Array.from(picture.getImageData(0, 0, side, side).data, (byte) => String.fromCharCode(byte));
    return { data: btoa(pixels.join('')), width: side, height: side };
  });
  // Its types describe a script, but Node loads it as a module.
  const read = /** @type {typeof jsqr.default} */ (/** @type {unknown} */ (jsqr));
  return read(Uint8ClampedArray.from(Buffer.from(data, 'base64')), width, height)?.data;
}
