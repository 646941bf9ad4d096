// Losing the connection and coming back, with a clock and a network that the test controls.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Room } from 'tablecast-client';
import { LunchRoom } from 'tablecast-client/lunch';
import { CLOSE_CODES } from '../src/errors.js';
import { FakeWebSocket, fakes, socket, sockets } from './support/fakes.js';
import { golden, resumed } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const RESUMED = resumed();
const BACK = { event: { seq: 2, back: { member: 1 }, expires_at: 1795300327066 } };

const join = (options = {}) => new LunchRoom(URL, { WebSocket: FakeWebSocket, transport: 'websocket', name: 'Mina', ...options });

/** @param {import('node:test').TestContext} t */
function live(t, options = {}) {
  const world = fakes(t);
  const room = join(options);
  t.after(() => room.close());
  socket().greets();
  socket().said();
  return { room, ...world };
}

/** How long until the next attempt, ms. @param {LunchRoom} room */
const wait = (room) => (room.view.retryAt ?? NaN) - Date.now();

for (const [code, [name, again]] of Object.entries(CLOSE_CODES)) {
  // The seat is lost; another test checks this code.
  if (code === '4401') continue;
  test(`close ${code}: ${again}`, (t) => {
    const { room, chance, pass } = live(t);
    chance(0.999);
    socket().ends(Number(code), 'because');
    const { status, stale, reason, retryAt } = room.view;
    assert.equal(status, again === 'never' ? 'ended' : 'offline');
    assert.equal(stale, true);
    assert.deepEqual([reason?.code, reason?.closeCode, reason?.message], [name, Number(code), 'because']);
    if (again === 'never') {
      assert.equal(retryAt, null);
      pass(3_600_000);
      assert.equal(sockets.length, 1);
    } else {
      const expected = again === 'soon' ? 0.999 * 500 : 30_000 * 1.999;
      assert.ok(Math.abs(wait(room) - expected) < 1);
      pass(expected - 1);
      assert.equal(sockets.length, 1);
      pass(2);
      assert.equal(sockets.length, 2);
      assert.equal(room.view.status, 'connecting');
    }
  });
}

test('whoever leaves when the connection is asked for a sign of life has left', (t) => {
  const { room, pass } = live(t);
  let ends = 0;
  const end = room.subscribe(({ status, pending }) => {
    if (status === 'ended') ends += 1;
    if (status === 'ended' || pending.length === 0) room.close();
  });
  t.after(end);
  assert.deepEqual([room.view.status, ends], ['ended', 1], 'to leave twice is to leave once');
  const again = join();
  t.after(() => again.close());
  socket().greets();
  let isAsked = false;
  again.addEventListener('view', () => isAsked && again.close());
  isAsked = true;
  pass(25_001);
  assert.deepEqual([again.view.status, sockets.length], ['ended', 2]);
  pass(3_600_000);
  assert.equal(sockets.length, 2);
});

for (const code of [1001, 1005, 1006, 1011, 4999]) {
  test(`close ${code}, which is not the protocol's: soon`, (t) => {
    const { room } = live(t);
    socket().ends(code);
    assert.deepEqual([room.view.status, room.view.reason?.code, wait(room)], ['offline', 'disconnected', 250]);
  });
}

test('the wait is random from 0 to a bound that doubles from 0.5 s to 20 s', (t) => {
  const { room, chance, pass } = live(t);
  const bounds = [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000];
  for (const bound of bounds) {
    chance(0.999_999);
    socket().ends(1006);
    assert.ok(wait(room) > bound - 1 && wait(room) <= bound, `${wait(room)} is not just below ${bound}`);
    pass(bound);
    assert.equal(socket().sent.length, 0);
  }
  // The wait starts from 0; only the maximum grows.
  chance(0);
  socket().ends(1006);
  assert.equal(wait(room), 0);
});

