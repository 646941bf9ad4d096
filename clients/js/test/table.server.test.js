// The rules of a table, against the real server.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { again, createRoom, newPerson, roomResult } from 'tablecast-client';
import { verifyDraw } from 'tablecast-client/draw';
import WebSocket from 'ws';
import { items, join, live, until } from './support/rooms.js';
import { UNLIMITED, serve } from './support/server.js';

/** @typedef {import('tablecast-client/lunch').LunchRoom} LunchRoom */

/**
 * Two members of a room with these settings; the first is its host.
 * @param {import('node:test').TestContext} t
 * @param {import('tablecast-client').RoomSettings} [settings]
 */
async function two(t, settings, args = UNLIMITED) {
  const server = await serve(t, args);
  const person = newPerson();
  const made = await createRoom(server.base, { person, ...settings });
  const mina = join(t, made.url, { name: 'Mina', person });
  await live(mina);
  const jun = join(t, made.url, { name: 'Jun' });
  await Promise.all([mina, jun].map((room) => until(room, (view) => view.members.length === 2)));
  return { ...made, base: server.base, server, mina, jun, ids: [mina, jun].map((room) => room.view.me?.id ?? NaN) };
}

/** Waits until a room knows what another did. @param {LunchRoom} room @param {number} seq */
const reach = (room, seq) => until(room, (view) => (view.position?.seq ?? 0) >= seq);

/** @param {LunchRoom} room */
const votes = (room) => room.view.state?.items.map(({ votes }) => votes);

test('hidden votes are the voter\'s own until a decision; no message to somebody else has them', async (t) => {
  const { url, mina, jun, ids, server } = await two(t);
  const [me = 0, other = 0] = ids;
  await mina.setRules({ hiddenVotes: true });
  /** @type {string[]} */
  const heard = [];
  class Overheard extends WebSocket {
    /** @param {string} url @param {string} protocol */
    constructor(url, protocol) {
      super(url, protocol);
      this.on('message', (data) => heard.push(String(data)));
    }
  }
  const bo = join(t, url, { name: 'Bo', WebSocket: Overheard });
  await live(bo);
  for (const item of ['pizza', 'pho', 'ramen']) await mina.add(item);
  await mina.vote('pho');
  await jun.vote('pho');
  await jun.vote('ramen');
  const last = await jun.unvote('ramen');
  await Promise.all([mina, jun, bo].map((room) => reach(room, last)));
  assert.deepEqual([votes(mina), votes(jun), votes(bo)], [[[], [me], []], [[], [other], []], [[], [], []]]);
  for (const room of [mina, jun, bo]) assert.deepEqual(room.view.state?.voted, ids);
  assert.ok(!heard.some((text) => text.includes('"voted":{"number"') || text.includes('"on":')), heard.join('\n'));
  const text = await (await fetch(`${server.base}/session/${new URL(url).pathname.split('/')[2]}/`)).text();
  assert.ok(JSON.parse(text).state.items.every((/** @type {any} */ { votes }) => votes.length === 0), text);

  // Removed and restored by somebody who does not know them.
  await bo.remove('pho');
  const restored = await bo.restore(2);
  await Promise.all([mina, jun].map((room) => reach(room, restored)));
  assert.deepEqual([votes(mina), votes(jun), votes(bo)], [[[], [me], []], [[], [other], []], [[], [], []]]);

  const decided = await jun.decide('votes');
  for (const room of [mina, jun, bo]) {
    const { state } = await reach(room, decided);
    assert.deepEqual(votes(room), [[], ids, []]);
    assert.deepEqual([state?.decision?.winner.item, state?.decision?.winner.votes], ['pho', 2]);
  }
  // Hidden again.
  const later = await mina.vote('ramen');
  await Promise.all([jun, bo].map((room) => reach(room, later)));
  assert.deepEqual([votes(mina), votes(bo)], [[[], ids, [me]], [[], ids, []]]);
  await assert.rejects(bo.setRules({ hiddenVotes: false }), { code: 'votes_hidden' });
  assert.deepEqual(votes(bo), [[], ids, []]);
  await bo.decide('votes');
  const open = await mina.setRules({ hiddenVotes: false });
  await Promise.all([jun, bo].map((room) => reach(room, open)));
  for (const room of [mina, jun, bo]) assert.deepEqual(votes(room), [[], ids, [me]]);
});

