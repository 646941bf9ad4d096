// Watching a room without a seat.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket, sockets } from './support/fakes.js';
import { golden } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const { you, name, colour, seat, ...HELLO } = golden('hello').frame.hello;
const BO = { id: 5, name: 'Bo', colour: 3, away: false };

/** The first words of a server to somebody without a seat. */
const WATCHING = { hello: { ...HELLO, watching: true, seq: 10, members: [BO] } };

/** @param {import('node:test').TestContext} t */
function watching(t, options = {}) {
  const world = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina', watch: true, ...options });
  t.after(() => room.close());
  socket().opens();
  const [said] = socket().said();
  socket().hears(WATCHING);
  let seq = 10;
  /** @param {object} what */
  const happens = (what) => socket().hears({ event: { seq: ++seq, ...what, expires_at: HELLO.expires_at } });
  return { room, said, happens, ...world };
}

test('a join says whether to watch, and says nothing of it by default, which older servers know', (t) => {
  assert.deepEqual(watching(t).said, { join: { name: 'Mina', watch: true } });
  for (const [watch, expected] of /** @type {const} */ ([['only', 'only'], [false, undefined], [undefined, undefined]])) {
    const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, watch });
    socket().opens();
    assert.deepEqual(socket().said(), [{ join: expected ? { watch: expected } : {} }]);
    room.close();
  }
});

test('who watches sees everything, is nobody, and has nothing to keep', (t) => {
  const { room, happens } = watching(t);
  const { status, stale, watching: watches, me, members } = room.view;
  assert.deepEqual([status, stale, watches, me, members], ['live', false, true, null, [BO]]);
  assert.equal(room.saved, null);
  happens({ by: 5, change: { added: { number: 1, item: 'pizza', name: 'Bo' } } });
  happens({ away: { member: 5, until: 1 } });
  happens({ back: { member: 5 } });
  happens({ by: 5, renamed: { member: 5, name: 'Bora', colour: 4 } });
  assert.deepEqual([room.view.status, room.view.stale, room.view.state?.items.length], ['live', false, 1]);
  assert.deepEqual(room.view.members, [{ ...BO, name: 'Bora', colour: 4 }]);
});

test('who watches has no part in a draw', (t) => {
  const { happens, pass } = watching(t);
  happens({ by: 5, change: { added: { number: 1, item: 'pizza', name: 'Bo' } } });
  const { commitment } = HELLO.state.next_draw;
  happens({ by: 5, change: { drawing: { number: 1, name: 'Bo', candidates: [1], commitment, next_commitment: commitment } } });
  pass(10_000);
  assert.deepEqual(socket().said(), []);
});

test('the second hello gives a seat, and commands are taken from then on', async (t) => {
  const { room } = watching(t);
  const early = room.add('pizza');
  assert.deepEqual(socket().said(), [{ id: 1, add: { item: 'pizza' } }]);
  socket().hears({ error: { id: 1, code: 'watching', message: 'you watch and have no seat' } });
  await assert.rejects(early, { code: 'watching' });
  const me = { id: 12, name: 'Mina', colour: 0, away: false };
  socket().hears({ hello: { ...HELLO, you: 12, name: 'Mina', colour: 0, seat, seq: 12, members: [BO, me] } });
  assert.deepEqual([room.view.watching, room.view.status, room.view.me, room.saved?.seat], [false, 'live', me, seat]);
  const later = room.add('pizza');
  assert.deepEqual(socket().said(), [{ id: 2, add: { item: 'pizza' } }]);
  socket().hears({ ack: { id: 2, seq: 13 } });
  socket().hears({ event: { seq: 13, by: 12, change: { added: { number: 1, item: 'pizza', name: 'Mina' } }, expires_at: HELLO.expires_at } });
  assert.equal(await later, 13);
});

test('after a drop who watches joins again, and does not resume', (t) => {
  const { room, pass } = watching(t);
  socket().ends(1006);
  assert.deepEqual([room.view.status, room.view.stale, room.view.watching], ['offline', true, true]);
  pass(250);
  socket().opens();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina', watch: true } }]);
  socket().hears(WATCHING);
  assert.equal(room.view.status, 'live');
});

test('whoever lost the seat in a full room watches, and is not the member of the same id', (t) => {
  const { pass } = fakes(t);
  const person = 'a'.repeat(32);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, watch: true, person });
  t.after(() => room.close());
  socket().greets();
  assert.equal(room.view.me?.id, you);
  socket().ends(1006);
  pass(250);
  socket().opens();
  socket().ends(4403);
  pass(500);
  socket().said();
  socket().opens();
  assert.deepEqual(socket().said(), [{ join: { person, watch: true } }]);
  socket().hears({ hello: { ...WATCHING.hello, members: [BO, { id: you, name, colour, away: false }] } });
  assert.deepEqual([room.view.watching, room.view.me], [true, null]);
});

test('a silent connection is asked, and a refusal is an answer', (t) => {
  const { room, pass } = watching(t);
  for (let silence = 0; silence < 3; silence++) {
    pass(25_001);
    const [{ id, ...asked }, ...more] = socket().said();
    assert.deepEqual([asked, more], [{ rename: { name: 'Mina' } }, []]);
    socket().hears({ error: { id, code: 'watching', message: 'you watch' } });
  }
  assert.deepEqual([room.view.status, sockets.length, room.view.pending], ['live', 1, []]);
  pass(25_001);
  pass(10_001);
  assert.equal(room.view.reason?.code, 'timeout');
});

test('a name that was taken is not given up when the connection of who watches is refused', (t) => {
  const { room } = watching(t);
  socket().ends(4400, 'not understood');
  assert.equal(room.view.status, 'ended');
  room.retryNow();
  socket().opens();
  assert.deepEqual(socket().said().at(-1), { join: { name: 'Mina', watch: true } });
});

test('who was asked to leave does not come back by itself', (t) => {
  const { room, pass, online } = watching(t);
  socket().ends(4411, 'asked to leave');
  assert.deepEqual([room.view.status, room.view.reason?.code, room.view.reason?.message], ['ended', 'dismissed', 'asked to leave']);
  online();
  pass(600_000);
  assert.equal(sockets.length, 1);
});