test('a full room is tried again from 30 to 60 s later, each time', (t) => {
  const { room, chance, pass } = live(t);
  for (const part of [0, 0.5, 0.999]) {
    chance(part);
    socket().ends(4403, 'room full');
    assert.equal(room.view.reason?.code, 'room_full');
    assert.ok(Math.abs(wait(room) - 30_000 * (1 + part)) < 1);
    pass(60_000);
  }
});

test('after a connection that held for 5 s the wait is short again, after a shorter one not', (t) => {
  const { room, pass } = live(t);
  const fail = () => {
    socket().ends(1006);
    pass(wait(room));
  };
  fail();
  fail();
  fail();
  socket().greets();
  pass(4_999);
  socket().ends(1006);
  assert.equal(wait(room), 2_000);
  pass(2_000);
  socket().greets();
  pass(5_000);
  socket().ends(1006);
  assert.equal(wait(room), 250);
});

test('it tries at once when asked to, when online again, and when looked at', (t) => {
  const { room, pass, hide, show, online } = live(t);
  const tried = () => {
    const count = sockets.length;
    assert.equal(room.view.status, 'connecting');
    socket().ends(4429);
    assert.equal(room.view.status, 'offline');
    return count;
  };
  socket().ends(4429);
  room.retryNow();
  assert.equal(tried(), 2);
  online();
  assert.equal(tried(), 3);
  hide();
  assert.equal(room.view.status, 'offline');
  show();
  assert.equal(tried(), 4);
  pass(wait(room));
  assert.equal(tried(), 5);
});

test('one attempt at a time, and none after the end', (t) => {
  const { room, pass, online, show } = live(t);
  socket().ends(1006);
  room.retryNow();
  room.retryNow();
  online();
  assert.equal(sockets.length, 2);
  socket().ends(4410);
  online();
  show();
  pass(3_600_000);
  assert.equal(sockets.length, 2);
  // Unless somebody asks.
  room.retryNow();
  assert.equal(sockets.length, 3);
});

test('a hidden page tries for as long as the seat is kept, then when it is looked at', (t) => {
  const { room, pass, hide, show, chance } = live(t);
  chance(0.9);
  hide();
  socket().ends(1006);
  let attempts = 0;
  while (room.view.retryAt !== null) {
    assert.ok(room.view.retryAt <= Date.now() + 30_000);
    pass(wait(room));
    socket().ends(1006);
    attempts++;
  }
  assert.ok(attempts >= 5, `${attempts}`);
  assert.equal(room.view.status, 'offline');
  const before = sockets.length;
  pass(3_600_000);
  assert.equal(sockets.length, before);
  show();
  assert.equal(sockets.length, before + 1);
});

test('a silent connection is asked after the announced interval, and dropped without an answer', (t) => {
  const { room, pass } = live(t);
  pass(24_999);
  assert.deepEqual(socket().said(), []);
  pass(1);
  // This changes nothing, and is answered.
  assert.deepEqual(socket().said(), [{ id: 1, rename: { name: 'Mina' } }]);
  socket().hears({ ack: { id: 1, seq: 1 } });
  assert.deepEqual(room.view.pending, []);
  pass(25_000);
  assert.deepEqual(socket().said(), [{ id: 2, rename: { name: 'Mina' } }]);
  pass(9_999);
  assert.equal(room.view.status, 'live');
  pass(1);
  assert.deepEqual([room.view.status, room.view.reason?.code], ['offline', 'timeout']);
  // Not 1000: the seat must be kept.
  assert.equal(socket().closedWith, 4408);
});

test('nothing is said on a connection that is closing: it waits for the next one', (t) => {
  const { room, pass } = live(t);
  // The close has arrived, and its event follows in a moment.
  socket().readyState = 2;
  room.add('Pho').catch(() => {});
  assert.deepEqual(socket().said(), []);
  socket().ends(1012);
  pass(500);
  socket().opens();
  socket().said();
  socket().hears(RESUMED);
  socket().hears(BACK);
  assert.deepEqual(socket().said(), [{ id: 1, add: { item: 'Pho' } }]);
});