test('at the deadline the votes decide, with nobody\'s help', async (t) => {
  const { base, id, mina, jun } = await two(t);
  await mina.add('pizza');
  await mina.add('pho');
  await jun.vote('pho');
  await assert.rejects(mina.decideIn(4_000), { code: 'bad_deadline' });
  const said = Date.now() + 3_600_000;
  await mina.setDeadline(said);
  const { deadline } = mina.view.state ?? {};
  assert.equal(deadline?.by, mina.view.me?.id);
  assert.ok(Math.abs(mina.localTime(deadline?.at ?? 0) - said) < 2_000);
  await mina.setDeadline(null);
  assert.equal(mina.view.state?.deadline, undefined);
  const last = await jun.decideIn(5_000);
  await reach(mina, last);
  const { state } = await until(mina, (view) => view.state?.decision);
  const { at, ...decision } = state?.decision ?? { at: 0 };
  assert.deepEqual(decision, { number: 1, how: 'votes', deadline: true, winner: { number: 2, item: 'pho', name: 'Mina', votes: 1 }, draw: null });
  assert.equal(state?.deadline, undefined);
  assert.deepEqual((await roomResult(base, id)).decision, state?.decision);
});

test('a tie at the deadline is drawn, and the server ends the draw by itself', async (t) => {
  const { mina, jun } = await two(t);
  await mina.add('pizza');
  await mina.add('pho');
  await jun.decideIn(5_000);
  const { state: drawn } = await until(mina, (view) => view.state?.drawing);
  assert.deepEqual([drawn?.drawing?.by, typeof drawn?.drawing?.ends_at], [undefined, 'number']);
  for (const room of [mina, jun]) {
    const { state } = await until(room, (view) => view.state?.decision);
    const { draw = null, winner, deadline, by } = state?.decision ?? {};
    assert.ok(draw);
    const verdict = verifyDraw(draw, room.contribution);
    assert.deepEqual([verdict.commitmentHolds, verdict.mineCounted, verdict.serverAlone, verdict.winner], [true, true, false, winner]);
    assert.deepEqual([by, deadline, state?.deadline], [undefined, true, undefined]);
  }
});

test('a host locks the menu, hands over, and asks somebody to leave for good', async (t) => {
  const { url, mina, jun, ids } = await two(t);
  const [me = 0, other = 0] = ids;
  assert.equal(jun.view.state?.host, me);
  await assert.rejects(jun.lock(), { code: 'host_only' });
  await mina.lock();
  await assert.rejects(jun.add('pizza'), { code: 'host_only' });
  await mina.add('pizza');
  await jun.vote('pizza');
  const handed = await mina.makeHost(other);
  await reach(jun, handed);
  assert.deepEqual([jun.view.state?.host, jun.view.state?.locked], [other, true]);
  await assert.rejects(mina.unlock(), { code: 'host_only' });
  await jun.unlock();
  await jun.dismiss(me);
  const { reason } = await until(mina, (view) => view.status === 'ended');
  assert.deepEqual([reason?.code, reason?.closeCode], ['dismissed', 4411]);
  await until(jun, (view) => view.members.length === 1);
  mina.retryNow();
  assert.equal((await until(mina, (view) => view.status === 'ended' && view.reason?.code !== 'no_seat')).reason?.code, 'dismissed');

  const bo = join(t, url, { name: 'Bo' });
  await live(bo);
  jun.close();
  await until(bo, (view) => view.state?.host === undefined);
  await assert.rejects(bo.lock(), { code: 'no_host' });
  await bo.remove('pizza');
});

test('k votes each, vetoes, reminders, and what was decided before', async (t) => {
  const { mina, jun, ids } = await two(t);
  const [, other = 0] = ids;
  await mina.setRules({ votesEach: 1 });
  for (const item of ['pizza', 'pho', 'ramen']) await mina.add(item);
  await jun.vote('pizza');
  await assert.rejects(jun.vote('pho'), { code: 'votes_spent' });
  await jun.unvote('pizza');
  await jun.vote('pho');
  await mina.setRules({ votesEach: null });
  await jun.vote('pizza');
  await assert.rejects(mina.setRules({ votesEach: 1 }), { code: 'too_many_votes' });
  await mina.vote('pizza');
  const vetoed = await jun.veto('pizza');
  await reach(mina, vetoed);
  assert.deepEqual(mina.view.state?.items[0]?.vetoes, [other]);
  await mina.decide('votes');
  assert.equal(mina.view.state?.decision?.winner.item, 'pho');
  await jun.unveto('pizza');
  await mina.decide('votes');
  assert.deepEqual([mina.view.state?.decision?.winner.item, mina.view.state?.past.length], ['pizza', 1]);
  await mina.reinstate(1);
  assert.deepEqual([mina.view.state?.decision?.winner.item, mina.view.state?.past[0]?.number], ['pho', 2]);
  await mina.nudge();
  assert.ok(mina.view.state?.nudged_at);
  await assert.rejects(jun.nudge(), { code: 'too_soon' });
  for (const item of ['pizza', 'pho', 'ramen']) await jun.veto(item);
  await assert.rejects(jun.decide('draw'), { code: 'nothing_to_decide' });
});

