// Which way a connection takes, with a network and a clock that the test controls.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from 'tablecast-client';
import { FakePost, FakeStream, fakeFetch, settled } from './support/events.js';
import { FakeWebSocket, fakes, socket, sockets } from './support/fakes.js';
import { golden } from './support/frames.js';

let sites = 0;

/** Somebody at a site of which nothing is known. @param {import('node:test').TestContext} t @param {ConstructorParameters<typeof Room>[1]} [options] */
function join(t, options) {
  /** @type {Room<any, any>[]} */
  const rooms = [];
  t.after(() => {
    for (const room of rooms) room.close();
    return settled();
  });
  const world = fakes(t);
  world.chance(0);
  /** @type {FakeStream[]} */
  const streams = [];
  const network = fakeFetch(t, (asked) => asked instanceof FakePost || streams.push(asked));
  const url = `wss://site${sites++}.test/lunch/ws/x/`;
  /** @type {(string | null)[]} */
  const took = [];
  const open = () => {
    const room = new Room(url, { WebSocket: FakeWebSocket, ...options });
    room.listen('transport', (name) => took.push(name));
    rooms.push(room);
    return room;
  };
  const stream = () => streams.at(-1) ?? assert.fail('no stream was asked for');
  const greets = async () => {
    stream().opens();
    stream().hears(golden('hello').frame);
    await settled();
  };
  const room = open();
  return { ...world, network, room, open, streams, stream, greets, took, tried: () => [sockets.length, streams.length] };
}

test('after one failed upgrade it takes the other way at once, and says so', async (t) => {
  const { room, stream, greets, took } = join(t);
  assert.equal(room.transport, null);
  socket().ends(1006);
  await settled();
  assert.equal(stream().url, stream().url.replace(/^.*\.test/, 'https://site0.test'));
  assert.match(stream().url, /\/lunch\/sse\/x\/$/);
  assert.equal(room.view.status, 'connecting');
  await greets();
  assert.deepEqual([room.view.status, room.transport, took], ['live', 'sse', ['sse']]);
});

test('where it was blocked a WebSocket is tried again after five minutes, by the next connection', async (t) => {
  const { room, open, stream, greets, took, tried, pass } = join(t);
  socket().ends(1006);
  await settled();
  await greets();
  const other = open();
  await settled();
  assert.deepEqual(tried(), [1, 2], 'of another room too');
  other.close();
  for (let gone = 0; gone < 300_000; gone += 9_000) {
    assert.equal(sockets.length, 1);
    stream().breaks();
    await settled();
    pass(9_000);
    await settled();
  }
  stream().breaks();
  await settled();
  pass(1);
  socket().greets();
  assert.deepEqual([sockets.length, room.view.status, took.at(-1)], [2, 'live', 'websocket']);
});

test('a WebSocket that does not open within two seconds is left, if the other way answers', async (t) => {
  const { room, stream, greets, tried, pass } = join(t);
  pass(1_900);
  assert.deepEqual(tried(), [1, 0]);
  pass(100);
  await settled();
  assert.deepEqual(tried(), [1, 1]);
  assert.deepEqual(stream().first, { join: {} });
  await greets();
  assert.deepEqual([room.transport, socket().closedWith], ['sse', 1000]);
});

test('a slow WebSocket says nothing once the other way has begun, also if that is lost', async (t) => {
  const { room, stream, tried, pass } = join(t);
  pass(2_000);
  await settled();
  socket().opens();
  assert.deepEqual(socket().said(), [], 'both together would be two members');
  stream().breaks();
  await settled();
  assert.deepEqual([room.view.status, socket().said()], ['offline', []]);
  pass(1);
  socket().greets();
  assert.deepEqual([room.view.status, room.transport, tried()], ['live', 'websocket', [2, 1]]);
});

test('a slow WebSocket is taken where the other way is not reached', async (t) => {
  const { room, network, tried, pass } = join(t);
  network.isReached = false;
  pass(2_000);
  await settled();
  assert.deepEqual([room.view.status, tried()], ['connecting', [1, 0]]);
  socket().greets();
  assert.deepEqual([room.view.status, room.transport], ['live', 'websocket']);
});

