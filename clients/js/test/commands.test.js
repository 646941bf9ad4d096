// Commands until their answer, over as many connections as needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { golden, resumed } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const RESUMED = resumed();
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

/** Ignores a rejection that the test does not check. @param {Promise<unknown>[]} promises */
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

test('where another tab has used the seat, what was sent is unsure, and what was not gets numbers after its', async (t) => {
  const { room } = live(t);
  const sent = room.add('a');
  socket().ends(1006);
  const unsent = [room.add('b'), room.add('c')];
  room.retryNow();
  socket().opens();
  socket().hears(resumed(9));
  await assert.rejects(sent, { code: 'unsure', pending: { id: 1, command: 'add', content: { item: 'a' } } });
  const said = [{ id: 10, add: { item: 'b' } }, { id: 11, add: { item: 'c' } }];
  assert.deepEqual(socket().said().slice(1), said);
  assert.deepEqual([room.saved?.nextId, room.saved?.sentId, room.view.pending.map(({ id }) => id)], [12, 11, [10, 11]]);
  // The same number once more is what was sent from here.
  socket().ends(1006);
  room.retryNow();
  socket().opens();
  socket().hears(resumed(11));
  assert.deepEqual(socket().said().slice(1), said);
  ignore(...unsent);
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
  // Or as soon as the store is back. Newer commands were given up with it, whatever happens to it now.
  socket().hears({ error: { id: 1, code: 'unavailable', message: '' } });
  socket().hears({ status: { store: 'up' } });
  assert.deepEqual(socket().said(), [...first, { id: 3, add: { item: 'c' } }]);
});

test('what the server takes only after another command is said again behind that one', (t) => {
  const { room, pass } = live(t);
  ignore(room.add('a'), room.add('b'), room.add('c'));
  const first = socket().said();
  socket().hears({ error: { id: 3, code: 'unavailable', message: '', after: 2 } });
  pass(1_000);
  assert.deepEqual(socket().said(), first.slice(1));
});

test('the moment before it is said again grows to 8 s, and is short again after an answer', (t) => {
  const { room, pass } = live(t);
  ignore(room.add('a'));
  const [first] = socket().said();
  for (const moment of [1_000, 2_000, 4_000, 8_000, 8_000]) {
    socket().hears({ error: { id: 1, code: 'unavailable', message: '' } });
    pass(moment - 100);
    assert.deepEqual(socket().said(), []);
    pass(100);
    assert.deepEqual(socket().said(), [first]);
  }
  socket().hears({ ack: { id: 1, seq: 1 } });
  ignore(room.add('b'));
  socket().said();
  socket().hears({ error: { id: 2, code: 'unavailable', message: '' } });
  pass(1_000);
  assert.equal(socket().said().length, 1);
});

test('after "rate_limited" no more is said at once than the rate allows', (t) => {
  const { pass } = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  socket().greets({ limits: { ...limits, commands_per_second: 1 } });
  socket().said();
  for (let n = 0; n < 12; n++) ignore(room.add(`${n}`));
  assert.equal(socket().said().length, 10);
  socket().hears({ error: { id: 5, code: 'rate_limited', message: '' } });
  pass(1_000);
  assert.deepEqual(socket().said().map(({ id }) => id), [5]);
});

test('what asks for a sign of life is said again too, since the server takes nothing else before it', (t) => {
  const { room, pass } = live(t);
  pass(25_000);
  const [probe] = socket().said();
  assert.deepEqual(room.view.pending, []);
  socket().hears({ error: { id: 1, code: 'unavailable', message: '' } });
  ignore(room.add('a'));
  pass(1_000);
  assert.deepEqual(socket().said(), [probe, { id: 2, add: { item: 'a' } }]);
});

test('a server that waits for what was settled is left, and come back to', (t) => {
  const { room, pass } = live(t);
  ignore(room.add('a'), room.add('b'));
  socket().hears({ ack: { id: 1, seq: 1 } });
  socket().hears({ error: { id: 2, code: 'unavailable', message: '', after: 1 } });
  assert.equal(room.view.status, 'offline');
  pass(500);
  socket().opens();
  socket().hears(RESUMED);
  assert.deepEqual(socket().said().slice(1), [{ id: 2, add: { item: 'b' } }]);
});

test('a command that was refused says in its error which one it was', async (t) => {
  const { room } = live(t);
  const answer = room.add('a');
  socket().hears({ error: { id: 1, code: 'outdated', message: '' } });
  await assert.rejects(answer, { code: 'outdated', message: /^not applied/, pending: { id: 1, command: 'add', content: { item: 'a' } } });
});

