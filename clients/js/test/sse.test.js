// Server-Sent Events and POST in the place of a WebSocket, with a server and a clock that the test controls.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { EventReader } from '../src/sse.js';
import { FakePost, FakeStream, event, fakeFetch, settled } from './support/events.js';
import { fakes } from './support/fakes.js';
import { golden, resumed } from './support/frames.js';
import { generator } from './support/random.js';

const { hello: HELLO } = golden('hello').frame;
const items = ['pizza', 'pho'].map((item, at) => ({ number: at + 1, item, by: 1, name: 'Mina', votes: [] }));
const STATE = { ...HELLO.state, items, rules: { hidden_votes: true, votes_each: null }, locked: false, voted: [], removed: [], past: [] };

/** Mina on her way into a room. @param {import('node:test').TestContext} t @param {ConstructorParameters<typeof LunchRoom>[1]} [options] */
async function join(t, options) {
  /** @type {LunchRoom | undefined} */
  let left;
  t.after(() => (left?.close(), settled()));
  const world = fakes(t);
  /** @type {FakeStream[]} */
  const streams = [];
  /** @type {FakePost[]} */
  const posts = [];
  fakeFetch(t, (asked) => (asked instanceof FakePost ? posts.push(asked) : streams.push(asked)));
  const room = new LunchRoom('ws://127.0.0.1:8000/ws/x/', { transport: 'sse', name: 'Mina', ...options });
  left = room;
  await settled();
  const newest = (/** @type {any[]} */ all) => all.at(-1) ?? assert.fail('nothing was asked');
  /** @type {() => FakeStream} */
  const stream = () => newest(streams);
  /** @type {() => FakePost} */
  const post = () => newest(posts);
  /** What the server says, once it is heard. @param {object | string} push */
  const hears = (push) => {
    stream().writes(typeof push === 'string' ? push : event(push));
    return settled();
  };
  /** @param {object[]} answers */
  const answers = (...answers) => {
    post().answers(answers);
    return settled();
  };
  return { ...world, room, streams, posts, stream, post, hears, answers };
}

/** @param {import('node:test').TestContext} t @param {object} [more] */
async function live(t, more = { state: STATE }) {
  const mina = await join(t);
  mina.stream().opens();
  await mina.hears({ hello: { ...HELLO, ...more } });
  return mina;
}

/** @param {number} seq @param {object} change */
const change = (seq, change, by = 1) => ({ event: { seq, by, change, expires_at: HELLO.expires_at } });
/** @param {number} seq */
const titled = (seq, by = 5) => change(seq, { titled: { title: `${seq}` } }, by);
const OWN = { voted: { number: 2, on: true, any: true } };
const HIDDEN = { voted: { hidden: true, any: true } };

test('events are read in whatever pieces they come', () => {
  const random = generator(1);
  const text = '\ufeffretry: 10000\n\n: ping\n\ndata: {"a":"김치 🍜"}\n\nevent: close\r\ndata:1\r\ndata: 2\r\n\r\nid: 7\rdata\r\revent: none\n\n:\ndata: end\n\n';
  const expected = [
    { event: ':', data: 'ping' },
    { event: '', data: '{"a":"김치 🍜"}' },
    { event: 'close', data: '1\n2' },
    { event: '', data: '' },
    { event: ':', data: '' },
    { event: '', data: 'end' },
  ];
  const bytes = new TextEncoder().encode(text);
  for (let run = 0; run < 300; run++) {
    const reader = new EventReader();
    const read = [];
    for (let from = 0, to; from < bytes.length; from = to) {
      to = from + 1 + random(run < 1 ? 1 : 20);
      read.push(...reader.read(bytes.slice(from, to)));
    }
    assert.deepEqual(read, expected);
  }
});

test('who joins is said in a header, in ASCII, and nothing secret in an address', async (t) => {
  const { stream, room, pass, streams } = await join(t, { name: '미나 "\\🍜' });
  assert.equal(stream().url, 'http://127.0.0.1:8000/sse/x/');
  assert.equal(stream().headers.get('Accept'), 'text/event-stream');
  assert.match(stream().headers.get('Tablecast-Join') ?? '', /^[\x20-\x7e]+$/);
  assert.deepEqual(stream().first, { join: { name: '미나 "\\🍜' } });
  stream().opens();
  stream().hears({ hello: HELLO });
  await settled();
  assert.deepEqual([room.view.status, room.transport], ['live', 'sse']);
  stream().breaks();
  await settled();
  pass(500);
  await settled();
  assert.deepEqual(stream().first, { resume: { seat: HELLO.seat, epoch: HELLO.epoch, seq: HELLO.seq, take: false } });
  assert.equal(streams.length, 2);
});

