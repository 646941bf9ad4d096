// Deciding, against the real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRoom, roomResult } from 'tablecast-client';
import { verifyDraw } from 'tablecast-client/draw';
import { proxy } from './support/proxy.js';
import { items, join, live, until } from './support/rooms.js';
import { serve } from './support/server.js';

/** @typedef {import('tablecast-client/lunch').LunchRoom} LunchRoom */

/** @param {LunchRoom} room */
const decided = async (room) => {
  const { state } = await until(room, (view) => view.state?.decision && !view.state.drawing);
  const decision = state?.decision;
  assert.ok(decision);
  return decision;
};

/**
 * The room's verdict on its draw; checks that it holds.
 * @param {LunchRoom} room
 */
const verified = async (room) => {
  const decision = await decided(room);
  assert.ok(decision.draw);
  const verdict = verifyDraw(decision.draw, room.contribution);
  assert.equal(verdict.commitmentHolds, true);
  assert.deepEqual(verdict.winner, decision.winner);
  return { ...verdict, draw: decision.draw };
};

/**
 * Members who see each other, in this order.
 * @param {import('node:test').TestContext} t
 * @param {...string} urls
 */
const seated = async (t, ...urls) => {
  const rooms = [];
  for (const [at, url] of urls.entries()) {
    const room = join(t, url, { name: `member ${at}`, colour: at });
    await live(room);
    rooms.push(room);
  }
  await Promise.all(rooms.map((room) => until(room, (view) => view.members.length === urls.length)));
  return /** @type {[LunchRoom, LunchRoom, LunchRoom]} */ (rooms);
};

test('three draw, each contributes, and each finds the same winner', async (t) => {
  const server = await serve(t);
  const { url, get } = await server.room();
  const rooms = await seated(t, url, url, url);
  const [mina, jun] = rooms;
  await Promise.all(['김치찌개', 'pizza', 'pho'].map((item) => mina.add(item)));
  const announced = mina.view.state?.next_draw;
  await jun.decide('draw');
  const verdicts = await Promise.all(rooms.map(verified));
  for (const { mineCounted, digest, draw } of verdicts) {
    assert.deepEqual([mineCounted, digest], [true, verdicts[0]?.digest]);
    assert.deepEqual([draw.number, draw.commitment], [announced?.number, announced?.commitment]);
    assert.equal(draw.contributions.length, 3);
  }
  const { state } = await get();
  for (const { view } of rooms) assert.deepEqual(view.state, state);
  assert.deepEqual([state.decision.by, state.decision.name], [jun.view.me?.id, 'member 1']);

  // Again, with the remaining items.
  await mina.remove(state.decision.winner.number);
  await mina.decide('draw');
  const again = await until(jun, (view) => view.state?.decision?.draw?.number === 2);
  assert.equal(again.state?.decision?.draw?.candidates.length, 2);
});

test('who drops in the middle of a draw does not hold it up, and verifies it after the return', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const net = await proxy(t, server.port);
  const [mina, jun, bo] = await seated(t, url, url, net.through(url));
  await mina.add('a');
  await mina.add('b');
  // Its contribution is lost, and so are the answers.
  net.lose('all');
  await mina.decide('draw');
  // Once it is away, or after 3 s, the others are enough.
  await Promise.all([verified(mina), verified(jun)]);
  assert.equal(bo.view.state?.decision, null);
  net.lose('nothing');
  net.cut();
  const { mineCounted, draw } = await verified(bo);
  assert.deepEqual(draw.contributions.map(({ member }) => member).sort(), [mina.view.me?.id, jun.view.me?.id]);
  // It did not learn of the draw in time.
  assert.equal(mineCounted, null);
});

test('who was cut after contributing has contributed, and takes part in what is left', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const net = await proxy(t, server.port);
  const [mina, jun] = await seated(t, url, net.through(url));
  await mina.add('a');
  await mina.add('b');
  const began = new Promise((resolve) => jun.listen('change', ({ change }) => change.drawing && resolve(null)));
  await mina.decide('draw');
  await began;
  net.cut();
  jun.retryNow();
  const verdicts = await Promise.all([verified(mina), verified(jun)]);
  assert.equal(verdicts[0].digest, verdicts[1].digest);
  assert.equal(verdicts[0].mineCounted, true);
  // Counted if it came in time, which the network decided; never unknown.
  assert.equal(typeof verdicts[1].mineCounted, 'boolean');
});