test('a command needs no content, and null is one', (t) => {
  const { room } = live(t);
  ignore(room.send('ask'), room.send('ask', undefined), room.send('ask', null));
  assert.deepEqual(socket().sent, ['{"id":1,"ask":{}}', '{"id":2,"ask":{}}', '{"id":3,"ask":null}']);
});

test('what JSON cannot carry is refused at once, and takes no number', async (t) => {
  const { room } = live(t);
  /** @type {any} */
  const circle = {};
  circle.itself = circle;
  const no = { toJSON: () => undefined };
  const never = { toJSON: () => { throw new Error('never'); } };
  for (const content of [() => {}, Symbol('x'), 1n, { number: 1n }, circle, no, never]) {
    await assert.rejects(room.send('ask', /** @type {any} */ (content)), { name: 'RoomError', code: 'bad_command', message: /JSON/ });
  }
  for (const command of ['id', Symbol('ask'), undefined]) {
    await assert.rejects(room.send(/** @type {any} */ (command), {}), { code: 'bad_command' });
  }
  assert.deepEqual([room.view.pending, socket().sent], [[], []]);
  ignore(room.add('a'));
  assert.deepEqual(socket().said(), [{ id: 1, add: { item: 'a' } }]);
});

test('a command is what it was when it was given, however its content changes', (t) => {
  const { room } = live(t);
  const content = { item: 'a' };
  ignore(room.send('add', content));
  content.item = 'b';
  assert.deepEqual(JSON.parse(JSON.stringify(room.saved)).pending, [{ id: 1, command: 'add', content: { item: 'a' } }]);
});

test('a refusal without a number is that of the one that nothing else answers', async (t) => {
  const { room } = live(t);
  const [a, b, c] = [room.add('a'), room.add('b'), room.add('c')];
  socket().said();
  socket().hears({ error: { code: 'bad_command', message: 'not understood' } });
  // No new commands are sent until it is known which one was refused.
  const d = room.add('d');
  assert.deepEqual(socket().said(), []);
  socket().hears({ ack: { id: 1, seq: 1 } });
  socket().hears({ ack: { id: 3, seq: 1 } });
  await assert.rejects(b, { code: 'bad_command', message: 'not understood', pending: { id: 2, command: 'add', content: { item: 'b' } } });
  assert.deepEqual(socket().said().map(({ id }) => id), [4]);
  // Sent alone, it must be the refused one.
  socket().hears({ error: { code: 'bad_command', message: 'not understood' } });
  await assert.rejects(d, { code: 'bad_command' });
  assert.deepEqual([await a, await c, room.view.pending], [1, 1, []]);
});

test('a refusal that is of no command holds nothing up', (t) => {
  const { room } = live(t);
  socket().hears({ error: { code: 'bad_command', message: 'not understood' } });
  ignore(room.add('a'));
  assert.equal(socket().said().length, 1);
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

test('what was not sent can be given up, also when the connection is there and before it is sent', async (t) => {
  const { room } = live(t);
  const sent = room.add('sent');
  assert.equal(room.withdraw(1), false);
  socket().ends(1006);
  const [early, late, kept] = [room.add('early'), room.add('late'), room.add('kept')];
  assert.equal(room.withdraw(2), true);
  await assert.rejects(early, { code: 'withdrawn', pending: { id: 2, command: 'add', content: { item: 'early' } } });
  assert.equal(room.withdraw(2), false);
  room.retryNow();
  socket().opens();
  const end = room.subscribe(({ position, pending }) => {
    if (position && pending.some(({ id }) => id === 3)) assert.equal(room.withdraw(3), true);
  });
  t.after(end);
  socket().hears(RESUMED);
  await assert.rejects(late, { code: 'withdrawn' });
  assert.deepEqual(socket().said().slice(1), [{ id: 1, add: { item: 'sent' } }, { id: 4, add: { item: 'kept' } }]);
  ignore(sent, kept);
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
  // The list is there at once, but marked as stale.
  assert.deepEqual([later.view.me?.name, later.view.stale], ['Mina K', true]);
  assert.equal(later.view.expiresAt, room.view.expiresAt);
  ignore(later.add('b'));
  socket().opens();
  const { seat, epoch } = golden('hello').frame.hello;
  assert.deepEqual(socket().said(), [{ resume: { seat, epoch, seq: 2 } }]);
  socket().hears(RESUMED);
  assert.deepEqual(socket().said(), [command, { id: 3, add: { item: 'b' } }]);
});

/** What a page keeps that is closed without leaving the room. @param {LunchRoom} room @returns {any} */
const kept = (room) => JSON.parse(JSON.stringify(room.saved));

test('what is given in while nothing is connected is kept before there is a seat, and said by the next page', (t) => {
  fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina' });
  t.after(() => room.close());
  assert.equal(room.saved, null);
  ignore(room.add('a'));
  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, saved: kept(room) });
  t.after(() => later.close());
  assert.deepEqual(later.view.pending.map(({ content }) => content), [{ item: 'a' }]);
  socket().greets();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina' } }, { id: 1, add: { item: 'a' } }]);
});