test('commands of one turn go together, as they were; later ones after the answers', async (t) => {
  const { room, post, posts, hears, answers } = await live(t);
  const added = room.add('김치');
  const refused = assert.rejects(room.vote(1), { code: 'votes_spent' });
  await settled();
  assert.equal(post().headers.get('Content-Type'), 'application/json');
  assert.equal(post().text, `{"seat":"${HELLO.seat}","commands":[{"id":1,"add":{"item":"김치"}},{"id":2,"vote":{"number":1,"on":true}}]}`);
  const later = room.unvote(1);
  await settled();
  assert.equal(posts.length, 1);
  await answers({ ack: { id: 1, seq: 2 } }, { error: { id: 2, code: 'votes_spent', message: 'no' } });
  assert.equal(posts.length, 2);
  assert.deepEqual(room.view.pending.length, 3, 'the first event is not there yet, and its answer waits');
  await hears(change(2, { added: { number: 3, item: '김치', name: 'Mina' } }));
  assert.equal(await added, 2);
  await refused;
  await answers({ ack: { id: 3, seq: 2 } });
  assert.equal(await later, 2);
});

test('one POST has at most 64 commands and 32 KiB', async (t) => {
  const { room, posts, answers } = await live(t, { limits: { ...HELLO.limits, commands_per_second: 0 } });
  for (let n = 0; n < 65; n++) room.extend().catch(() => {});
  for (let n = 0; n < 3; n++) room.add('김'.repeat(5_000)).catch(() => {});
  await settled();
  for (const [n, length] of [64, 3, 1].entries()) {
    /** @type {{ id: number }[]} */
    const commands = posts[n]?.body.commands;
    assert.equal(commands.length, length);
    await answers(...commands.map(({ id }) => ({ ack: { id, seq: 1 } })));
  }
  assert.deepEqual(room.view.pending, []);
});

const SNAPSHOT = { snapshot: { ...golden('snapshot').frame.snapshot, epoch: HELLO.epoch, seq: 3, members: HELLO.members, state: { ...STATE, items: [items[0], { ...items[1], votes: [1] }] } } };
for (const [how, says] of /** @type {const} */ ([
  ['before it', ['answer', titled(2), change(3, HIDDEN)]],
  ['after it', [titled(2), change(3, HIDDEN), titled(4), 'answer']],
  ['after it, with the whole state', [titled(2), SNAPSHOT, change(3, HIDDEN), titled(4), 'answer']],
  ['before it, with the whole state', [titled(2), 'answer', SNAPSHOT, change(3, HIDDEN)]],
])) {
  test(`one's own hidden vote is known, whether the answer comes ${how}`, async (t) => {
    const { room, hears, answers } = await live(t);
    /** @type {unknown[]} */
    const changes = [];
    room.listen('change', ({ seq, change }) => changes.push([seq, change]));
    const vote = room.vote(2);
    await settled();
    for (const one of says) await (one === 'answer' ? answers({ ack: { id: 1, seq: 3, own: [OWN] } }) : hears(one));
    assert.equal(await vote, 3);
    assert.deepEqual(room.view.state?.items.map(({ votes }) => votes), [[], [1]]);
    assert.deepEqual(changes.slice(0, 2), [[2, { titled: { title: '2' } }], [3, OWN]]);
  });
}

test('events of others do not wait for an answer', async (t) => {
  const { room, hears } = await live(t);
  room.vote(2).catch(() => {});
  await settled();
  await hears(titled(2));
  assert.equal(room.view.state?.title, '2');
});

test('what was given up holds back what would overtake it on another node', async (t) => {
  const { room, posts, answers, pass } = await live(t);
  for (const item of ['a', 'b']) room.add(item).catch(() => {});
  await settled();
  room.add('c').catch(() => {});
  await settled();
  await answers({ error: { id: 1, code: 'unavailable', message: '' } }, { error: { id: 2, code: 'unavailable', message: '', after: 1 } });
  assert.equal(posts.length, 1);
  pass(1_000);
  await settled();
  assert.deepEqual(posts[1]?.body.commands.map((/** @type {any} */ { id }) => id), [1, 2, 3]);
});

test('each ping is answered by a POST, by one at a time, and is a sign of life of the server', async (t) => {
  const { room, post, posts, hears, answers, pass } = await live(t);
  for (let n = 0; n < 3; n++) {
    pass(20_000);
    await hears(': ping\n\n: ping\n\n');
    assert.deepEqual([posts.length, post().body], [n + 1, { seat: HELLO.seat, commands: [] }]);
    await answers();
  }
  assert.equal(room.view.status, 'live');
  pass(34_900);
  assert.equal(room.view.status, 'live');
  pass(100);
  assert.deepEqual([room.view.status, room.view.reason?.code], ['offline', 'timeout']);
});