test('the item with most votes wins at once, and a tie is drawn', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const [mina, jun] = await seated(t, url, url);
  await assert.rejects(mina.decide('votes'), { code: 'nothing_to_decide' });
  for (const item of ['a', 'b', 'c']) await mina.add(item);
  await mina.vote('b');
  await jun.vote('b');
  await jun.vote('c');
  await jun.decide('votes');
  const { at, ...decision } = jun.view.state?.decision ?? {};
  assert.equal(typeof at, 'number');
  assert.deepEqual(decision, {
    number: 1,
    how: 'votes',
    by: jun.view.me?.id,
    name: 'member 1',
    winner: { number: 2, item: 'b', name: 'member 0', votes: 2 },
    draw: null,
  });
  await jun.unvote('b');
  await jun.decide('votes');
  const { draw } = await until(mina, (view) => view.state?.decision?.draw).then(() => verified(mina));
  assert.deepEqual(draw.candidates.map(({ item }) => item), ['b', 'c']);
});

test('what was removed is restored with its votes, where it was', async (t) => {
  const server = await serve(t);
  const { url, get } = await server.room();
  const [mina, jun] = await seated(t, url, url);
  for (const item of ['a', 'b', 'c']) await mina.add(item);
  await mina.vote('b');
  const before = mina.view.state;
  await mina.remove('b');
  assert.deepEqual(items(mina), ['a', 'c']);
  const last = await jun.restore(2);
  const { state } = await until(mina, (view) => (view.position?.seq ?? 0) >= last);
  assert.deepEqual(state, before);
  assert.deepEqual(jun.view.state, before);
  assert.deepEqual((await get()).state, before);
  await assert.rejects(jun.restore(4), { code: 'not_found' });
});

test('title, lifetime and colours are everybody\'s', async (t) => {
  const server = await serve(t);
  const { url, ttl_ms } = await createRoom(server.base, { title: ' Friday ', minutes: 5 });
  assert.equal(ttl_ms, 300_000);
  const [mina, jun] = await seated(t, url, url);
  const { state, ttlMs, members } = mina.view;
  assert.deepEqual([state?.title, ttlMs], ['Friday', 300_000]);
  assert.deepEqual(members.map(({ colour }) => colour), [0, 1]);
  await jun.setTitle('Saturday');
  const last = await jun.rename('Jun', 7);
  await until(mina, (view) => (view.position?.seq ?? 0) >= last);
  assert.equal(mina.view.state?.title, 'Saturday');
  assert.deepEqual(mina.view.members[1], { ...jun.view.me, name: 'Jun', colour: 7 });
  const { expiresAt } = mina.view;
  await mina.extend();
  assert.ok((mina.view.expiresAt ?? 0) >= (expiresAt ?? NaN));
  await mina.setTitle(null);
  assert.equal(mina.view.state?.title, null);
});

test('the result stays readable when the room is gone', async (t) => {
  // Longer than any quiet time in this test, also on a busy machine.
  const server = await serve(t, ['--room-ttl', '6s']);
  const { url, id } = await server.room();
  await assert.rejects(roomResult(server.base, id), { code: 'not_found', status: 404 });
  const mina = join(t, url, { name: 'Mina' });
  await mina.setTitle('Friday');
  await mina.add('a');
  await mina.add('b');
  await mina.vote('b');
  await mina.decide('draw');
  const decision = await decided(mina);
  const result = await roomResult(server.base, id);
  assert.deepEqual(result, {
    id,
    title: 'Friday',
    decision,
    menu: [
      { number: 1, item: 'a', name: 'Mina', votes: 0 },
      { number: 2, item: 'b', name: 'Mina', votes: 1 },
    ],
    decided_at: result.decided_at,
    kept_until: result.kept_until,
  });
  assert.ok(result.kept_until > result.decided_at);
  const { reason } = await until(mina, (view) => view.status === 'ended');
  assert.ok(['gone', 'not_found'].includes(reason?.code ?? ''), reason?.code);
  assert.deepEqual(await roomResult(server.base, id), result);
});
