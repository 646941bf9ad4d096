// Without a table the page says why, and what to do next.

import { equal } from 'node:assert/strict';
import { NETWORK, guest, stopTime, test } from '../support/browser.js';
import { BRIEF, site } from '../support/site.js';
import * as table from '../support/table.js';

/** No table: the address is answered with 404. */
const GONE = { may: /status of 404/ };

/** @param {import('../support/browser.js').Guest} guest @param {string} name */
const heading = ({ page }, name) => page.getByRole('heading', { name, level: 1 });

test('the eleventh visitor is told that all seats are taken, watches, and sits down when one is free', async (t) => {
  const server = await site(t, ['--seat-grace', '500ms']);
  const friends = await guest(t, server.base);
  const id = await table.open(friends);
  const others = [];
  for (let n = 2; n <= 10; n++) {
    const one = await guest(t, server.base);
    await one.page.goto(`/r/${id}`);
    others.push(one);
  }
  await table.areHere(friends, 10);

  const eleventh = await guest(t, server.base);
  await eleventh.page.goto(`/r/${id}`);
  const watches = eleventh.page.getByRole('region', { name: eleventh.w.watching });
  await watches.getByText(eleventh.w.fullTitle).waitFor();
  equal((await table.session(server, id)).members.length, 10);
  await others.at(-1)?.context.close();
  await watches.waitFor({ state: 'hidden' });
  await table.isLive(eleventh);
  await table.areHere(friends, 10);
});

test('a table that never was, or whose name is none, is unknown and leads to a new one', async (t) => {
  const server = await site(t);
  for (const id of ['00000000-0000-4000-8000-000000000000', 'nobody', '%00', '%ff', '%2f%2e%2e', 'a'.repeat(300), "'%22%3E%3Csvg%20onload=alert(1)%3E"]) {
    const lost = await guest(t, server.base, GONE);
    const { page, w } = lost;
    await page.goto(`/r/${id}`);
    await heading(lost, w.unknownTitle).waitFor();
    await page.getByRole('link', { name: w.openOwn }).click();
    await page.getByRole('button', { name: w.open }).waitFor();
    await lost.context.close();
  }
});

test('a table that closed while one looked shows the list as it was, and opens anew with it', async (t) => {
  const server = await site(t, BRIEF);
  // She has seen that nothing was decided, so the page does not ask.
  // The server knows nothing of it then, so it opens one for her alone.
  const mina = await guest(t, server.base, GONE);
  const { page, w } = mina;
  const id = await table.openShort(mina, server);
  await table.add(mina, '김밥');
  await table.add(mina, 'Pho');
  await heading(mina, w.goneTitle).waitFor();
  equal(await page.getByRole('main').getByRole('listitem').count(), 2);
  equal(await heading(mina, w.goneTitle).evaluate((element) => element === document.activeElement), true);
  // A later guest cannot know what there was.
  const late = await guest(t, server.base, GONE);
  await late.page.goto(`/r/${id}`);
  await heading(late, late.w.unknownTitle).waitFor();

  await page.getByRole('button', { name: w.againSame }).click();
  await page.waitForURL((url) => url.pathname !== `/r/${id}`);
  await table.dish(mina, '김밥').waitFor();
  await table.dish(mina, 'Pho').waitFor();
});

test('what was opened over a table closes with it', async (t) => {
  const server = await site(t, BRIEF);
  const [mina, juno] = [await guest(t, server.base), await guest(t, server.base, { reducedMotion: 'reduce' })];
  await table.openShort(mina, server);
  await mina.page.getByRole('button', { name: mina.w.invite, exact: true }).click();
  await mina.page.getByRole('dialog', { name: mina.w.share }).waitFor();
  await table.openShort(juno, server);
  await table.add(juno, 'Pho');
  await table.decide(juno, 'byDraw');
  await table.winner(juno);
  for (const [{ page }, title] of /** @type {const} */ ([[mina, mina.w.goneTitle], [juno, juno.w.resultTitle]])) {
    await page.getByRole('heading', { name: title, level: 1 }).waitFor();
    equal(await page.locator('dialog').count(), 0);
  }
});