test('a POST without an answer is a lost connection', async (t) => {
  const { room, stream, hears, pass } = await live(t);
  await hears(': ping\n\n');
  pass(5_000);
  await hears(titled(2));
  pass(4_900);
  assert.equal(room.view.status, 'live');
  pass(100);
  assert.deepEqual([room.view.reason?.code, stream().isAborted], ['timeout', true]);
});

for (const [how, fails] of /** @type {[string, (asked: FakePost) => void][]} */ ([
  ['is cut', (asked) => asked.breaks()],
  ['meets something else', (asked) => asked.refuses(502)],
  ['has too few answers', (asked) => asked.answers([])],
  ['has an answer that is none', (asked) => asked.resolve(new Response('{'))],
])) {
  test(`a POST that ${how} is a lost connection: the next one says the same again`, async (t) => {
    const { room, post, posts, stream, hears, pass } = await live(t);
    room.add('a').catch(() => {});
    await settled();
    const { text } = post();
    fails(post());
    await settled();
    assert.deepEqual([room.view.status, room.view.reason?.code, stream().isAborted], ['offline', 'disconnected', true]);
    pass(500);
    await settled();
    stream().opens();
    await hears(resumed());
    assert.deepEqual([posts.length, post().text], [2, text]);
  });
}

test('the end of a stream, a broken one and nonsense are lost connections', async (t) => {
  const { room, stream, streams, pass, chance, hears } = await live(t);
  chance(0);
  for (const ends of [() => stream().breaks(), () => stream().ends(1006), () => hears('data: {\n\n'), () => stream().refuses(404), () => stream().refuses(200)]) {
    const before = streams.length;
    void ends();
    await settled();
    assert.deepEqual([room.view.status, room.view.reason?.code], ['offline', 'disconnected'], String(ends));
    pass(1);
    await settled();
    assert.equal(streams.length, before + 1);
    // The last two are refused before they are open.
    if (before < 3) stream().opens();
    await settled();
  }
});

for (const [code, name, status] of /** @type {const} */ ([[4403, 'room_full', 'offline'], [4409, 'taken_over', 'ended'], [1012, 'restarting', 'offline']])) {
  test(`a close says why, on the stream, and in the refusal of a stream or a POST: ${code}`, async (t) => {
    for (const how of ['stream', 'post', 'get']) {
      await t.test(how, async (t) => {
        const { room, stream, post, hears } = how === 'get' ? await join(t) : await live(t);
        if (how === 'stream') stream().ends(code, 'because');
        else if (how === 'get') stream().refuses(403, { close: code, code: 'x', detail: 'because' });
        else {
          await hears(': ping\n\n');
          post().refuses(409, { close: code, code: 'x', detail: 'because' });
        }
        await settled();
        const { reason } = room.view;
        assert.deepEqual([room.view.status, reason?.code, reason?.closeCode, reason?.message], [status, name, code, 'because']);
      });
    }
  });
}

test('a name that is refused is the reason of the end', async (t) => {
  const { room, stream } = await join(t);
  stream().refuses(400, { close: 4400, code: 'too_long', detail: 'the name is too long' });
  await settled();
  assert.deepEqual([room.view.status, room.view.reason?.code, room.view.reason?.message], ['ended', 'too_long', 'the name is too long']);
});

test('leaving is said by a POST that outlives the page, after the one under way; a drop only ends the stream', async (t) => {
  const { room, stream, post, posts, answers } = await live(t);
  room.add('a').catch(() => {});
  await settled();
  room.add('b').catch(() => {});
  room.close();
  assert.equal(posts.length, 1);
  await answers({ ack: { id: 1, seq: 2 } });
  assert.deepEqual(post().body, { seat: HELLO.seat, leave: true, commands: [{ id: 2, add: { item: 'b' } }] });
  assert.deepEqual([post().keepalive, stream().isAborted, room.view.status], [true, false, 'ended']);
  await answers({});
  assert.equal(stream().isAborted, true);
});

test('in another epoch it is asked again what became of a command', async (t) => {
  const { room, post, stream, hears } = await live(t);
  room.add('a').catch(() => {});
  await settled();
  post().answers([{ ack: { id: 1, seq: 3 } }]);
  await settled();
  await hears({ snapshot: { ...SNAPSHOT.snapshot, epoch: 'e'.repeat(16) } });
  assert.deepEqual([room.view.status, room.view.pending.length, stream().isAborted], ['offline', 1, true]);
});

test('who watches has a secret for POSTs too, and the seat\'s once there is one', async (t) => {
  const { room, post, hears, answers } = await live(t, { ...golden('hello-watching').frame.hello, you: undefined, seat: undefined, stream: 'w'.repeat(32) });
  assert.equal(room.view.watching, true);
  await hears(': ping\n\n');
  assert.equal(post().body.seat, 'w'.repeat(32));
  await answers();
  await hears({ hello: HELLO });
  await hears(': ping\n\n');
  assert.deepEqual([post().body.seat, room.view.watching], [HELLO.seat, false]);
});