test('after a reload that came too late for the seat: what was never sent is said from the next one, the rest is named', async (t) => {
  const { room } = live(t);
  ignore(room.add('sent'));
  socket().ends(1006);
  ignore(room.add('never sent'));
  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, saved: kept(room) });
  t.after(() => later.close());
  /** @type {unknown[]} */
  const named = [];
  later.listen('refused', ({ code, pending }) => named.push([code, pending?.content]));
  socket().opens();
  socket().ends(4401, 'no such seat');
  assert.deepEqual(later.view.pending.map(({ content }) => content), [{ item: 'never sent' }]);
  // It is kept without a seat, too.
  assert.deepEqual(kept(later).pending, later.view.pending);
  later.retryNow();
  socket().greets({ you: 7, seat: 'f'.repeat(32) });
  assert.deepEqual(socket().said().map(({ id }) => id), [undefined, 2]);
  assert.equal(await settled(Promise.resolve()), true);
  assert.deepEqual(named, [['unsure', { item: 'sent' }]]);
});

test('what was kept and is refused after a reload is told, whatever the reason; what is taken is not', async (t) => {
  const { room } = live(t);
  ignore(room.add('a'), room.add('b'), room.add('c'), room.add('d'));
  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, saved: kept(room) });
  /** @type {unknown[]} */
  const named = [];
  later.listen('refused', ({ code, pending }) => named.push([code, pending?.id]));
  socket().opens();
  socket().hears(RESUMED);
  socket().hears({ error: { id: 1, code: 'outdated', message: '' } });
  socket().hears({ error: { id: 2, code: 'menu_full', message: '' } });
  socket().hears({ ack: { id: 3, seq: 1 } });
  socket().ends(4410, 'room expired');
  assert.equal(await settled(Promise.resolve()), true);
  assert.deepEqual(named, [['outdated', 1], ['menu_full', 2], ['gone', 4]]);
  later.close();
});

test('that a command is sent is kept before it is: nobody says it from another seat as if it were new', (t) => {
  const { room } = live(t);
  /** @type {[sent: number, kept: number | undefined][]} */
  const seen = [];
  room.addEventListener('view', () => seen.push([socket().sent.length, kept(room)?.sentId]));
  ignore(room.add('a'));
  assert.deepEqual([seen.at(-1), socket().sent.length], [[0, 1], 1]);
  socket().ends(1006);
  ignore(room.add('b'));
  assert.deepEqual(kept(room).sentId, 1);
});

test('what a listener says when it is told of a command goes behind that command', (t) => {
  const { room } = live(t);
  let isFirst = true;
  room.subscribe(({ pending }) => {
    if (!pending.length || !isFirst) return;
    isFirst = false;
    ignore(room.add('b'));
  });
  ignore(room.add('a'));
  assert.deepEqual(socket().said().map(({ id }) => id), [1, 2]);
});

test('an event is heard before its position is saved: who saves and dies in a handler hears it after the reload', async (t) => {
  const { room } = live(t);
  /** @type {[string, number | undefined][]} */
  const saved = [];
  const note = (/** @type {string} */ where) => saved.push([where, kept(room)?.replica.seq]);
  room.listen('change', () => {
    note('change');
    // It changes the view, which is saved too.
    ignore(room.vote(2));
  });
  room.addEventListener('view', () => note('view'));
  room.listen('change', () => note('another'));
  socket().hears(added(2, 'a'));
  assert.deepEqual(saved, [['view', 1], ['change', 1], ['view', 1], ['another', 1]]);
  assert.deepEqual([room.view.position?.seq, kept(room)?.replica.seq], [2, 2]);
  // Then it is saved, even if nothing else happens.
  await null;
  assert.deepEqual(saved.slice(4), [['view', 2]]);
});

