import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { allGolden, golden } from './support/frames.js';

const { hello: HELLO } = golden('hello').frame;
const SAVED = { seat: HELLO.seat, name: 'Mina', nextId: 1, pending: [] };

const URL = 'ws://127.0.0.1:8000/ws/x/';

/** @param {ConstructorParameters<typeof LunchRoom>[1]} [options] */
const room = (options) => new LunchRoom(URL, { WebSocket: FakeWebSocket, ...options });

/** Sends exactly this frame. @type {(name: string) => (room: LunchRoom) => Promise<number>} */
const verbatim = (name) => (room) => {
  const { id, ...said } = golden(name).frame;
  const [[command, content] = ['', {}]] = Object.entries(said);
  return room.send(command, content);
};

/** The client's golden frames, and how each is sent. @type {Record<string, (room: LunchRoom) => Promise<number>>} */
const SAID = {
  'say-absent-item': (room) => room.remove('sushi'),
  'say-add': (room) => room.add('김치찌개'),
  'say-contribute': verbatim('say-contribute'),
  'say-contribute-too-short': verbatim('say-contribute-too-short'),
  'say-contribute-too-soon': verbatim('say-contribute-too-soon'),
  'say-deadline': (room) => room.decideIn(600_000),
  'say-deadline-none': (room) => room.setDeadline(null),
  'say-deadline-too-early': verbatim('say-deadline-too-early'),
  'say-decide-by-draw': (room) => room.decide('draw'),
  'say-decide-by-votes': (room) => room.decide('votes'),
  'say-decide-nothing': (room) => room.decide('votes'),
  'say-decide-vetoed': (room) => room.decide('votes'),
  'say-decide-while-drawing': (room) => room.decide('votes'),
  'say-dismiss': (room) => room.dismiss(1),
  'say-empty-item': (room) => room.add('  '),
  'say-extend': (room) => room.extend(),
  'say-host': (room) => room.makeHost(1),
  'say-invisible-item': (room) => room.add('\u2800\u3164\u200B'),
  'say-line-end': (room) => room.add('pizza\npasta'),
  'say-lock': (room) => room.lock(),
  'say-nudge': (room) => room.nudge(),
  'say-nudge-again': (room) => room.nudge(),
  'say-reinstate': (room) => room.reinstate(1),
  'say-remove-by-item': (room) => room.remove('pizza'),
  'say-remove-by-number': (room) => room.remove(2),
  'say-rename': (room) => room.rename('Mina K'),
  'say-rename-no-such-colour': verbatim('say-rename-no-such-colour'),
  'say-rename-with-colour': (room) => room.rename('Mina K', 4),
  'say-restore': (room) => room.restore(2),
  'say-restore-unknown': (room) => room.restore(7),
  'say-reveal': verbatim('say-reveal'),
  'say-reveal-alone': verbatim('say-reveal-alone'),
  'say-rules': (room) => room.setRules({ hiddenVotes: true, votesEach: 1 }),
  'say-rules-too-strict': (room) => room.setRules({ votesEach: 1 }),
  'say-reinstate-vetoed': (room) => room.reinstate(1),
  'say-rules-votes-hidden': (room) => room.setRules({ hiddenVotes: false }),
  'say-title': (room) => room.setTitle('Friday'),
  'say-title-none': (room) => room.setTitle(null),
  'say-title-too-long': (room) => room.setTitle('x'.repeat(61)),
  'say-too-many-marks': (room) => room.add('a' + '\u0301'.repeat(6)),
  'say-unknown-command': (room) => room.send('drop', { item: 'pizza' }),
  'say-unknown-field': (room) => room.send('add', { item: 'pizza', price: 9 }),
  'say-veto': (room) => room.veto(2),
  'say-vote': (room) => room.vote(1),
  'say-vote-spent': (room) => room.vote(2),
};

/** Sent when the socket opens, or never by this client. @type {Record<string, any>} */
const SAID_FIRST = {
  'say-join': { name: 'Mina' },
  'say-join-no-such-colour': { name: 'Mina', colour: 12 },
  'say-join-watch': { name: 'Mina', watch: true },
  'say-join-watch-only': { watch: 'only' },
  'say-join-watch-unknown': { watch: /** @type {any} */ ('always') },
  'say-join-with-colour': { name: 'Mina', colour: 3 },
  'say-join-without-name': {},
  'say-resume': { saved: { ...SAVED, replica: { ...HELLO, seq: 8, offset: 0 } } },
  'say-resume-without-position': { saved: { ...SAVED, replica: null } },
};
// The number of a client is random.
const NEVER_SAID = ['say-join-no-such-client', 'say-join-with-client', 'say-resume-by-itself', 'say-id-too-large', 'say-two-commands', 'say-without-id'];

