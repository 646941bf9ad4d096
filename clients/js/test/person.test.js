// Who somebody is, however often they come.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newPerson } from 'tablecast-client';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket, sockets } from './support/fakes.js';
import { golden, resumed } from './support/frames.js';
import { proxy } from './support/proxy.js';
import { join, live, until } from './support/rooms.js';
import { UNLIMITED, serve } from './support/server.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const PERSON = '0123456789abcdef0123456789abcdef';
const EXPIRES_AT = golden('hello').frame.hello.expires_at;

/** @param {import('node:test').TestContext} t */
function mina(t, options = {}) {
  const world = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina', person: PERSON, ...options });
  t.after(() => room.close());
  return { room, ...world };
}

test('a new key is 32 hex digits, each time others; what is no key is refused at once', (t) => {
  const keys = Array.from({ length: 100 }, newPerson);
  assert.ok(keys.every((key) => /^[0-9a-f]{32}$/.test(key)));
  assert.equal(new Set(keys).size, 100);
  fakes(t);
  for (const person of ['', 'Mina', PERSON.toUpperCase(), `${PERSON}0`]) {
    assert.throws(() => new LunchRoom(URL, { WebSocket: FakeWebSocket, person }), { name: 'TypeError', message: /newPerson/ });
  }
  assert.equal(sockets.length, 0);
});

test('a join says who somebody is, and a resume, for the case that the seat was given up', async (t) => {
  const { room, pass } = mina(t);
  socket().greets();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina', person: PERSON } }]);
  const saved = JSON.parse(JSON.stringify(room.saved));
  assert.equal(saved.person, PERSON);
  room.close();

  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, saved });
  t.after(() => later.close());
  socket().opens();
  const { seat, person } = socket().said()[0].resume;
  assert.deepEqual([seat, person], [saved.seat, PERSON]);
  // The room has forgotten the person.
  socket().ends(4401);
  pass(500);
  socket().opens();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina', person: PERSON } }]);
});

test('a command of a seat that was given up is unsure, also when the person has another seat at once', async (t) => {
  const { room, pass } = mina(t);
  socket().greets();
  const sent = room.add('pizza');
  socket().ends(1006);
  const waiting = room.add('pho');
  pass(250);
  socket().said();
  socket().greets({ seat: 'f'.repeat(32) });
  await assert.rejects(sent, { code: 'unsure' });
  assert.deepEqual(socket().said().slice(1), [{ id: 2, add: { item: 'pho' } }]);
  assert.equal(room.saved?.seat, 'f'.repeat(32));
  socket().hears({ ack: { id: 2, seq: 1 } });
  assert.equal(await waiting, 1);
});

test('a person whose seat was given up catches up with what was missed, up to their own return', (t) => {
  const { room, pass } = mina(t);
  socket().greets();
  socket().ends(1006);
  pass(250);
  socket().opens();
  socket().hears({ hello: { ...resumed().hello, you: 1, seat: 'f'.repeat(32) } });
  const mine = { member: 1, name: 'Mina', colour: 0 };
  for (const [at, what] of [{ away: { member: 1, until: 1 } }, { left: { member: 1 } }, { joined: mine }, { left: { member: 1 } }].entries()) {
    socket().hears({ event: { seq: 2 + at, ...what, expires_at: EXPIRES_AT } });
  }
  assert.deepEqual([room.view.status, room.view.me], ['connecting', null]);
  socket().hears({ event: { seq: 6, joined: mine, expires_at: EXPIRES_AT } });
  assert.deepEqual([room.view.status, room.view.stale, room.view.me?.id], ['live', false, 1]);
});

test('whose seat a newer tab has ends; by a tap it takes the seat back, which has another secret now', (t) => {
  const { room, pass, online } = mina(t);
  socket().greets();
  socket().ends(4409);
  assert.deepEqual([room.view.status, room.view.reason?.code], ['ended', 'taken_over']);
  online();
  pass(600_000);
  assert.equal(sockets.length, 1, 'not by itself: the two would fight');
  room.retryNow();
  socket().greets({ seat: 'f'.repeat(32), you: 1 });
  const [{ resume }] = socket().said();
  assert.deepEqual([resume.person, resume.take], [PERSON, undefined]);
  assert.deepEqual([room.view.status, room.saved?.seat], ['live', 'f'.repeat(32)]);
});