test('an event that is known already is not told again', (t) => {
  const { room } = live(t);
  let heard = 0;
  room.listen('change', () => heard++);
  socket().hears(added(2, 'a'));
  socket().hears(added(2, 'a'));
  assert.equal(heard, 1);
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

test('a device\'s clock that is set changes no time that is left', (t) => {
  const { room, pass, setClock } = live(t);
  const left = () => [(room.view.expiresAt ?? NaN) - Date.now(), (room.view.retryAt ?? NaN) - Date.now()];
  const { hello } = golden('hello').frame;
  for (const by of [3_600_000, -7_200_000]) {
    setClock(by);
    assert.equal(left()[0], hello.expires_at - hello.now);
    assert.equal(room.localTime(hello.now), Date.now());
  }
  socket().ends(1006);
  pass(100);
  const before = left();
  for (const by of [3_600_000, -7_200_000]) {
    setClock(by);
    assert.deepEqual(left(), before);
  }
  // And after a reload.
  const later = new LunchRoom(URL, { WebSocket: FakeWebSocket, saved: kept(room) });
  t.after(() => later.close());
  assert.equal((later.view.expiresAt ?? NaN) - Date.now(), before[0]);
});

test('commands are paced as before when the device\'s clock is set back', (t) => {
  const { room, pass, setClock } = live(t);
  for (let n = 0; n < 30; n++) ignore(room.add(`${n}`));
  assert.equal(socket().said().length, 10);
  setClock(-3_600_000);
  pass(1_000);
  assert.equal(socket().said().length, 10);
  setClock(7_200_000);
  pass(1_000);
  assert.equal(socket().said().length, 10);
});

test('the store\'s clock is learnt anew from each push that has it, and a device that slept catches up', (t) => {
  const { room, setClock } = live(t);
  const { snapshot } = golden('snapshot').frame;
  const left = () => (room.view.expiresAt ?? NaN) - Date.now();
  socket().hears({ snapshot: { ...snapshot, now: snapshot.expires_at - 1_000 } });
  assert.equal(left(), 1_000);
  socket().hears({ snapshot: { ...snapshot, now: snapshot.expires_at - 500_000 } });
  assert.equal(left(), 500_000);
  // Some browsers stop counting time while the device sleeps. No room lives longer than its lifetime.
  const { ttl_ms } = golden('hello').frame.hello;
  const slept = snapshot.expires_at + 300_000;
  setClock(200_000);
  socket().hears({ event: { seq: snapshot.seq + 1, joined: { member: 8, name: 'x', colour: 1 }, expires_at: slept } });
  assert.equal(left(), Math.min(ttl_ms, 800_000));
});

test('a deadline, for which a room lives longer than its lifetime, does not look like sleep', (t) => {
  const { room, pass } = live(t);
  const now = Date.now();
  assert.equal(room.localTime(now), now);
  const { seq } = room.view.position ?? { seq: NaN };
  const at = now + 7_200_000;
  socket().hears({ event: { seq: seq + 1, by: 1, change: { deadline: { at, name: 'x' } }, expires_at: at + 600_000 } });
  pass(10_000);
  socket().hears({ event: { seq: seq + 2, by: 1, change: { extended: {} }, expires_at: at + 600_000 } });
  assert.deepEqual([room.localTime(at), room.view.expiresAt], [at, at + 600_000]);
});

test('a listener that throws when it subscribes is not subscribed', (t) => {
  const { room } = live(t);
  let calls = 0;
  assert.throws(() => room.subscribe(() => {
    calls++;
    throw new Error('never');
  }), /never/);
  socket().hears(added(2, 'a'));
  assert.equal(calls, 1);
});

test('a listener can be removed, and is called at once when it subscribes', (t) => {
  const { room } = live(t);
  let views = 0;
  let events = 0;
  // As React calls it: without `this`.
  const { subscribe } = room;
  const stop = subscribe(() => views++);
  const off = room.listen('change', ({ by = 0, change }) => (events += change.added ? by : 0));
  assert.deepEqual([views, events], [1, 0]);
  socket().hears(added(2, 'a'));
  assert.deepEqual([views, events], [2, 1]);
  stop();
  off();
  socket().hears(added(3, 'b'));
  assert.deepEqual([views, events], [2, 1]);
});