for (const [name, say] of Object.entries(SAID)) {
  test(`it says ${name} as described`, (t) => {
    fakes(t);
    const mina = room();
    socket().greets();
    const { first = [], frame } = golden(name);
    for (const { id, ...said } of /** @type {any[]} */ (first)) {
      for (const [command, content] of Object.entries(said)) mina.send(command, content).catch(() => {});
    }
    socket().sent.length = 0;
    say(mina).catch(() => {});
    assert.deepEqual(socket().sent, [JSON.stringify(frame)]);
    mina.close();
  });
}

test('it introduces itself as described', (t) => {
  fakes(t);
  for (const [name, options] of Object.entries(SAID_FIRST)) {
    const mina = room(options);
    socket().opens();
    assert.equal(JSON.stringify(socket().said()[0]), JSON.stringify(golden(name).frame));
    assert.equal(socket().protocol, 'tablecast.v1');
    mina.close();
  }
});

test('every frame of a client is accounted for', () => {
  const frames = allGolden().filter(({ from, dialect }) => from === 'client' && dialect === 'json');
  const known = [...Object.keys(SAID), ...Object.keys(SAID_FIRST), ...NEVER_SAID];
  assert.deepEqual(frames.map(({ name }) => name).sort(), known.sort());
});

/** What a table has besides. */
const RULES = { rules: { hidden_votes: false, votes_each: null }, locked: false, voted: [], removed: [], past: [] };