test('who finds the room full may watch, and gets the seat that becomes free', async (t) => {
  const { url, mina, jun } = await two(t, {}, [...UNLIMITED, '--seats', '2']);
  const bo = join(t, url, { name: 'Bo', watch: true });
  const wall = join(t, url, { watch: 'only' });
  for (const room of [bo, wall]) {
    const { watching, me, members } = await live(room);
    assert.deepEqual([watching, me, members.length], [true, null, 2]);
  }
  const added = await mina.add('pizza');
  await reach(bo, added);
  assert.deepEqual(items(bo), ['pizza']);
  await assert.rejects(bo.vote('pizza'), { code: 'watching' });
  jun.close();
  const { me } = await until(bo, (view) => view.status === 'live' && !view.watching);
  assert.equal(me?.name, 'Bo');
  await bo.vote('pizza');
  await until(wall, (view) => view.state?.items[0]?.votes.length === 1);
  assert.equal(wall.view.watching, true);
});

test('everybody who asks for the next table gets the same, with its dishes', async (t) => {
  const { base, id, mina } = await two(t, { title: 'Friday' });
  await mina.add('pizza');
  await mina.vote('pizza');
  const [one, two_] = await Promise.all([again(base, id, { minutes: 30 }), again(base, id)]);
  assert.equal(one.id, two_.id);
  assert.notEqual(one.id, id);
  const next = join(t, one.url);
  const { state } = await live(next);
  assert.deepEqual([state?.title, state?.items.map(({ item, votes }) => [item, votes])], ['Friday', [['pizza', []]]]);
  await assert.rejects(again(base, 'nothing'), { code: 'not_found', status: 404 });
  // Of a room that the server has forgotten each remembers something; what the first one says counts.
  const menu = state?.items ?? [];
  const first = await again(base, 'forgotten', { title: 'Monday', menu });
  const second = await again(base, 'forgotten', { menu: [] });
  assert.equal(first.id, second.id);
  const { state: remembered } = await live(join(t, second.url));
  assert.deepEqual([remembered?.title, remembered?.items.map(({ item, name, by }) => [item, name, by])], ['Monday', [['pizza', menu[0]?.name, 0]]]);
});

test('what a member knows after all of this is what the server shows them', async (t) => {
  const { url, mina, jun, ids } = await two(t, { hiddenVotes: true, votesEach: 3, decideIn: 60 });
  for (const item of ['pizza', 'pho', 'ramen', 'udon']) await mina.add(item);
  await Promise.all([mina.vote(1), jun.vote(1), jun.vote(2), mina.veto(3), jun.nudge()]);
  await jun.remove('udon');
  await mina.decide('votes');
  await mina.vote('pho');
  await mina.remove('pho');
  await mina.lock();
  const last = await jun.unvote('pizza');
  for (const one of [mina, jun]) await reach(one, last);
  for (const { saved, view } of [mina, jun]) {
    assert.ok(saved);
    // The same seat, taken by somebody who knows nothing yet.
    const { state } = await live(join(t, url, { saved: { ...saved, replica: null } }));
    assert.deepEqual(view.state, state);
  }
  assert.equal(mina.view.state?.host, ids[0]);
});

for (const [where, WebSocket] of [['there is a WebSocket', "import WebSocket from 'ws';\nglobalThis.WebSocket ??= WebSocket;"], ['there is none', 'delete globalThis.WebSocket;']])
test(`the README's first example runs where ${where}`, async (t) => {
  const server = await serve(t);
  const [, example = ''] = /```js\n([^]*?)```/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8')) ?? [];
  const code = `${WebSocket}\n${example.replace('http://127.0.0.1:8000/', `${server.base}/`)}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: new URL('../', import.meta.url) });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for await (const data of child.stdout) {
    said += data;
    if (said.includes('/r/')) break;
  }
  assert.match(said, /^vote before 20 minutes are over: http.*\/r\//m);
});
