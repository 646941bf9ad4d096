// Commands until their answer, over as many connections as that takes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { golden } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const RESUMED = golden('hello-resumed').frame;
const { limits } = golden('hello').frame.hello;

/** @param {import('node:test').TestContext} t */
function live(t, options = {}) {
  const world = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina', ...options });
  t.after(() => room.close());
  socket().greets();
  socket().said();
  const again = () => {
    socket().ends(1006);
    room.retryNow();
    socket().opens();
    socket().hears(RESUMED);
    return socket().said().slice(1);
  };
  return { room, again, ...world };
}

/** @param {number} seq @param {string} item */
const added = (seq, item) => ({
  event: { seq, by: 1, change: { added: { number: seq, item, name: 'Mina' } }, expires_at: 1795300327066 },
});

/** Whether a promise is settled by now. @param {Promise<unknown>} promise */
async function settled(promise) {
  const not = {};
  return (await Promise.race([promise.catch(() => {}), new Promise((resolve) => setImmediate(resolve, not))])) !== not;
}

/** Lets a rejection pass that the test does not look at. @param {Promise<unknown>[]} promises */
const ignore = (...promises) => promises.forEach((promise) => promise.catch(() => {}));

test('whoever waited for a command sees what it did', async (t) => {
  const { room } = live(t);
  const answer = room.add('a');
  socket().hears({ ack: { id: 1, seq: 3 } });
  assert.deepEqual(room.view.pending, []);
  socket().hears({ event: { seq: 2, joined: { member: 2, name: 'x' }, expires_at: 0 } });
  assert.equal(await settled(answer), false);
  socket().hears(added(3, 'a'));
  assert.equal(await answer, 3);
  // Also when the event came first.
  const second = room.add('b');
  socket().hears(added(4, 'b'));
  socket().hears({ ack: { id: 2, seq: 4 } });
  assert.equal(await second, 4);
});

test('what is not answered is said again: in order, with the same id, before anything newer', (t) => {
  const { room, again } = live(t);
  ignore(room.add('a'), room.add('b'), room.add('c'));
  const first = socket().said();
  assert.deepEqual(first.map(({ id }) => id), [1, 2, 3]);
  socket().hears({ ack: { id: 2, seq: 2 } });
  assert.deepEqual(again(), [first[0], first[2]]);
  ignore(room.add('d'));
  assert.deepEqual(socket().said().map(({ id }) => id), [4]);
  assert.deepEqual(again().map(({ id }) => id), [1, 3, 4]);
});

test('what is said before the first hello waits for it', (t) => {
  fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  ignore(room.add('a'));
  assert.equal(socket().sent.length, 0);
  socket().greets();
  assert.deepEqual(socket().said(), [{ join: {} }, { id: 1, add: { item: 'a' } }]);
});

test('a refusal is a typed error; the next command is not held up', async (t) => {
  const { room } = live(t);
  const answer = room.remove('a');
  socket().hears({ error: { id: 1, code: 'not_found', message: 'no' } });
  await assert.rejects(answer, { name: 'RoomError', code: 'not_found', message: 'no' });
  assert.deepEqual(room.view.pending, []);
});

test('after "unavailable" the same is said again after a moment, before anything newer', (t) => {
  const { room, pass } = live(t);
  ignore(room.add('a'), room.add('b'));
  const first = socket().said();
  socket().hears({ error: { id: 1, code: 'unavailable', message: '' } });
  ignore(room.add('c'));
  assert.deepEqual(socket().said(), []);
  socket().hears({ error: { id: 2, code: 'unavailable', message: '' } });
  pass(1_000);
  assert.deepEqual(socket().said(), [...first, { id: 3, add: { item: 'c' } }]);
  // Or as soon as the store is back.
  socket().hears({ error: { id: 1, code: 'unavailable', message: '' } });
  socket().hears({ status: { store: 'up' } });
  assert.deepEqual(socket().said(), [first[0]]);
});

test('commands are paced below the rate that the server announced, on each connection anew', (t) => {
  const { room, pass, again } = live(t);
  for (let n = 0; n < 40; n++) ignore(room.add(`${n}`));
  const at = [socket().said().length];
  for (let second = 0; second < 2; second++) {
    pass(1_000);
    at.push(socket().said().length);
  }
  // Half of the 20 at once, then 10 a second.
  assert.deepEqual(at, [10, 10, 10]);
  assert.equal(again().length, 10);
});

test('without a rate nothing is held back', (t) => {
  fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  socket().greets({ limits: { ...limits, commands_per_second: 0 } });
  for (let n = 0; n < 400; n++) ignore(room.add(`${n}`));
  assert.equal(socket().said().length, 401);
});

test('a command that the server would close the connection for is not sent', async (t) => {
  const { room } = live(t);
  const most = '김'.repeat(Math.floor((limits.message_bytes - 26) / 3));
  await assert.rejects(room.add(`${most}김`), { code: 'too_long' });
  assert.deepEqual(socket().said(), []);
  ignore(room.add(most));
  assert.equal(socket().sent.length, 1);
});