test('whatever comes is a sign of life', (t) => {
  const { pass } = live(t);
  for (let seq = 2; seq < 10; seq++) {
    pass(20_000);
    socket().hears({ event: { seq, joined: { member: seq, name: 'x' }, expires_at: 0 } });
  }
  assert.deepEqual(socket().said(), []);
});

test('an attempt without a hello is given up after 10 s', (t) => {
  const { pass } = fakes(t);
  const room = join();
  t.after(() => room.close());
  pass(9_999);
  assert.equal(room.view.status, 'connecting');
  pass(1);
  assert.equal(room.view.status, 'offline');
  room.retryNow();
  socket().opens();
  pass(10_000);
  assert.equal(room.view.status, 'offline');
});

test('what a connection says that was given up is not heard', (t) => {
  const { room, pass } = live(t);
  pass(35_000);
  const old = sockets[0];
  room.retryNow();
  old?.hears(BACK);
  old?.ends(4410);
  assert.deepEqual([room.view.position?.seq, room.view.status], [1, 'connecting']);
});

test('while nobody looks a connection is not asked; afterwards at once, and it is stale until it answers', (t) => {
  const { room, pass, hide, show } = live(t);
  hide();
  pass(600_000);
  assert.deepEqual(socket().said(), []);
  assert.equal(room.view.status, 'live');
  show();
  assert.equal(room.view.stale, true);
  assert.equal(socket().said().length, 1);
  socket().hears({ ack: { id: 1, seq: 1 } });
  assert.equal(room.view.stale, false);
  hide();
  pass(600_000);
  show();
  pass(4_000);
  assert.equal(room.view.status, 'offline');
});

test('without a network the list is stale at once, until the server answers or 4 s passed', (t) => {
  const { room, pass, offline } = live(t);
  /** @type {boolean[]} */
  const shown = [];
  room.subscribe(({ stale }) => shown.push(stale));
  offline();
  assert.deepEqual([room.view.status, room.view.stale], ['live', true]);
  assert.deepEqual(socket().said(), [{ id: 1, rename: { name: 'Mina' } }]);
  // The device was wrong.
  socket().hears({ ack: { id: 1, seq: 1 } });
  assert.equal(room.view.stale, false);
  offline();
  pass(3_999);
  assert.deepEqual([room.view.status, room.view.stale], ['live', true]);
  pass(1);
  assert.deepEqual([room.view.status, room.view.reason?.code], ['offline', 'timeout']);
  assert.deepEqual(shown.filter((stale, n) => stale !== shown[n - 1]), [false, true, false, true]);
});

test('also when nobody looks: who looks again sees no list as live that may not be', (t) => {
  const { room, hide, show, offline } = live(t);
  hide();
  offline();
  show();
  assert.equal(room.view.stale, true);
});

test('without a network an attempt is not begun, and one without a hello given up sooner', (t) => {
  const { room, pass, offline } = live(t);
  socket().ends(4403);
  offline();
  assert.equal(sockets.length, 1);
  room.retryNow();
  offline();
  pass(3_999);
  assert.equal(room.view.status, 'connecting');
  pass(1);
  assert.equal(room.view.status, 'offline');
});

test('the way back: resume by position, stale until one\'s own return is heard', (t) => {
  const { room, pass } = live(t);
  /** @type {string[]} */
  const shown = [];
  room.subscribe(({ status, stale }) => shown.push(`${status}${stale ? ' stale' : ''}`));
  socket().ends(1006);
  pass(250);
  socket().opens();
  const { seat, epoch } = golden('hello').frame.hello;
  assert.deepEqual(socket().said(), [{ resume: { seat, epoch, seq: 1, take: false } }]);
  socket().hears(RESUMED);
  socket().hears({ event: { seq: 2, by: 1, change: { added: { number: 1, item: 'a', name: 'x' } }, expires_at: 0 } });
  assert.equal(room.view.stale, true);
  socket().hears({ event: { seq: 3, back: { member: 1 }, expires_at: 0 } });
  const states = shown.filter((state, index) => state !== shown[index - 1]);
  assert.deepEqual(states, ['live', 'offline stale', 'connecting stale', 'live']);
});