test('a name that was kept and is refused now keeps nobody out', async (t) => {
  const server = await site(t);
  const id = await table.open(await guest(t, server.base));
  for (const [name, why] of /** @type {const} */ ([['x'.repeat(41), 'too_long'], ['x'.repeat(20_000), 'too_long'], ['Mina\u202e', 'bad_item'], ['\u200b', 'empty']])) {
    const mina = await guest(t, server.base);
    const { page, w } = mina;
    await page.goto('/');
    await page.evaluate((name) => localStorage.setItem('tablecast.name', JSON.stringify(name)), name);
    // It is shown for five seconds.
    const isTold = page.getByRole('group', { name: w.nameRefused(w.errors[why]) }).waitFor();
    await table.enter(mina, id);
    await isTold;
    await table.callMyself(mina, 'Mina');
    await page.reload();
    await page.getByRole('button', { name: w.changeMe('Mina') }).waitFor();
    await mina.context.close();
  }
});

test('without scripts the page says how to go on, in the language that is asked for', async (t) => {
  const server = await site(t);
  for (const [locale, words] of /** @type {const} */ ([['en-US', 'This page needs'], ['ko-KR', '이 페이지에는']])) {
    const { page } = await guest(t, server.base, { locale, javaScriptEnabled: false });
    for (const [path, command] of /** @type {const} */ ([['/', 'tablecast create'], ['/r/x', 'tablecast join']])) {
      await page.goto(path);
      const shown = page.locator('noscript p:visible');
      equal(await shown.count(), 1);
      const text = (await shown.textContent()) ?? '';
      equal(text.startsWith(words) && text.includes(command), true, text);
    }
  }
});

/**
 * Juno gets the page of Mina's table but no connection, as when the server stops in between.
 * @param {import('node:test').TestContext} t
 * @param {number} code the close code of each connection
 */
async function cutOff(t, code) {
  const server = await site(t);
  const id = await table.open(await guest(t, server.base));
  const juno = await guest(t, server.base, { may: NETWORK });
  let isBack = false;
  await table.relay(juno.page, (socket) => void (isBack ? socket.connectToServer() : socket.close({ code })));
  await juno.page.route(/\/sse\//, (route) => (isBack ? route.continue() : route.abort()));
  return { juno, path: `/r/${id}`, comesBack: () => (isBack = true) };
}

test('a server that restarts lets people in by itself', async (t) => {
  const { juno, path, comesBack } = await cutOff(t, 1012);
  await juno.page.goto(path);
  await heading(juno, juno.w.restartTitle).waitFor();
  comesBack();
  await table.isLive(juno);
});

test('a table that cannot be reached is tried again at a word', async (t) => {
  const { juno, path, comesBack } = await cutOff(t, 1006);
  // So the page tries nothing by itself.
  await stopTime(juno.page);
  await juno.page.goto(path);
  await heading(juno, juno.w.unreachableTitle).waitFor();
  comesBack();
  await juno.page.getByRole('button', { name: juno.w.tryNow }).click();
  await table.isLive(juno);
});

test('one seat in two tabs: the newer has it, the older says so and can have it back', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, context, w } = mina;
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  // A duplicated tab copies its session storage.
  const [copy] = await Promise.all([context.waitForEvent('page'), page.evaluate(() => void open(location.href))]);
  await copy.getByRole('banner').getByText(w.live, { exact: true }).waitFor();
  await heading(mina, w.takenTitle).waitFor();
  equal((await table.session(server, id)).members.length, 1);
  await page.getByRole('button', { name: w.useHere }).click();
  await table.isLive(mina);
  await heading({ ...mina, page: copy }, w.takenTitle).waitFor();
});