/** The effect of each golden frame of the server on a room whose replica is one event behind. */
test('every frame of the server is understood', async (t) => {
  fakes(t);
  const { hello } = golden('hello-later').frame;
  const before = hello.members[1];
  const { name, colour } = golden('event-joined').frame.event.joined;
  const busy = { id: 2, name, colour, away: false };
  const members = [{ ...hello.members[0], name: 'Mina', colour: 9 }, busy, before];
  const pizza = golden('event-restored').frame.event.change.restored;
  const kimchi = { ...hello.state.items[0], votes: [] };
  const { drawing: next, decision, ...rest } = hello.state;
  const draw1 = { ...next, number: 1, commitment: decision.draw.commitment };
  const state = { ...rest, ...RULES, items: [kimchi, pizza], title: null, drawing: null, decision: null };
  /** The state before an event, if it matters. @type {Record<string, object>} */
  const BEFORE = {
    'event-restored': { items: [kimchi] },
    'event-voted-hidden': { rules: { hidden_votes: true, votes_each: null } },
    'event-drawing': { items: [hello.state.items[0], pizza], next_draw: { number: 1, commitment: draw1.commitment } },
    'event-contributed': { drawing: { ...draw1, contributions: [] } },
    'event-decided-by-votes': { items: [hello.state.items[0], pizza] },
    'event-decided-by-draw': { drawing: draw1, items: [] },
    'event-reinstated': { decision: { number: 2 }, past: [{ number: 1 }] },
  };

  /** The first one here. @param {any} decision */
  const first = (decision) => (decision.at ? { ...decision, number: 1 } : decision);

  /** @type {Record<string, (is: any, room: LunchRoom) => unknown>} */
  const EXPECTED = {
    'event-added': ({ items }) => assert.deepEqual(items[2], kimchi),
    'event-voted': ({ items }) => assert.deepEqual(items.map((/** @type {any} */ i) => i.votes), [[1], []]),
    'event-voted-hidden': ({ view }) => {
      const { by } = golden('event-voted-hidden').frame.event;
      assert.deepEqual(view.state, { ...state, ...BEFORE['event-voted-hidden'], voted: [by] });
    },
    'event-removed': ({ items }) => assert.deepEqual(items, [kimchi]),
    'event-restored': ({ items }) => assert.deepEqual(items, [kimchi, pizza]),
    'event-titled': ({ view }) => assert.deepEqual(view.state, { ...state, title: 'Friday' }),
    'event-extended': ({ view }) => assert.deepEqual(view.state, state),
    'event-drawing': ({ view }) => {
      assert.deepEqual(view.state.drawing, { ...draw1, contributions: [] });
      assert.deepEqual(view.state.next_draw, { number: 2, commitment: next.commitment });
    },
    'event-contributed': ({ view }) => assert.deepEqual(view.state.drawing, draw1),
    'event-decided-by-votes': ({ view }) => {
      const [winner] = decision.draw.candidates;
      const { name, at } = golden('event-decided-by-votes').frame.event.change.decided;
      assert.deepEqual(view.state.decision, first({ how: 'votes', by: 1, name, winner, draw: null, ...(at && { at }) }));
    },
    'event-decided-by-draw': ({ view }) => {
      assert.deepEqual([view.state.drawing, view.state.decision], [null, first(decision)]);
    },
    'event-deadline': ({ view }) => {
      const { at, name } = golden('event-deadline').frame.event.change.deadline;
      assert.deepEqual(view.state.deadline, { at, by: golden('event-deadline').frame.event.by, name });
    },
    'event-cleared': ({ view }) => assert.deepEqual(view.state, state),
    'event-dismissed': ({ view }) => assert.deepEqual(view.state, state),
    'event-hosted': ({ view }) => {
      const { member } = golden('event-hosted').frame.event.change.hosted;
      assert.deepEqual(view.state, { ...state, host: member });
    },
    'event-locked': ({ view }) => assert.deepEqual(view.state, { ...state, locked: true }),
    'event-nudged': ({ view }) => {
      assert.equal(view.state.nudged_at, golden('event-nudged').frame.event.change.nudged.at);
    },
    'event-reinstated': ({ view }) => {
      assert.deepEqual([view.state.decision.number, view.state.past.map((/** @type {any} */ { number }) => number)], [1, [2]]);
    },
    'event-ruled': ({ view }) => assert.deepEqual(view.state.rules, { hidden_votes: true, votes_each: null }),
    'event-vetoed': ({ items }) => {
      const { event } = golden('event-vetoed').frame;
      assert.deepEqual(items.map((/** @type {any} */ { vetoes }) => vetoes), [[event.by], undefined]);
    },
    'event-joined': ({ members: m }) => assert.deepEqual(m, members),
    'event-left': ({ members: m }) => assert.deepEqual(m, [members[0], members[2]]),
    'event-away': ({ members: m }) => assert.deepEqual(m[0], { ...members[0], away: true }),
    'event-back': ({ members: m }) => assert.deepEqual(m, members),
    'event-renamed': ({ members: m }) => assert.deepEqual(m[0], hello.members[0]),
    snapshot: ({ view }) => {
      const { snapshot } = golden('snapshot').frame;
      assert.deepEqual([view.state, view.members], [snapshot.state, snapshot.members]);
      assert.deepEqual(view.position, { epoch: snapshot.epoch, seq: snapshot.seq });
      assert.equal(view.expiresAt, Date.now() + snapshot.expires_at - snapshot.now);
    },
    hello: ({ view }) => {
      assert.deepEqual([view.me.name, view.me.colour, view.position.seq], ['Mina', HELLO.colour, 1]);
      assert.deepEqual([view.state, view.ttlMs], [HELLO.state, 600_000]);
    },
    'hello-later': ({ view }) => assert.deepEqual([view.me, view.state], [before, hello.state]),
    'hello-watching': ({ view }) => assert.deepEqual([view.watching, view.me], [true, null]),
    'hello-stream': ({ view }) => assert.deepEqual([view.watching, view.me], [true, null]),
    'hello-resumed': ({ view }) => assert.deepEqual([view.status, view.state], ['connecting', state]),
    'status-down': ({ view }) => assert.deepEqual([view.store, view.stale], ['down', true]),
    'status-up': ({ view }) => assert.deepEqual([view.status, view.reason], ['live', null]),
    ack: async (_, room) => assert.equal(await answers.get(room), 3),
    // What is one's own is seen when the event for everybody comes.
    'ack-own': ({ view }) => assert.deepEqual([view.pending.length, view.state], [0, state]),
    error: (_, room) => assert.rejects(answers.get(room) ?? Promise.resolve(), { code: 'not_found', message: '"pizza" is not on the menu' }),
    'error-unavailable': ({ view }) => assert.equal(view.pending.length, 1),
    'error-after': ({ view }) => assert.equal(view.pending.length, 1),
    'error-watching': (_, room) => assert.rejects(answers.get(room) ?? Promise.resolve(), { code: 'watching' }),
    'error-without-id': ({ view }) => assert.equal(view.status, 'live'),
  };
  /** @type {Map<LunchRoom, Promise<number>>} */
  const answers = new Map();

  for (const { name, from, dialect, frame } of allGolden()) {
    if (from !== 'server' || dialect !== 'json') continue;
    const mina = room();
    // One event before the frame, so that it is the next.
    const seq = frame.event ? frame.event.seq - 1 : 3;
    const there = name === 'event-joined' ? members.filter((member) => member !== busy) : members;
    socket().greets({ ...hello, seq, state: { ...state, ...BEFORE[name] }, members: there });
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

test('what a newer server adds to what is known is ignored', (t) => {
  fakes(t);
  const mina = room();
  socket().greets({ weather: 'fine' });
  const { event } = golden('event-joined').frame;
  socket().hears({ event: { ...event, weather: 'fine' } });
  socket().hears({ advice: {} });
  assert.deepEqual([mina.view.status, mina.view.position?.seq, mina.view.members.length], ['live', 2, 2]);
  mina.close();
});