test('of several returns that were missed, only the last is the end of catching up', (t) => {
  const { room, pass } = live(t);
  socket().ends(1006);
  pass(250);
  socket().opens();
  socket().hears(RESUMED);
  socket().hears({ event: { seq: 2, back: { member: 1 }, expires_at: 0 } });
  socket().hears({ event: { seq: 3, away: { member: 1, until: 1 }, expires_at: 0 } });
  assert.deepEqual([room.view.status, room.view.stale], ['connecting', true]);
  socket().hears({ event: { seq: 4, back: { member: 1 }, expires_at: 0 } });
  assert.deepEqual([room.view.status, room.view.stale], ['live', false]);
});

test('a new name outlives the seat', (t) => {
  const { room, pass } = live(t);
  socket().hears({ event: { seq: 2, by: 1, renamed: { member: 1, name: 'Mina K' }, expires_at: 0 } });
  socket().ends(4401);
  pass(500);
  socket().opens();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina K' } }]);
  assert.equal(room.view.stale, true);
});

test('a seat that an own connection takes over, which was given up unanswered, is taken back; once for each', (t) => {
  const { room, chance, pass } = live(t);
  chance(0);
  socket().ends(1006);
  pass(1);
  // It sends its first message, and the server is busy.
  socket().opens();
  pass(10_001);
  assert.equal(room.view.reason?.code, 'timeout');
  pass(1);
  socket().opens();
  socket().hears(RESUMED);
  assert.equal(room.view.status === 'ended', false);
  socket().ends(4409);
  assert.equal(room.view.status, 'offline');
  pass(1);
  socket().opens();
  socket().hears(RESUMED);
  socket().ends(4409);
  assert.deepEqual([room.view.status, room.view.reason?.code], ['ended', 'taken_over']);
});

test('a seat is taken from another tab only where somebody asks for it, and not by coming back', (t) => {
  const { room, pass } = live(t);
  const comesBack = () => {
    pass(2_000);
    socket().opens();
    return socket().said()[0].resume.take;
  };
  socket().said();
  socket().ends(1006);
  room.retryNow();
  assert.equal(comesBack(), false);
  socket().ends(4409);
  assert.equal(room.view.status, 'ended');
  room.retryNow();
  assert.equal(comesBack(), undefined);
  // Whether it was seated is not known.
  socket().ends(1006);
  assert.equal(comesBack(), undefined);
  socket().hears(RESUMED);
  socket().ends(1006);
  assert.equal(comesBack(), false);
  // What was given in is to be done.
  room.add('pho').catch(() => {});
  socket().ends(1006);
  assert.equal(comesBack(), undefined);
  room.close();
});

test('a lost seat is told, and a new one taken; without one to lose it is the end', (t) => {
  const { room, pass } = live(t);
  socket().ends(1006);
  pass(250);
  socket().opens();
  socket().ends(4401, 'no such seat');
  assert.deepEqual([room.view.status, room.view.reason?.code], ['offline', 'no_seat']);
  pass(500);
  socket().said();
  socket().opens();
  assert.deepEqual(socket().said(), [{ join: { name: 'Mina' } }]);
  socket().ends(4401);
  assert.equal(room.view.status, 'ended');
});

test('a gap is no state: it resumes', (t) => {
  const { room, pass } = live(t);
  socket().hears({ event: { seq: 3, joined: { member: 3, name: 'x' }, expires_at: 0 } });
  assert.deepEqual([room.view.status, room.view.members.length, room.view.position?.seq], ['offline', 1, 1]);
  pass(250);
  socket().opens();
  assert.equal(socket().said()[0].resume.seq, 1);
});