test('what did not get there takes no seat later: who takes it then is another tab', async (t) => {
  const { network, open, stream, greets, pass } = join(t, { transport: 'sse' });
  network.isReached = false;
  const room = open();
  await settled();
  assert.equal(room.view.status, 'offline');
  network.isReached = true;
  pass(1);
  await settled();
  await greets();
  assert.equal(room.view.status, 'live');
  stream().ends(4409);
  await settled();
  assert.deepEqual([room.view.status, room.view.reason?.code], ['ended', 'taken_over']);
});

for (const [how, fails] of /** @type {[string, (stream: FakeStream) => void][]} */ ([
  ['is down', (stream) => stream.breaks()],
  ['is behind a proxy that says so', (stream) => stream.refuses(502)],
  ['does not know the other way', (stream) => stream.refuses(404, { code: 'not_found', detail: 'there is nothing at this address' })],
  ['restarts', (stream) => stream.refuses(503, { code: 'draining', close: 1012 })],
])) {
  test(`a server that ${how} is not mistaken for a blocked WebSocket`, async (t) => {
    const { room, stream, pass, tried } = join(t);
    for (let n = 1; n < 4; n++) {
      socket().ends(1006);
      await settled();
      fails(stream());
      await settled();
      assert.deepEqual([room.view.status, tried()], ['offline', [n, n]]);
      pass(1);
      await settled();
    }
    socket().greets();
    assert.deepEqual([room.view.status, room.transport], ['live', 'websocket']);
  });
}

for (const [how, fails] of /** @type {[string, (world: ReturnType<typeof join>) => void][]} */ ([
  ['fails', () => socket().ends(1006)],
  ['is slow', ({ pass }) => pass(2_000)],
])) {
  test(`where a WebSocket has been open, one that ${how} is tried again once the site answers`, async (t) => {
    const world = join(t);
    const { room, took, pass, tried, network } = world;
    socket().greets();
    network.isReached = false;
    socket().ends(1006);
    for (let n = 2; n < 5; n++) {
      pass(1);
      socket().ends(1006);
      await settled();
      assert.deepEqual([room.view.status, tried()], ['offline', [n, 0]]);
    }
    pass(1);
    network.isReached = true;
    fails(world);
    await settled();
    assert.deepEqual([room.view.status, tried()], ['connecting', [6, 0]]);
    socket().greets();
    assert.deepEqual([room.view.status, took], ['live', ['websocket']]);
  });

  test(`and where that ${how} too, the other way is taken`, async (t) => {
    const world = join(t);
    const { room, greets, pass, tried } = world;
    socket().greets();
    socket().ends(1006);
    pass(1);
    fails(world);
    await settled();
    fails(world);
    await settled();
    assert.deepEqual(tried(), [3, 1]);
    await greets();
    assert.deepEqual([room.view.status, room.transport], ['live', 'sse']);
    assert.ok(sockets.every(({ closedWith, readyState }) => closedWith || readyState === 3), 'none is left open');
  });
}

test('a proxy that has no server to ask is as good as no network', async (t) => {
  const { room, network, tried } = join(t);
  network.status = 502;
  socket().ends(1006);
  await settled();
  assert.deepEqual([room.view.status, tried()], ['offline', [1, 0]]);
});

test('an attempt that is given up leaves both ways', async (t) => {
  const { room, stream, pass } = join(t);
  pass(2_000);
  await settled();
  pass(8_000);
  assert.deepEqual([room.view.reason?.code, sockets[0]?.closedWith, stream().isAborted], ['timeout', 4408, true]);
});

test('one way only, if asked to; and another address', async (t) => {
  for (const [options, expected] of /** @type {const} */ ([
    [{ transport: 'websocket' }, [1, 0]],
    [{ sse: false }, [1, 0]],
    [{ transport: 'sse' }, [0, 1]],
    [{ transport: 'sse', WebSocket: undefined }, [0, 1]],
    [{ WebSocket: undefined }, [0, 1]],
    [{ WebSocket: undefined, sse: 'https://other.test/events?y' }, [0, 1]],
    [{ sse: 'https://other.test/events?x' }, [1, 1]],
  ])) {
    await t.test(JSON.stringify(options), async (t) => {
      const { tried, stream } = join(t, options);
      sockets.at(-1)?.ends(1006);
      await settled();
      assert.deepEqual(tried(), expected);
      if ('sse' in options && options.sse) assert.equal(stream().url, options.sse);
    });
  }
  assert.throws(() => new Room('ws://127.0.0.1:8000/x', { transport: 'sse' }), { name: 'TypeError', message: /option sse/ });
});
