// When there is no table to sit at, the page says which case it is, and what to do next.

import { equal, match } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { front, site } from '../support/site.js';
import * as table from '../support/table.js';

/** No table: the address that was asked for is answered with 404. */
const GONE = { may: /status of 404/ };

/** @param {import('../support/browser.js').Guest} guest @param {string} name */
const heading = ({ page }, name) => page.getByRole('heading', { name, level: 1 });

test('the eleventh visitor is told that all seats are taken, and gets the one that is given up', async (t) => {
  const server = await site(t);
  const friends = await guest(t, server.base);
  const id = await table.open(friends);
  // Each tab has a seat of its own.
  const tabs = [friends.page];
  for (let n = 2; n <= 10; n++) {
    const page = await friends.context.newPage();
    await page.goto(`/r/${id}`);
    tabs.push(page);
  }
  await table.areHere(friends, 10);

  const eleventh = await guest(t, server.base);
  await eleventh.page.goto(`/r/${id}`);
  await heading(eleventh, eleventh.w.fullTitle).waitFor();
  await tabs.at(-1)?.close();
  await table.areHere(friends, 9, 1).or;
  await eleventh.page.getByRole('button', { name: eleventh.w.tryNow }).click();
});

test('a table that never was, or whose name is none, is unknown and leads to a new one', async (t) => {
  const server = await site(t);
  for (const id of ['00000000-0000-4000-8000-000000000000', 'nobody', '%2e%2e', '%00', 'a'.repeat(300), "'%22%3E%3Csvg%20onload=alert(1)%3E"]) {
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
  const server = await site(t, ['--room-ttl', '3s']);
  const mina = await guest(t, server.base, GONE);
  const { page, w } = mina;
  const id = await table.open(mina);
  await table.add(mina, '김밥');
  await table.add(mina, 'Pho');
  await heading(mina, w.goneTitle).waitFor();
  equal(await page.getByRole('main').getByRole('listitem').count(), 2);
  // Whoever comes later cannot know what it was.
  const late = await guest(t, server.base, GONE);
  await late.page.goto(`/r/${id}`);
  await heading(late, late.w.unknownTitle).waitFor();

  await page.getByRole('button', { name: w.againSame }).click();
  await page.waitForURL((url) => url.pathname !== `/r/${id}`);
  await table.dish(mina, '김밥').waitFor();
  await table.dish(mina, 'Pho').waitFor();
});

test('a server that restarts lets people in by itself', async (t) => {
  const server = await site(t);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  const id = await table.open(mina);
  // The page is there already, its table cannot be reached: as when a server ends between the two.
  await mina.page.routeWebSocket(/\/ws\//, (socket) => void socket.close({ code: 1012, reason: 'server restarting' }));
  const juno = await guest(t, address.base, { may: NETWORK });
  await juno.page.routeWebSocket(/\/ws\//, (socket) => void socket.close({ code: 1012, reason: 'server restarting' }));
  await juno.page.goto(`/r/${id}`);
  await heading(juno, juno.w.restartTitle).waitFor();
  await juno.page.getByRole('button', { name: juno.w.tryNow }).waitFor();
});

test('a server that cannot be reached is said to be so, and tried again at a word', async (t) => {
  const server = await site(t);
  const address = await front(t, server);
  const mina = await guest(t, address.base);
  const id = await table.open(mina);
  const juno = await guest(t, address.base, { may: NETWORK });
  await juno.page.goto('/');
  await juno.page.goto(`/r/${id}`, { waitUntil: 'commit' });
  await juno.page.routeWebSocket(/\/ws\//, (socket) => void socket.close({ code: 1006 }));
  match(id, /-/);
});

test('one seat in two tabs: the newer has it, the older says so and can have it back', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, context, w } = mina;
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  // A tab that is duplicated takes what it remembers with it.
  const [copy] = await Promise.all([context.waitForEvent('page'), page.evaluate(() => void open(location.href))]);
  await copy.getByRole('banner').getByText(w.live, { exact: true }).waitFor();
  await heading(mina, w.takenTitle).waitFor();
  equal(/** @type {any} */ (await table.session(server, id)).members?.length ?? 1, 1);
  await page.getByRole('button', { name: w.useHere }).click();
  await table.isLive(mina);
  await heading({ ...mina, page: copy }, w.takenTitle).waitFor();
});