for (const nonsense of ['{', '', 'null', '7', '[]', '{"event":{}}', '{"ack":{}}', '{"error":{}}']) {
  test(`nonsense ends the connection at most: ${nonsense}`, (t) => {
    const { room } = live(t);
    socket().hears(nonsense);
    assert.ok(['live', 'offline'].includes(room.view.status));
    assert.equal(room.view.position?.seq, 1);
  });
}

for (const [code, error] of /** @type {const} */ ([[4400, { code: 'too_long', message: 'the name is too long' }], [1009, undefined]])) {
  test(`a name that is refused by close ${code} is the reason of the end, and is not said again`, (t) => {
    fakes(t);
    const room = join({ name: 'x'.repeat(99), colour: 3 });
    t.after(() => room.close());
    socket().opens();
    socket().said();
    if (error) socket().hears({ error });
    socket().ends(code, 'not understood');
    assert.deepEqual([room.view.status, room.view.reason?.code], ['ended', 'too_long']);
    room.retryNow();
    socket().opens();
    assert.deepEqual(socket().said(), [{ join: {} }]);
  });
}

test('a name that was taken once outlives an end', (t) => {
  const { room } = live(t);
  socket().ends(4400, 'not understood');
  assert.equal(room.view.status, 'ended');
  assert.equal(room.saved?.name, 'Mina');
});

test('leaving says goodbye, forgets the seat and stays away', (t) => {
  const { room, pass, online } = live(t);
  assert.notEqual(room.saved, null);
  room.close();
  assert.equal(socket().closedWith, 1000);
  assert.deepEqual([room.view.status, room.view.reason?.code, room.saved], ['ended', 'left', null]);
  online();
  pass(600_000);
  assert.equal(sockets.length, 1);
});

test('while the server has no store nothing is live, until it answers something again', (t) => {
  const { room } = live(t);
  socket().hears({ status: { store: 'down' } });
  assert.deepEqual([room.view.status, room.view.store, room.view.stale], ['live', 'down', true]);
  socket().hears({ status: { store: 'up' } });
  assert.equal(room.view.stale, true);
  assert.deepEqual(socket().said(), [{ id: 1, rename: { name: 'Mina' } }]);
  socket().hears({ ack: { id: 1, seq: 1 } });
  assert.deepEqual([room.view.store, room.view.stale], ['up', false]);
});

for (const by of [-3_600_000, 3_600_000]) {
  test(`a device's clock that is set by ${by / 3_600_000} h changes nothing`, (t) => {
    const { room, pass, setClock } = live(t);
    pass(10_000);
    setClock(by);
    pass(14_999);
    assert.deepEqual(socket().said(), []);
    pass(1);
    assert.equal(socket().said().length, 1);
    setClock(by);
    pass(9_999);
    assert.equal(room.view.status, 'live');
    pass(1);
    assert.deepEqual([room.view.status, room.view.reason?.code], ['offline', 'timeout']);
    // It has lasted longer than 5 s.
    assert.equal(wait(room), 250);
    setClock(by);
    assert.equal(wait(room), 250);
    pass(249);
    assert.equal(sockets.length, 1);
    pass(1);
    assert.equal(sockets.length, 2);
  });
}

test('a device that slept shows no list as live that may not be, also where the time of sleep is not counted', (t) => {
  const { room, hide, show, setClock } = live(t);
  hide();
  setClock(600_000);
  show();
  assert.equal(room.view.stale, true);
  socket().hears({ ack: { id: 1, seq: 1 } });
  assert.equal(room.view.stale, false);
});

