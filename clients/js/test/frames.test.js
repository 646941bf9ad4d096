import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { allGolden, golden } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';

/** @param {ConstructorParameters<typeof LunchRoom>[1]} [options] */
const room = (options) => new LunchRoom(URL, { WebSocket: FakeWebSocket, ...options });

/** The client's golden frames, and how each is said. @type {Record<string, (room: LunchRoom) => Promise<number>>} */
const SAID = {
  'say-absent-item': (room) => room.remove('sushi'),
  'say-add': (room) => room.add('김치찌개'),
  'say-empty-item': (room) => room.add('  '),
  'say-line-end': (room) => room.add('pizza\npasta'),
  'say-remove-by-item': (room) => room.remove('pizza'),
  'say-remove-by-number': (room) => room.remove(2),
  'say-rename': (room) => room.rename('Mina K'),
  'say-unknown-command': (room) => room.send('drop', { item: 'pizza' }),
  'say-unknown-field': (room) => room.send('add', { item: 'pizza', price: 9 }),
  'say-vote': (room) => room.vote(1),
};

/** Said when the socket opens, or never by this client. */
const SAID_FIRST = ['say-join', 'say-join-without-name', 'say-resume', 'say-resume-without-position'];
const NEVER_SAID = ['say-id-too-large', 'say-two-commands', 'say-without-id'];

for (const [name, say] of Object.entries(SAID)) {
  test(`it says ${name} as described`, (t) => {
    fakes(t);
    const mina = room();
    socket().greets();
    socket().sent.length = 0;
    say(mina).catch(() => {});
    assert.deepEqual(socket().sent, [JSON.stringify(golden(name).frame)]);
    mina.close();
  });
}

test('it introduces itself as described', (t) => {
  fakes(t);
  const first = () => {
    socket().opens();
    return socket().sent[0];
  };
  const { hello } = golden('hello').frame;
  const { seat } = hello;
  const saved = { seat, name: 'Mina', nextId: 1, pending: [], replica: { ...hello, seq: 8, offset: 0 } };
  for (const [index, options] of [{ name: 'Mina' }, {}, { saved }, { saved: { ...saved, replica: null } }].entries()) {
    const mina = room(options);
    assert.equal(first(), JSON.stringify(golden(SAID_FIRST[index] ?? '').frame));
    assert.equal(socket().protocol, 'tablecast.v1');
    mina.close();
  }
});

test('every frame of a client is accounted for', () => {
  const frames = allGolden().filter(({ from, dialect }) => from === 'client' && dialect === 'json');
  const known = [...Object.keys(SAID), ...SAID_FIRST, ...NEVER_SAID];
  assert.deepEqual(frames.map(({ name }) => name).sort(), known.sort());
});

/** What each of the server's golden frames does to a room, whose replica is one event behind it. */
test('every frame of the server is understood', async (t) => {
  fakes(t);
  const { hello } = golden('hello-later').frame;
  const before = hello.members[1];
  const busy = { id: 2, name: 'guest 2', away: false };
  const members = [hello.members[0], busy, before];
  const pasta = { number: 2, item: 'pasta', by: 9, name: 'guest 9', votes: [] };
  const state = { ...hello.state, items: [{ ...hello.state.items[0], votes: [] }, pasta] };

  /** @type {Record<string, (is: any, room: LunchRoom) => unknown>} */
  const EXPECTED = {
    'event-added': ({ items }) => assert.deepEqual(items[2], { number: 1, item: '김치찌개', by: 1, name: 'Mina', votes: [] }),
    'event-voted': ({ items }) => assert.deepEqual(items.map((/** @type {any} */ i) => i.votes), [[1], []]),
    'event-removed': ({ items }) => assert.deepEqual(items, [state.items[0]]),
    'event-joined': ({ members: m }) => assert.deepEqual(m.at(-1), busy),
    'event-left': ({ members: m }) => assert.deepEqual(m, [members[0], members[2]]),
    'event-away': ({ members: m }) => assert.deepEqual(m[0], { id: 1, name: 'Mina K', away: true }),
    'event-back': ({ members: m }) => assert.deepEqual(m, members),
    'event-renamed': ({ members: m }) => assert.equal(m[0].name, 'Mina K'),
    snapshot: ({ view }) => {
      const { snapshot } = golden('snapshot').frame;
      assert.deepEqual([view.state, view.members], [snapshot.state, snapshot.members]);
      assert.deepEqual(view.position, { epoch: snapshot.epoch, seq: 612 });
      assert.equal(view.expiresAt, Date.now() + snapshot.expires_at - snapshot.now);
    },
    hello: ({ view }) => assert.deepEqual([view.me.name, view.state.items, view.position.seq], ['Mina', [], 1]),
    'hello-later': ({ view }) => assert.deepEqual([view.me, view.state], [before, hello.state]),
    'hello-resumed': ({ view }) => assert.deepEqual([view.status, view.state], ['connecting', state]),
    'status-down': ({ view }) => assert.deepEqual([view.store, view.stale], ['down', true]),
    'status-up': ({ view }) => assert.deepEqual([view.status, view.reason], ['live', null]),
    ack: async (_, room) => assert.equal(await answers.get(room), 3),
    error: (_, room) => assert.rejects(answers.get(room) ?? Promise.resolve(), { code: 'not_found', message: '"pizza" is not on the menu' }),
    'error-unavailable': ({ view }) => assert.equal(view.pending.length, 1),
    'error-without-id': ({ view }) => assert.equal(view.status, 'live'),
  };
  /** @type {Map<LunchRoom, Promise<number>>} */
  const answers = new Map();

  for (const { name, from, dialect, frame } of allGolden()) {
    if (from !== 'server' || dialect !== 'json') continue;
    const mina = room();
    // One event before the frame, so that it is the next.
    const seq = frame.event ? frame.event.seq - 1 : 3;
    socket().greets({ ...hello, seq, state, members });
    /** @type {string[]} */
    const heard = [];
    for (const kind of /** @type {const} */ (['joined', 'back', 'away', 'left', 'renamed', 'change'])) {
      mina.listen(kind, (event) => heard.push(`${kind} ${event.seq}`));
    }
    // The command that an answer is for.
    for (let id = 1; id <= (frame.ack ?? frame.error)?.id; id++) answers.set(mina, mina.add('x'));
    answers.get(mina)?.catch(() => {});
    while (mina.view.pending.length > 1) socket().hears({ ack: { id: mina.view.pending[0]?.id, seq: 1 } });

    socket().hears(frame);
    const { view } = mina;
    const expected = EXPECTED[name];
    assert.ok(expected, `nothing is expected of ${name}`);
    await expected({ view, members: view.members, items: view.state?.items }, mina);
    const kind = Object.keys(frame.event ?? {}).find((key) => !['seq', 'by', 'expires_at'].includes(key));
    assert.deepEqual(heard, kind ? [`${kind} ${frame.event.seq}`] : []);
    if (frame.event) {
      assert.equal(view.position?.seq, frame.event.seq);
      assert.equal(view.expiresAt, mina.localTime(frame.event.expires_at));
    }
    mina.close();
  }
});

test('what a newer server adds is ignored', (t) => {
  fakes(t);
  const mina = room();
  socket().greets({ weather: 'fine' });
  const { event } = golden('event-joined').frame;
  socket().hears({ event: { ...event, colour: 'red' } });
  socket().hears({ event: { seq: 3, moved: { table: 4 }, expires_at: event.expires_at } });
  socket().hears({ advice: {} });
  assert.deepEqual([mina.view.status, mina.view.position?.seq, mina.view.members.length], ['live', 3, 2]);
  mina.close();
});