test('with the seat goes what was sent; what was not is said from the next seat', async (t) => {
  const { room } = live(t);
  const sent = room.add('sent');
  socket().ends(1006);
  ignore(room.add('later'));
  room.retryNow();
  socket().opens();
  socket().ends(4401, 'no such seat');
  await assert.rejects(sent, { code: 'unsure' });
  room.retryNow();
  socket().said();
  socket().greets({ you: 7, seat: 'f'.repeat(32) });
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina' } }, { id: 2, add: { item: 'later' } }]);
});

test('at the end everything is answered', async (t) => {
  const { room } = live(t);
  const acked = room.add('a');
  const unknown = room.add('b');
  socket().hears({ ack: { id: 1, seq: 9 } });
  socket().ends(4410, 'room expired');
  assert.equal(await acked, 9);
  await assert.rejects(unknown, { code: 'gone' });
  await assert.rejects(room.add('c'), { code: 'gone' });
});

test('what is saved gives the same seat, list, numbers and unanswered commands after a reload', (t) => {
  const { room } = live(t);
  ignore(room.rename('Mina K'), room.add('a'));
  socket().hears({ ack: { id: 1, seq: 2 } });
  socket().hears({ event: { seq: 2, by: 1, renamed: { member: 1, name: 'Mina K' }, expires_at: 1795300327066 } });
  const [, command] = socket().said();
  const saved = JSON.parse(JSON.stringify(room.saved));

  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina', saved });
  t.after(() => later.close());
  // The list is there at once, but not as if it were live.
  assert.deepEqual([later.view.me?.name, later.view.stale], ['Mina K', true]);
  assert.equal(later.view.expiresAt, room.view.expiresAt);
  ignore(later.add('b'));
  socket().opens();
  const { seat, epoch } = golden('hello').frame.hello;
  assert.deepEqual(socket().said(), [{ resume: { seat, epoch, seq: 2 } }]);
  socket().hears(RESUMED);
  assert.deepEqual(socket().said(), [command, { id: 3, add: { item: 'b' } }]);
});

test('the colour that was chosen last is asked for when the room is joined anew, also after a reload', (t) => {
  fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina', colour: 3 });
  socket().greets();
  socket().said();
  socket().hears({ event: { seq: 2, by: 1, renamed: { member: 1, name: 'Mina K', colour: 5 }, expires_at: 0 } });
  const saved = JSON.parse(JSON.stringify(room.saved));
  room.close();
  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina', colour: 3, saved });
  socket().opens();
  // The seat is lost.
  socket().ends(4401);
  later.retryNow();
  socket().opens();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina K', colour: 5 } }]);
  later.close();
});

test('a number is saved before it is said', (t) => {
  const { room } = live(t);
  room.subscribe(() => {
    assert.equal(socket().sent.length, 0);
  })();
  let savedAt = NaN;
  room.addEventListener('view', () => (savedAt = socket().sent.length ? savedAt : (room.saved?.nextId ?? NaN)));
  ignore(room.add('a'));
  assert.equal(savedAt, 2);
});

test('what asks for a sign of life never takes back a new name', (t) => {
  const { room, hide, show, pass } = live(t);
  ignore(room.rename('Mina K'));
  socket().hears({ ack: { id: 1, seq: 2 } });
  socket().said();
  hide();
  show();
  assert.deepEqual(socket().said(), []);
  pass(4_000);
  assert.equal(room.view.status, 'offline');
});

test('a view never changes, and what did not change in it stays the same object', (t) => {
  const { room } = live(t);
  socket().hears(added(2, 'a'));
  const before = room.view;
  const copy = structuredClone({ ...before, reason: null });
  socket().hears({ event: { seq: 3, by: 1, change: { voted: { number: 2, on: true } }, expires_at: 0 } });
  socket().hears(added(4, 'b'));
  socket().ends(1006);
  assert.deepEqual({ ...before }, copy);
  assert.notEqual(room.view, before);
  assert.equal(room.view.members, before.members);
  assert.throws(() => Object.assign(before, { status: 'live' }), TypeError);
});

test('times are those of this device', (t) => {
  const world = fakes(t);
  world.pass(60_000);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  const { hello } = golden('hello').frame;
  socket().greets();
  const left = hello.expires_at - hello.now;
  assert.equal(room.view.expiresAt, Date.now() + left);
  assert.equal(room.localTime(hello.now), Date.now());
});

test('a listener can be removed, and is called at once when it subscribes', (t) => {
  const { room } = live(t);
  let views = 0;
  let events = 0;
  // As React calls it: without `this`.
  const { subscribe } = room;
  const stop = subscribe(() => views++);
  const off = room.listen('change', ({ by, change }) => (events += change.added ? by : 0));
  assert.deepEqual([views, events], [1, 0]);
  socket().hears(added(2, 'a'));
  assert.deepEqual([views, events], [2, 1]);
  stop();
  off();
  socket().hears(added(3, 'b'));
  assert.deepEqual([views, events], [2, 1]);
});
