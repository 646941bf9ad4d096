// Three friends at one table, from the first page to the result.

import { equal, ok } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { compose } from '../support/korean.js';
import { decoded } from '../support/qr.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { DEADLINE, becomes, until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/** How long the first table stays: longer than any quiet time there, also on a busy machine; in ms. */
const LIFETIME = 15_000;

test('three friends choose lunch in three browsers, and a harder one at the table after it', async (t) => {
  const server = await site(t, ['--room-ttl', `${LIFETIME}ms`, '--seats', '3', '--seat-grace', '500ms']);
  // One of them sees all motion, two have reduced motion.
  const mina = await guest(t, server.base);
  let juno = await guest(t, server.base, { locale: 'ko-KR', reducedMotion: 'reduce' });
  const sora = await guest(t, server.base, { locale: 'ko-KR', reducedMotion: 'reduce', colorScheme: 'dark', viewport: { width: 390, height: 844 } });
  const stranger = await guest(t, server.base, { locale: 'ko-KR', may: /status of 404/ });
  const all = [mina, juno, sora];
  // Their browsers are started before the table's time runs.
  await Promise.all(all.map(({ page }) => page.goto('/')));

  // Everybody sits down, and adds a dish.
  const id = await table.openShort(mina, server);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.callMyself(juno, '준오');
  await table.enter(sora, id);
  await table.callMyself(sora, '소라');
  for (const one of all) await table.areHere(one, 3);
  await table.add(mina, 'Pizza');
  await table.add(juno, '비빔밥');
  await table.add(sora, 'Pho');
  await table.allSeeTheSame(all, server, id, ['Pizza', '비빔밥', 'Pho']);

  // Votes; adding a dish that is there already offers to vote for it.
  await table.vote(mina, '비빔밥');
  await table.vote(juno, '비빔밥');
  await table.box(sora).fill('pizza');
  await sora.page.getByRole('button', { name: sora.w.voteForIt }).click();
  await until('three votes', () => votes(server, id), (votes) => votes === 3);
  await table.allSeeTheSame(all, server, id);

  // The last minute is counted down, and the table can be kept open. Once decided, it asks no more.
  const soon = mina.page.getByRole('region', { name: mina.w.closesSoon });
  await soon.getByRole('button', { name: mina.w.keepOpen }).click();
  await mina.page.getByRole('group', { name: mina.w.keptOpen }).waitFor();
  await table.decide(juno, 'byVotes');
  await soon.waitFor({ state: 'hidden' });

  // Everybody is quiet, so the table closes. The result stays, also for who comes later.
  for (const one of all) await one.page.getByRole('heading', { name: one.w.resultTitle }).waitFor({ timeout: LIFETIME + DEADLINE });
  await stranger.page.goto(`/r/${id}`);
  await stranger.page.getByRole('heading', { name: stranger.w.resultTitle }).waitFor();
  for (const one of [...all, stranger]) {
    equal(await one.page.getByRole('article').getByRole('paragraph').nth(1).textContent(), '비빔밥');
    await becomes('dishes of the closed table', () => one.page.getByRole('main').getByRole('listitem').count(), 3);
  }

  // Again, all at the same new table, with the same dishes. A stranger was faster than Sora, who watches.
  for (const one of [mina, juno, stranger, sora]) {
    await one.page.getByRole('button', { name: one.w.againSame }).click();
    await one.page.waitForURL((url) => url.pathname !== `/r/${id}`);
    await table.dish(one, 'Pho').waitFor();
  }
  const next = new URL(mina.page.url()).pathname.replace('/r/', '');
  for (const one of [juno, stranger, sora]) equal(new URL(one.page.url()).pathname, `/r/${next}`);
  const watching = sora.page.getByRole('region', { name: sora.w.watching });
  await watching.getByText(sora.w.watchText).waitFor();
  equal(await table.box(sora).isVisible(), false);

  // Who opened it is the host, and asks the stranger to leave. So there is a seat for Sora.
  await table.callMyself(stranger, '지훈');
  await table.person(juno, 'Mina').getByText(juno.w.host, { exact: true }).waitFor();
  const settings = await table.settings(mina);
  const line = (/** @type {string} */ name) => settings.getByRole('listitem').filter({ hasText: name });
  await line('지훈').getByRole('button', { name: mina.w.dismiss }).click();
  await line('지훈').getByText(mina.w.dismissSure('지훈')).waitFor();
  await line('지훈').getByRole('button', { name: mina.w.dismiss }).click();
  await stranger.page.getByRole('heading', { name: stranger.w.dismissedTitle }).waitFor();
  await watching.waitFor({ state: 'hidden' });
  await mina.page.keyboard.press('Escape');
  for (const one of all) await table.areHere(one, 3);

  // The link, for whoever else may come: copied, and for a camera.
  await mina.page.getByRole('button', { name: mina.w.invite, exact: true }).click();
  const sheet = mina.page.getByRole('dialog', { name: mina.w.share });
  await sheet.getByRole('button', { name: mina.w.copyLink }).click();
  await sheet.getByRole('button', { name: mina.w.copied }).waitFor();
  const link = `${server.base}/r/${next}`;
  equal(await mina.page.evaluate(() => navigator.clipboard.readText()), link);
  equal(await decoded(sheet.getByRole('img', { name: mina.w.qr })), link);
  await mina.page.keyboard.press('Escape');

  // Korean is composed; Enter while composing adds nothing.
  await table.box(juno).focus();
  const typing = await compose(juno, '김치찌개');
  await typing.enter();
  await typing.finish();
  equal(await table.box(juno).inputValue(), '김치찌개');
  equal((await table.session(server, next)).state.items.length, 3);
  await juno.page.keyboard.press('Enter');
  await table.dish(mina, '김치찌개').waitFor();
  const dishes = ['Pizza', '비빔밥', 'Pho', '김치찌개'];
  await table.allSeeTheSame(all, server, next, dishes);

  // Removed by one, put back by another.
  await table.remove(mina, '김치찌개');
  await table.dish(sora, '김치찌개').waitFor({ state: 'detached' });
  await juno.page.getByRole('group', { name: juno.w.removedBy('Mina', '김치찌개') }).getByRole('button', { name: juno.w.putBack }).click();
  await table.dish(sora, '김치찌개').waitFor();
  // Who removed it has nothing to undo any more.
  await table.dish(mina, '김치찌개').waitFor();
  equal(await mina.page.getByRole('group', { name: mina.w.removed('김치찌개') }).count(), 0);
  // Once more, by the guest who removed it.
  await table.remove(sora, 'Pizza');
  await sora.page.getByRole('group', { name: sora.w.removed('Pizza') }).getByRole('button', { name: sora.w.undo }).click();
  await table.allSeeTheSame(all, server, next, dishes);

  // In a secret ballot everybody sees who has voted, and nobody for what.
  await (await table.settings(mina)).getByRole('button', { name: mina.w.secretBallot, exact: true }).click();
  await mina.page.keyboard.press('Escape');
  for (const one of all) await table.rules(one).getByText(one.w.secretBallot, { exact: true }).waitFor();
  await table.vote(mina, 'Pizza');
  await table.vote(juno, 'Pizza');
  await table.vote(sora, '비빔밥');
  for (const one of all) await table.rules(one).getByText(one.w.votedOf(3, 3), { exact: true }).waitFor();
  equal(await voters(sora, 'Pizza'), 0);
  equal(await votes(server, next), 0);

  // In a second tab Juno is the same person. The first says so, and takes the seat back by a tap.
  const second = { ...juno, page: await juno.context.newPage() };
  await table.enter(second, next);
  await wants(second, 'Pizza');
  await juno.page.getByRole('heading', { name: juno.w.takenTitle }).waitFor();
  await juno.page.getByRole('button', { name: juno.w.useHere }).click();
  await table.isLive(juno);
  await second.page.getByRole('heading', { name: second.w.takenTitle }).waitFor();
  await table.areHere(mina, 3);
  // Also after all tabs were closed, for longer than a seat is kept.
  await second.page.close();
  await juno.page.close();
  await table.areHere(mina, 2);
  juno = { ...juno, page: await juno.context.newPage() };
  all[1] = juno;
  await table.enter(juno, next);
  await table.areHere(mina, 3);
  await wants(juno, 'Pizza');
  await table.rules(mina).getByText(mina.w.votedOf(3, 3), { exact: true }).waitFor();

  // What somebody cannot eat does not win when the time comes, whoever wants it. Then all see who wanted what.
  await sora.page.getByRole('button', { name: sora.w.veto('Pizza'), exact: true }).click();
  await table.dish(mina, 'Pizza').getByText(mina.w.cannotEat('소라')).waitFor();
  await decideSoon(mina);
  for (const one of all) {
    equal(await table.winner(one), '비빔밥');
    await table.told(one).getByText(one.w.clockByVotes(1), { exact: true }).waitFor();
    await table.told(one).getByRole('button', { name: one.w.enjoy }).click();
    await becomes('who wants it', () => voters(one, 'Pizza'), 2);
  }

  // The host locks the menu, and hands it over.
  const locked = await table.settings(mina);
  await locked.getByRole('button', { name: mina.w.locked, exact: true }).click();
  for (const one of [juno, sora]) {
    await table.rules(one).getByText(one.w.lockedBy('Mina'), { exact: true }).waitFor();
    await table.box(one).waitFor({ state: 'hidden' });
  }
  await locked.getByRole('listitem').filter({ hasText: '준오' }).getByRole('button', { name: mina.w.makeHost }).click();
  await locked.getByText(mina.w.lockedBy('준오'), { exact: true }).waitFor();
  await mina.page.keyboard.press('Escape');
  await table.box(juno).waitFor();
  await table.person(sora, '준오').getByText(sora.w.host, { exact: true }).waitFor();

  // What was removed is put back from the history.
  await table.remove(juno, 'Pho');
  await table.dish(sora, 'Pho').waitFor({ state: 'detached' });
  const past = (await table.settings(juno)).getByRole('button', { name: `${juno.w.putBack}: Pho` });
  await past.click();
  await past.waitFor({ state: 'hidden' });
  await juno.page.keyboard.press('Escape');
  for (const one of all) await table.dish(one, 'Pho').waitFor();

  // A draw instead, the same for all, and each can check it.
  await table.decide(juno, 'byDraw');
  const winners = await Promise.all(all.map(table.winner));
  const winner = winners[0] ?? '';
  ok(['비빔밥', 'Pho', '김치찌개'].includes(winner), winner);
  for (const seen of winners) equal(seen, winner);
  await Promise.all(all.map((one) => holds(one, winner)));
});

/** How many votes everybody may see. @param {import('../support/site.js').Site} server @param {string} id */
const votes = async (server, id) => (await table.session(server, id)).state.items.flatMap(({ votes }) => votes).length;

/** How many are seen to want a dish. @param {Guest} guest @param {string} item */
const voters = (guest, item) => table.dish(guest, item).locator('.voters .disc').count();

/** One's own vote is shown. @param {Guest} guest @param {string} item */
const wants = (guest, item) => becomes('their vote', () => table.voteFor(guest, item).getAttribute('aria-pressed'), 'true');

/** Lets the time decide in a few seconds: what the page sends for ten minutes says six seconds. @param {Guest} guest */
async function decideSoon(guest) {
  const { page, w } = guest;
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      send.call(this, typeof data === 'string' ? data.replace('"in_ms":600000', '"in_ms":6000') : data);
    };
  });
  await (await table.settings(guest)).getByRole('button', { name: w.minutes(10), exact: true }).click();
  await table.rules(guest).locator('.deadline').waitFor();
  await page.keyboard.press('Escape');
}

/** Checks the draw in the page. @param {Guest} guest @param {string} winner */
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