test('the names of those who have left are known, until they are back or forgotten', (t) => {
  const { room } = mina(t);
  const bo = { id: 9, name: 'Bo', colour: 4 };
  socket().greets({ former: [bo] });
  let { seq } = room.view.position ?? { seq: NaN };
  /** @param {object} what */
  const happens = (what) => socket().hears({ event: { seq: ++seq, ...what, expires_at: EXPIRES_AT } });
  assert.deepEqual(room.view.former, [bo]);
  happens({ joined: { member: 12, name: 'Jun', colour: 2 } });
  happens({ left: { member: 12 } });
  assert.deepEqual(room.view.former, [bo, { id: 12, name: 'Jun', colour: 2 }]);
  // A member that nobody heard of.
  happens({ left: { member: 77 } });
  happens({ joined: { member: 9, name: 'Bo', colour: 4 } });
  assert.deepEqual(room.view.former.map(({ id }) => id), [12]);
  assert.deepEqual(room.view.members.map(({ id }) => id), [1, 9]);
  for (let id = 100; id < 400; id++) {
    happens({ joined: { member: id, name: 'x', colour: 0 } });
    happens({ left: { member: id } });
  }
  assert.deepEqual([room.view.former.length, room.view.former[0]?.id], [256, 144]);
  socket().hears(golden('snapshot').frame);
  assert.deepEqual(room.view.former, []);
});

test('two tabs of one person are one member, with one vote that can be taken back', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const person = newPerson();
  const first = join(t, url, { name: 'Mina', person });
  await first.add('pizza');
  await first.vote('pizza');
  const second = join(t, url, { name: 'Mina', person });
  await live(second);
  assert.equal((await until(first, (view) => view.status === 'ended')).reason?.code, 'taken_over');
  assert.equal(second.view.me?.id, first.view.me?.id);
  await second.vote('pizza');
  assert.deepEqual(second.view.state?.items[0]?.votes, [second.view.me?.id]);
  first.retryNow();
  await live(first);
  await until(second, (view) => view.status === 'ended');
  await first.unvote('pizza');
  assert.deepEqual(first.view.state?.items[0]?.votes, []);
  assert.equal(first.view.members.length, 1);
});

test('a tab that was duplicated, and the one beside it, each have their commands done', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const tab = join(t, url, { name: 'Mina', person: newPerson() });
  await tab.add('pizza');
  const saved = JSON.parse(JSON.stringify(tab.saved));
  const copy = join(t, url, { saved });
  await live(copy);
  await until(tab, (view) => view.status === 'ended');
  await copy.vote('pizza');
  await copy.unvote('pizza');
  tab.retryNow();
  await live(tab);
  await until(copy, (view) => view.status === 'ended');
  // The same text as the first command of the copy.
  await tab.vote('pizza');
  assert.deepEqual(tab.view.state?.items[0]?.votes, [tab.view.me?.id]);
  await tab.add('pho');
  copy.retryNow();
  await live(copy);
  await copy.unvote('pizza');
  assert.deepEqual(copy.view.state?.items.map(({ item, votes }) => [item, votes]), [['pizza', []], ['pho', []]]);
});

test('what is given in without a connection is done, also when a copy of the tab has used the seat meanwhile', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const net = await proxy(t, server.port);
  const tab = join(t, net.through(url), { name: 'Mina' });
  await tab.add('pizza');
  const saved = JSON.parse(JSON.stringify(tab.saved));
  net.refuse(true);
  net.cut();
  await until(tab, (view) => view.status === 'offline');
  const copy = join(t, url, { saved });
  await live(copy);
  await copy.vote('pizza');
  await copy.unvote('pizza');
  // The same text as the first command of the copy.
  const vote = tab.vote('pizza');
  net.refuse(false);
  tab.retryNow();
  await vote;
  assert.deepEqual(tab.view.state?.items[0]?.votes, [tab.view.me?.id]);
});

test('who comes back after the seat was given up is the member they were, at once', async (t) => {
  const server = await serve(t, [...UNLIMITED, '--seat-grace', '100ms']);
  const { url } = await server.room();
  const net = await proxy(t, server.port);
  const jun = join(t, url, { name: 'Jun' });
  const phone = join(t, net.through(url), { name: 'Mina', person: newPerson() });
  await phone.add('pizza');
  await phone.vote('pizza');
  const { me, state } = phone.view;
  await until(jun, (view) => view.members.length === 2);
  net.refuse(true);
  net.cut();
  await until(jun, (view) => view.members.length === 1);
  await jun.add('pho');
  net.refuse(false);
  phone.retryNow();
  const back = await live(phone);
  assert.deepEqual([back.me, back.state?.items[0]], [me, state?.items[0]]);
  await phone.unvote('pizza');
  assert.deepEqual(phone.view.state?.items.map(({ votes }) => votes), [[], []]);
});

test('who closes and comes again later is the member they were, and known meanwhile', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const person = newPerson();
  const jun = join(t, url, { name: 'Jun' });
  const before = join(t, url, { name: 'Mina', person });
  await before.add('pizza');
  await until(jun, (view) => view.members.length === 2);
  const me = before.view.me;
  before.close();
  const { former } = await until(jun, (view) => view.former.length === 1);
  assert.deepEqual(former, [{ id: me?.id, name: 'Mina', colour: me?.colour }]);
  const after = join(t, url, { name: 'somebody', person });
  assert.deepEqual((await live(after)).me, me);
  const { members } = await until(jun, (view) => view.former.length === 0);
  assert.equal(members.length, 2);
});
