// The connection fails in every possible way, and all see the same list in the end.

import { deepEqual, equal } from 'node:assert/strict';
import { NETWORK, guest, test, turn } from '../support/browser.js';
import { front, redis, site, sqlite } from '../support/site.js';
import * as table from '../support/table.js';
import { until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/** A broken connection is found after two seconds, and a seat is kept long enough to come back, also on a busy machine. */
const QUICK = ['--ping-interval', '1s', '--pong-timeout', '1s', '--seat-grace', '5m'];

/**
 * Mina and Juno at a table with two dishes.
 * @param {import('node:test').TestContext} t
 * @param {string} base
 */
async function two(t, base) {
  const mina = await guest(t, base, { reducedMotion: 'reduce', may: NETWORK });
  const juno = await guest(t, base, { reducedMotion: 'reduce', may: NETWORK });
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.callMyself(juno, 'Juno');
  await table.add(mina, '김밥');
  await table.add(juno, 'Pho');
  await table.vote(juno, '김밥');
  return { mina, juno, both: [mina, juno], id };
}

/** The page's stored seat, to see whether it is still the same. @param {Guest} guest */
const seat = ({ page }) => page.evaluate(() => Object.entries(sessionStorage).filter(([key]) => key.includes('seat.')).map(([, value]) => JSON.parse(value).seat));

/**
 * Records every text at a place from now on, however briefly it is shown.
 * @param {Guest} guest
 * @param {string} place
 */
async function words({ page }, place) {
  const said = await page.locator(place).evaluateHandle((element) => {
    /** @type {(string | null)[]} */
    const said = [];
    new MutationObserver(() => {
      if (said.at(-1) !== element.textContent) said.push(element.textContent);
    }).observe(element, { subtree: true, childList: true, characterData: true });
    return said;
  });
  return () => said.jsonValue();
}

/** Records of each later connection whether it went on where the page was. @param {Guest} guest */
function hellos({ page }) {
  /** @type {boolean[]} */
  const resumed = [];
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const { hello } = JSON.parse(String(payload));
      if (hello) resumed.push(hello.resumed);
    }),
  );
  return () => resumed;
}

test('the server is killed and starts again: the same list, the same seats', async (t) => {
  const store = await redis(t);
  const server = await site(t, ['--store', store]);
  const address = await front(t, server);
  const { mina, juno, both, id } = await two(t, address.base);
  const seats = await Promise.all(both.map(seat));

  await server.kill('SIGKILL');
  for (const one of both) await table.says(one, 'offline');
  // The page says that the list is old; new changes wait.
  await mina.page.getByRole('region', { name: mina.w.offline }).getByText(mina.w.stale).waitFor();
  await table.box(juno).fill('냉면');
  await table.box(juno).press('Enter');
  await juno.page.getByText(juno.w.waiting(1)).waitFor();
  // It is neither suggested nor added a second time.
  equal(await juno.page.getByRole('group', { name: juno.w.suggestions }).getByRole('button', { name: '냉면' }).count(), 0);
  await table.box(juno).fill('냉면');
  await table.box(juno).press('Enter');
  equal(await table.box(juno).inputValue(), '');

  const again = await site(t, ['--store', store]);
  address.moveTo(again);
  // Whoever waited much longer would lose the seat with the lease of the server that was killed.
  for (const one of both) await table.tryNow(one);
  await table.dish(mina, '냉면').waitFor();
  await table.allSeeTheSame(both, again, id, ['김밥', 'Pho', '냉면']);
  deepEqual(await Promise.all(both.map(seat)), seats);
  await table.areHere(mina, 2);
});

