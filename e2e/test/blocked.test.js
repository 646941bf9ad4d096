// Where WebSocket is blocked: the page works all the same.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { withoutUpgrade } from '../support/nginx.js';
import { redis, site } from '../support/site.js';
import * as table from '../support/table.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/** The requests and answers of a guest's streams and POSTs. @param {Guest} guest */
function requests({ context }) {
  /** @type {string[]} */
  const all = [];
  context.on('response', (answer) => answer.url().includes('/sse/') && all.push(`${answer.request().method()} ${answer.status()}`));
  return all;
}

test('behind a proxy that strips upgrades two people choose together, on three nodes, of which two are killed', async (t) => {
  const store = await redis(t);
  const node = () => site(t, ['--store', store, '--seat-grace', '5m']);
  const nodes = await Promise.all([node(), node(), node()]);
  const base = await withoutUpgrade(t, nodes);
  const mina = await guest(t, base, { may: NETWORK });
  const juno = await guest(t, base, { may: NETWORK });
  const asked = requests(mina);
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.callMyself(juno, 'Juno');
  t.diagnostic(`with a name after ${await juno.page.evaluate(() => Math.round(performance.now()))} ms`);
  await table.areHere(mina, 2);
  await table.add(mina, '김밥');
  await table.dish(juno, '김밥').waitFor();
  await table.add(juno, 'Pho');
  await table.vote(juno, '김밥');
  await table.allSeeTheSame([mina, juno], { base }, id, ['김밥', 'Pho']);
  ok(asked.includes('GET 200') && asked.includes('POST 200'), `it asked for ${asked}`);

  // Any of them may have a stream.
  const [first, second, third] = nodes;
  await first?.kill('SIGKILL');
  await table.add(mina, '냉면');
  await second?.kill('SIGKILL');
  await table.add(juno, '우동');
  await table.allSeeTheSame([mina, juno], { base }, id, ['김밥', 'Pho', '냉면', '우동']);
  await table.areHere(juno, 2);
  equal(third?.state().exitCode, null);
});

test('only the host changes a locked menu, votes stay hidden, and one\'s own are shown, without a WebSocket too', async (t) => {
  const server = await site(t);
  const base = await withoutUpgrade(t, [server]);
  const mina = await guest(t, base, { may: NETWORK });
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  await table.enter(juno, id);
  await table.add(mina, '김밥');
  const sheet = await table.settings(mina);
  await sheet.getByRole('button', { name: mina.w.secretBallot }).click();
  await sheet.getByRole('button', { name: mina.w.locked, exact: true }).click();
  await table.box(juno).waitFor({ state: 'hidden' });
  await mina.page.keyboard.press('Escape');
  await table.vote(mina, '김밥');
  const { state } = await table.session(server, id);
  deepEqual(state.items.map(({ votes }) => votes), [[]]);
  await (await table.settings(mina)).getByRole('button', { name: mina.w.openToAll, exact: true }).click();
  await mina.page.keyboard.press('Escape');
  await table.add(juno, 'Pho');
  await table.dish(mina, 'Pho').waitFor();
});

test('a seat goes on by WebSocket where the network lets it through again, and back', async (t) => {
  const server = await site(t, ['--seat-grace', '5m']);
  const blocked = await withoutUpgrade(t, [server]);
  const mina = await guest(t, blocked, { may: NETWORK });
  const id = await table.open(mina);
  await table.add(mina, '김밥');
  const saved = await mina.page.evaluate(() => Object.entries(sessionStorage).filter(([key]) => key.includes('seat.')));
  await mina.context.close();
  let seats = saved;
  for (const base of [server.base, blocked, server.base]) {
    const later = await guest(t, base, { may: NETWORK });
    await later.page.addInitScript((kept) => {
      for (const [key, value] of kept) sessionStorage.setItem(key, value);
    }, seats);
    await table.enter(later, id);
    await table.areHere(later, 1);
    await table.dish(later, '김밥').waitFor();
    seats = await later.page.evaluate(() => Object.entries(sessionStorage).filter(([key]) => key.includes('seat.')));
    const secret = (/** @type {[string, string][]} */ all) => JSON.parse(all[0]?.[1] ?? '{}').seat;
    equal(secret(seats), secret(saved));
    await later.context.close();
  }
});
