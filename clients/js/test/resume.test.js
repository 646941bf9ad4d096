// Against the real server, over a network that fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxy } from './support/proxy.js';
import { items, join, live, until } from './support/rooms.js';
import { serve } from './support/server.js';

/** @param {import('node:test').TestContext} t */
async function behind(t, args = /** @type {string[] | undefined} */ (undefined)) {
  const server = await serve(t, args);
  const net = await proxy(t, server.port);
  const room = await server.room();
  return { ...room, net, near: net.through(room.url) };
}

test('of 200 commands each is applied once, however often the connection is cut', async (t) => {
  const { url, near, get, net } = await behind(t, ['--max-items', '200', '--outbox-bytes', '4194304', '--command-rate', '0']);
  const mina = join(t, near, { name: 'Mina' });
  const jun = join(t, url, { name: 'Jun' });
  await Promise.all([live(mina), live(jun)]);
  let backs = 0;
  jun.listen('back', () => backs++);

  /** @type {Promise<number>[]} */
  const answers = [];
  for (let part = 0; part < 10; part++) {
    for (let n = 0; n < 20; n++) answers.push(mina.add(`${part}/${n}`));
    // Some are answered, some are under way.
    await answers[part * 20 + 5];
    net.cut();
    await until(mina, (view) => view.status !== 'live');
    mina.retryNow();
  }
  const seqs = await Promise.all(answers);
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b));
  const { position } = await live(mina);
  await until(jun, (view) => (view.position?.seq ?? 0) >= (position?.seq ?? NaN));

  const wanted = Array.from({ length: 200 }, (_, n) => `${Math.floor(n / 20)}/${n % 20}`);
  assert.deepEqual(items(mina), wanted);
  const there = await get();
  assert.deepEqual(mina.view.state, there.state);
  assert.deepEqual(jun.view.state, there.state);
  assert.deepEqual(mina.view.members, there.members);
  assert.ok(backs >= 10, `it came back ${backs} times`);
});

test('a command whose answer is lost is answered after the return, and was applied once', async (t) => {
  const { url, near, net } = await behind(t);
  const mina = join(t, near, { name: 'Mina' });
  const jun = join(t, url, { name: 'Jun' });
  await Promise.all([live(mina), live(jun)]);
  net.lose('answers');
  const answer = mina.add('lost');
  const { position } = await until(jun, (view) => view.state?.items.length === 1);
  net.lose('nothing');
  net.cut();
  assert.equal(await answer, position?.seq);
  const { seq } = (await live(mina)).position ?? { seq: NaN };
  await until(jun, (view) => (view.position?.seq ?? 0) >= seq);
  assert.deepEqual([items(mina), items(jun)], [['lost'], ['lost']]);
});

test('a network that says nothing more is noticed, and the way back found', async (t) => {
  const { near, net } = await behind(t, ['--ping-interval', '200ms', '--pong-timeout', '60s']);
  const mina = join(t, near, { name: 'Mina' });
  await live(mina);
  net.lose('all');
  const { reason } = await until(mina, (view) => view.status === 'offline');
  assert.equal(reason?.code, 'timeout');
  net.lose('nothing');
  mina.retryNow();
  // The seat's old connection is still open, as far as the server knows.
  await live(mina);
  assert.equal(mina.view.members.length, 1);
});

test('what happened meanwhile is there when it is live again, and not before', async (t) => {
  const { url, near, net } = await behind(t);
  const mina = join(t, near);
  const jun = join(t, url);
  await Promise.all([live(mina), live(jun)]);
  net.refuse(true);
  net.cut();
  await until(mina, (view) => view.status === 'offline');
  for (const item of ['a', 'b', 'c']) await jun.add(item);
  /** @type {unknown[]} */
  const shownLive = [];
  mina.subscribe(({ stale }) => stale || shownLive.push(items(mina)?.length));
  net.refuse(false);
  mina.retryNow();
  await live(mina);
  assert.deepEqual([...new Set(shownLive)], [3]);
});

test('a seat that was given up meanwhile is replaced by a new one', async (t) => {
  const { url, near, net } = await behind(t, ['--seat-grace', '100ms']);
  const mina = join(t, near, { name: 'Mina' });
  const jun = join(t, url);
  const first = (await live(mina)).me?.id;
  await live(jun);
  net.refuse(true);
  const left = new Promise((resolve) => jun.listen('left', resolve));
  net.cut();
  await left;
  net.refuse(false);
  mina.retryNow();
  const { me } = await until(mina, (view) => view.status === 'live' && view.me?.id !== first);
  assert.equal(me?.name, 'Mina');
  await mina.add('a');
});

test('more events were missed than the server remembers: the whole state', async (t) => {
  const { url, near, net } = await behind(t, ['--command-rate', '0']);
  const mina = join(t, near);
  const jun = join(t, url);
  await Promise.all([live(mina), live(jun)]);
  net.refuse(true);
  net.cut();
  await until(mina, (view) => view.status === 'offline');
  await jun.add('a');
  await Promise.all(Array.from({ length: 150 }, () => [jun.vote(1), jun.unvote(1)]).flat());
  await jun.vote(1);
  net.refuse(false);
  mina.retryNow();
  await live(mina);
  assert.deepEqual(mina.view.state?.items[0]?.votes, [jun.view.me?.id]);
});

test('after a reload the seat, the list and the unanswered command are there', async (t) => {
  const { near, net } = await behind(t);
  const before = join(t, near, { name: 'Mina' });
  await before.add('a');
  net.refuse(true);
  net.cut();
  await until(before, (view) => view.status === 'offline');
  before.add('b').catch(() => {});
  const saved = JSON.parse(JSON.stringify(before.saved));
  // It is gone with its page, and sends nothing, because there is no connection. Otherwise it would take the
  // seat back.
  before.close();

  net.refuse(false);
  const after = join(t, near, { saved });
  assert.deepEqual([items(after), after.view.stale], [['a'], true]);
  await until(after, (view) => !view.stale && view.state?.items.length === 2);
  assert.deepEqual([items(after), after.view.me?.id], [['a', 'b'], before.view.me?.id]);
});