test('a lone server is killed and starts again: after a moment, and without a touch, everything is as it was', async (t) => {
  const options = ['--store', sqlite(t), '--seat-grace', '5m'];
  const server = await site(t, options);
  const address = await front(t, server);
  const { mina, juno, both, id } = await two(t, address.base);
  await table.vote(mina, 'Pho');
  const before = await table.session(server, id);
  const seats = await Promise.all(both.map(seat));
  const screens = await Promise.all(both.map((one) => words(one, '.status')));
  const heard = both.map(hellos);

  await server.kill('SIGKILL');
  for (const one of both) await table.says(one, 'offline');
  await table.box(juno).fill('냉면');
  await table.box(juno).press('Enter');
  const again = await site(t, options);
  address.moveTo(again);
  await table.allSeeTheSame(both, again, id, ['김밥', 'Pho', '냉면']);
  for (const one of both) await table.areHere(one, 2);
  const { state, members } = await table.session(again, id);
  deepEqual([state.items.slice(0, 2), members], [before.state.items, before.members]);
  deepEqual(await Promise.all(both.map(seat)), seats);
  // Each went on where it was, in the same history.
  for (const read of heard) deepEqual(read(), [true]);
  for (const read of screens) deepEqual([...new Set(await read())].sort(), [mina.w.connecting, mina.w.live, mina.w.offline].sort());
});

test('the server says that it restarts, the page says so too, and all are back in their seats afterwards', async (t) => {
  const store = await redis(t);
  const server = await site(t, ['--store', store]);
  const address = await front(t, server);
  const { both, mina, juno, id } = await two(t, address.base);
  const seats = await Promise.all(both.map(seat));
  const said = await Promise.all(both.map((one) => words(one, '.trouble')));
  await server.kill('SIGTERM');
  // The next attempt may come at once, and finds no server that could say so.
  for (const read of said) await until('the word', read, (all) => all.some((text) => text?.includes(mina.w.restarting)));
  const again = await site(t, ['--store', store]);
  address.moveTo(again);
  await table.allSeeTheSame(both, again, id, ['김밥', 'Pho']);
  await table.areHere(juno, 2);
  deepEqual(await Promise.all(both.map(seat)), seats);
});

test('another node takes over, and nobody loses a seat or a dish', async (t) => {
  const store = await redis(t);
  const [first, second] = await Promise.all([site(t, ['--store', store]), site(t, ['--store', store])]);
  const address = await front(t, first);
  const { mina, juno, both, id } = await two(t, address.base);
  const seats = await Promise.all(both.map(seat));
  // One guest is on the other node all the time.
  const sora = await guest(t, second.base);
  await table.enter(sora, id);
  const all = [...both, sora];

  address.moveTo(second);
  await first.kill('SIGKILL');
  await table.add(sora, '우동');
  await table.dish(mina, '우동').waitFor();
  await table.vote(mina, '우동');
  await table.allSeeTheSame(all, second, id, ['김밥', 'Pho', '우동']);
  deepEqual(await Promise.all(both.map(seat)), seats);
  await table.areHere(juno, 3);
});

test('a hidden tab, whose connection was lost without a word, shows what it missed as soon as it is seen again', async (t) => {
  const server = await site(t, QUICK);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  const seats = await seat(mina);
  await table.enter(juno, id);

  await turn(mina, 'hidden');
  address.lose('all');
  address.refuse(true);
  await table.areHere(juno, 1, 1);
  for (const item of ['김밥', 'Pho', '냉면']) await table.add(juno, item);
  await table.vote(juno, 'Pho');

  address.lose('nothing');
  address.refuse(false);
  address.cut();
  await turn(mina, 'visible');
  await table.allSeeTheSame([mina, juno], server, id, ['김밥', 'Pho', '냉면']);
  deepEqual(await seat(mina), seats);
  await table.areHere(mina, 2);
});

test('a seat that was kept no longer is taken anew, and the list is that of now', async (t) => {
  // The server learns of the cut. Nobody else may be disconnected: a slow answer to a ping would cost the seat.
  const server = await site(t, ['--seat-grace', '500ms']);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await turn(mina, 'hidden');
  address.refuse(true);
  address.cut();
  await juno.page.getByRole('region', { name: juno.w.people }).getByText('Mina').waitFor({ state: 'detached' });
  await table.add(juno, 'Pho');

  address.refuse(false);
  await turn(mina, 'visible');
  await table.allSeeTheSame([mina, juno], server, id, ['Pho']);
  await juno.page.getByRole('region', { name: juno.w.people }).getByText('Mina').waitFor();
  await table.areHere(mina, 2);
});