test('without options it sits in the room as a guest, and hears what happens', (t) => {
  fakes(t);
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => (own ? Object.defineProperty(globalThis, 'WebSocket', own) : Reflect.deleteProperty(globalThis, 'WebSocket')));
  Object.defineProperty(globalThis, 'WebSocket', { value: FakeWebSocket, configurable: true, writable: true });
  const room = new Room(URL);
  t.after(() => room.close());
  let heard = 0;
  room.listen('change', () => heard++);
  socket().greets();
  assert.deepEqual(socket().said(), [{ join: {} }]);
  const { state } = room.view;
  socket().hears({ event: { seq: 2, by: 1, change: { added: { number: 1, item: 'a', name: 'x' } }, expires_at: 0 } });
  assert.deepEqual([room.view.status, room.view.position?.seq, heard], ['live', 2, 1]);
  assert.equal(room.view.state, state);
});

for (const thrown of [new Error('it cannot'), 'it cannot']) {
  test(`an \`apply\` that throws ends the room once, with that as the reason: ${typeof thrown}`, async (t) => {
    const { pass, online } = fakes(t);
    let calls = 0;
    const apply = () => {
      calls++;
      throw thrown;
    };
    const room = new Room(URL, { apply, WebSocket: FakeWebSocket });
    t.after(() => room.close());
    socket().greets();
    const answer = room.send('plus', {});
    const before = room.view.state;
    socket().hears({ event: { seq: 2, by: 1, change: {}, expires_at: 0 } });
    const { status, reason, position, state } = room.view;
    assert.deepEqual([status, reason?.code, reason?.message, reason?.cause], ['ended', 'failed', 'it cannot', thrown]);
    assert.deepEqual([position?.seq, state], [1, before]);
    await assert.rejects(answer, { code: 'failed' });
    // The seat is kept for a page with a working reducer.
    assert.deepEqual([socket().closedWith, room.saved?.seat], [4400, golden('hello').frame.hello.seat]);
    online();
    pass(3_600_000);
    assert.deepEqual([sockets.length, calls], [1, 1]);
  });
}

test('a listener that throws hurts neither the others nor the room', (t) => {
  // The platform reports what it throws; in Node an unhandled error ends the process.
  const program = `
    import { Room } from 'tablecast-client';
    import { FakeWebSocket, socket } from './test/support/fakes.js';
    const thrown = [];
    process.on('uncaughtException', ({ message }) => thrown.push(message));
    const room = new Room('ws://x/ws/x/', { apply: (n) => n, WebSocket: FakeWebSocket });
    let calls = 0;
    for (const type of ['view', 'change']) {
      room.addEventListener(type, () => { throw new Error(type); });
      room.addEventListener(type, () => calls++);
    }
    socket().greets();
    const seq = room.view.position.seq + 1;
    calls = 0;
    const answer = room.send('x');
    socket().hears({ ack: { id: 1, seq } });
    socket().hears({ event: { seq, by: 1, change: {}, expires_at: 0 } });
    const done = await answer === seq;
    await new Promise((resolve) => setImmediate(resolve));
    console.log(JSON.stringify([done, room.view.status, calls > 3, new Set(thrown).size]));
    process.exit();
  `;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: new globalThis.URL('../', import.meta.url), encoding: 'utf8' });
  assert.equal(said.trim(), '[true,"live",true,2]');
});

test('where there is no WebSocket it says how to bring one', (t) => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => own && Object.defineProperty(globalThis, 'WebSocket', own));
  Object.defineProperty(globalThis, 'WebSocket', { value: undefined, configurable: true });
  const throws = (/** @type {RegExp} */ message, /** @type {string} */ url, options = {}) =>
    assert.throws(() => new LunchRoom(url, options), { name: 'TypeError', message });
  throws(/no WebSocket here.*option WebSocket.*'ws'.*leave out the option transport/, URL, { transport: 'websocket' });
  throws(/no WebSocket here.*option WebSocket.*'ws'.*option sse/, URL, { sse: false });
  throws(/no WebSocket here.*option WebSocket.*'ws'.*option sse/, 'ws://x/another/x/');
});
