// A server that is newer than the client says something that the client does not know.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from 'tablecast-client';
import { LunchRoom } from 'tablecast-client/lunch';
import WebSocket from 'ws';
import { FakeWebSocket, fakes, socket, sockets } from './support/fakes.js';
import { golden } from './support/frames.js';
import { items, join, live, until } from './support/rooms.js';
import { serve } from './support/server.js';

const { hello: HELLO } = golden('hello').frame;
const EXPIRES_AT = HELLO.expires_at;
const NEWER = { protocol: 2, app: 3 };

/** @param {number} seq @param {object} what */
const event = (seq, what) => ({ event: { seq, by: 1, ...what, expires_at: EXPIRES_AT } });
/** @param {number} seq @param {string} item */
const added = (seq, item) => event(seq, { change: { added: { number: seq, item, name: 'Mina' } } });

/**
 * Mina in a room of a newer server, with one dish.
 * @param {import('node:test').TestContext} t
 */
function joined(t) {
  fakes(t);
  const mina = new LunchRoom('ws://x/ws/x/', { WebSocket: FakeWebSocket, name: 'Mina' });
  t.after(() => mina.close());
  /** @type {unknown[]} */
  const outdated = [];
  mina.listen('outdated', (version) => outdated.push(version));
  socket().greets({ version: NEWER });
  socket().hears(added(2, '김밥'));
  socket().said();
  return { mina, outdated };
}

for (const [what, unknown] of Object.entries({
  'a change': event(3, { change: { priced: { number: 2, won: 4000 } } }),
  'another event': event(3, { moved: { table: 4 } }),
})) {
  test(`after ${what} that it does not know, a room shows nothing as live, and keeps state, position and seat`, (t) => {
    const { mina, outdated } = joined(t);
    const before = mina.view;
    assert.equal(before.outdated, null);
    const saved = mina.saved;
    /** @type {string[]} */
    const told = [];
    for (const kind of /** @type {const} */ (['joined', 'change'])) mina.listen(kind, () => told.push(kind));

    socket().hears(unknown);
    socket().hears(added(4, 'Pho'));
    socket().hears(event(5, { joined: { member: 5, name: 'Juno', colour: 3 } }));
    socket().hears(event(6, { change: { sold: { number: 2 } } }));
    const { status, stale, position, state } = mina.view;
    assert.deepEqual([status, stale, mina.view.outdated], ['connecting', true, NEWER]);
    assert.deepEqual([position, state], [before.position, before.state]);
    assert.deepEqual(outdated, [NEWER], 'it is said once');
    assert.deepEqual(told, [], 'these events come again, after the reload');
    assert.deepEqual(mina.saved, saved);
    assert.deepEqual([socket().closedWith, sockets.length], [undefined, 1], 'it stays connected');
  });
}

test('commands of an outdated room reach the server, and their promises resolve', async (t) => {
  const { mina } = joined(t);
  const first = mina.add('Pho');
  assert.deepEqual(socket().said(), [{ id: 1, add: { item: 'Pho' } }]);
  socket().hears(event(3, { moved: {} }));
  const second = mina.add('냉면');
  assert.deepEqual(socket().said(), [{ id: 2, add: { item: '냉면' } }]);
  assert.equal(mina.saved?.pending.length, 2);
  for (const id of [1, 2]) {
    socket().hears({ ack: { id, seq: 3 + id } });
    socket().hears(added(3 + id, ''));
  }
  assert.deepEqual(await Promise.all([first, second]), [4, 5]);
  assert.deepEqual(items(mina), ['김밥']);
});

test('no whole state makes an outdated room right again: its form may be new too', (t) => {
  const { mina } = joined(t);
  socket().hears(event(3, { moved: {} }));
  const before = mina.view;
  const { snapshot } = golden('snapshot').frame;
  socket().hears({ snapshot });
  assert.deepEqual([mina.view.status, mina.view.position, mina.view.state], ['connecting', before.position, before.state]);

  socket().ends(1012);
  mina.retryNow();
  socket().greets({ seq: 9, version: { protocol: 3, app: 3 } });
  assert.deepEqual([mina.view.status, mina.view.position, mina.view.state], ['connecting', before.position, before.state]);
  assert.deepEqual(mina.view.outdated, { protocol: 3, app: 3 });
});

test('a server that names no version is older than any', (t) => {
  const { mina, outdated } = joined(t);
  socket().ends(1012);
  mina.retryNow();
  socket().greets({ version: undefined });
  assert.equal(mina.view.status, 'live');
  socket().hears(event(2, { moved: {} }));
  assert.deepEqual(outdated, [{ protocol: 0, app: 0 }]);
});

test('a room without `apply` knows every change', (t) => {
  fakes(t);
  const room = new Room('ws://x/ws/x/', { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  socket().greets();
  socket().hears(event(2, { change: { priced: {} } }));
  assert.deepEqual([room.view.status, room.view.outdated, room.view.position?.seq], ['live', null, 2]);
});

test('after an event that `apply` does not know it is not called again: later ones may not fit the state', (t) => {
  fakes(t);
  const apply = t.mock.fn(() => undefined);
  const room = new Room('ws://x/ws/x/', { apply, WebSocket: FakeWebSocket });
  t.after(() => room.close());
  socket().greets();
  for (const seq of [2, 3]) socket().hears(event(seq, { change: { priced: {} } }));
  assert.equal(apply.mock.callCount(), 1);
});

/** The connection to a newer server: its votes are called otherwise. */
class Newer extends WebSocket {
  /** @override @param {any} type @param {any} listener */
  addEventListener(type, listener) {
    super.addEventListener(type, type === 'message' ? (/** @type {any} */ { data }) => listener({ data: data.replace('{"voted":', '{"rated":') }) : listener);
  }
}

test('the client that is loaded again takes over the seat, and sees what the old one did not know', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const juno = join(t, url, { name: 'Juno' });
  const old = join(t, url, { name: 'Mina', WebSocket: Newer });
  await Promise.all([live(juno), live(old)]);
  await old.add('김밥');
  const { me } = old.view;
  await juno.vote('김밥');
  await until(old, ({ outdated }) => outdated);
  assert.deepEqual(old.view.state?.items.map(({ votes }) => votes), [[]]);
  // Made by the old client, and seen by the new one.
  await old.add('Pho');

  const saved = JSON.parse(JSON.stringify(old.saved));
  /** @type {unknown[]} */
  const told = [];
  const reloaded = join(t, url, { saved });
  reloaded.listen('change', ({ change }) => told.push(Object.keys(change)[0]));
  await live(reloaded);
  assert.deepEqual(reloaded.view.me, me);
  assert.deepEqual(reloaded.view.state, (await live(juno)).state);
  assert.deepEqual(told, ['voted', 'added']);
});