test('dishes that were given in without a connection, in a tab that was closed since, are named by the next one', async (t) => {
  const server = await site(t);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  const id = await table.open(mina);
  const { context, w } = mina;
  await table.add(mina, '김밥');
  address.refuse(true);
  address.cut();
  await table.says(mina, 'offline');
  for (const item of ['냉면', 'Pho']) {
    await table.box(mina).fill(item);
    await table.box(mina).press('Enter');
  }
  await mina.page.getByText(w.waiting(2)).waitFor();
  await mina.page.close();

  address.refuse(false);
  const later = { ...mina, page: await context.newPage() };
  await table.enter(later, id);
  const said = later.page.getByRole('alert').filter({ hasText: w.notAdded('냉면, Pho') });
  await said.getByRole('button', { name: w.addAgain }).click();
  await table.allSeeTheSame([later], server, id, ['김밥', '냉면', 'Pho']);
  // Once is enough.
  await later.page.reload();
  await table.isLive(later);
  equal(await later.page.getByText(w.addAgain).count(), 0);
});

test('dishes that were sent before the seat was lost are named, each, and those that were not are sent', async (t) => {
  const server = await site(t, ['--seat-grace', '500ms']);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  const { page, w } = mina;
  await table.enter(juno, id);
  await table.areHere(juno, 2);
  /** @param {string} item */
  const give = async (item) => {
    await table.box(mina).fill(item);
    await table.box(mina).press('Enter');
    await table.dish(mina, item).waitFor();
  };
  address.lose('all');
  await give('냉면');
  await give('Pho');
  address.refuse(true);
  address.lose('nothing');
  address.cut();
  await table.says(mina, 'offline');
  await give('라면');
  await table.areHere(juno, 1);

  address.refuse(false);
  await table.tryNow(mina);
  // One is in the box and can be sent again, the other is named.
  await page.getByText(w.notDone, { exact: true }).waitFor();
  equal(await table.box(mina).inputValue(), '냉면');
  await page.getByRole('alert').filter({ hasText: w.notAdded('Pho') }).waitFor();
  await table.allSeeTheSame([mina, juno], server, id, ['라면']);
});

test('a device that loses its network shows nothing as live, and a server that answers all the same is believed', async (t) => {
  // It pings so rarely that only the device can notice.
  const server = await site(t, ['--ping-interval', '1h']);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  await table.open(mina);
  const { page, context, w } = mina;
  const said = await words(mina, '.status');
  // The device's report is wrong.
  await page.evaluate(() => dispatchEvent(new Event('offline')));
  await until('an answer', said, ({ length }) => length === 2);
  deepEqual(await said(), [w.connecting, w.live]);

  // Now the report is right.
  address.lose('all');
  address.refuse(true);
  await context.setOffline(true);
  await page.getByRole('region', { name: w.offline }).getByText(w.stale).waitFor();
  await table.says(mina, 'offline');
  deepEqual((await said()).slice(2, 4), [w.connecting, w.offline]);
});

test('offline and on again: the page says so, keeps what is done meanwhile, and everybody agrees', async (t) => {
  const server = await site(t, QUICK);
  const address = await front(t, server);
  const { mina, juno, id } = await two(t, address.base);
  const sora = await guest(t, server.base);
  await table.enter(sora, id);
  const seats = await seat(mina);
  // The browser tells the page, but keeps open sockets working; the proxy does not.
  await mina.context.setOffline(true);
  await juno.context.setOffline(true);
  address.lose('all');
  for (const one of [mina, juno]) await table.says(one, 'offline');
  await table.areHere(sora, 1, 2);
  await table.add(sora, '라면');
  await table.voteFor(mina, 'Pho').click();
  await mina.page.getByText(mina.w.waiting(1)).waitFor();
  equal(await table.dish(mina, '라면').count(), 0);

  address.lose('nothing');
  for (const one of [mina, juno]) await one.context.setOffline(false);
  await until('the vote', () => table.session(server, id), ({ state }) => state.items[1]?.votes.length === 1);
  await table.allSeeTheSame([mina, juno, sora], server, id, ['김밥', 'Pho', '라면']);
  await table.areHere(sora, 3);
  deepEqual(await seat(mina), seats);
});
