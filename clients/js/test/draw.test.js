// Draws: how they are checked, and how a room takes part in them by itself.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { verifyDraw } from 'tablecast-client/draw';
import { LunchRoom } from 'tablecast-client/lunch';
import { sha256 } from '../src/draw.js';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { golden, resumed } from './support/frames.js';

const { state: LATER } = golden('hello-later').frame.hello;
const { decision: DECISION, drawing: DRAWING } = LATER;
const [MINE] = DECISION.draw.contributions;

/** What Mina's room stores of that draw. */
const CONTRIBUTION = { draw: 1, member: 1, value: MINE.value, commitment: DECISION.draw.commitment };

test('SHA-256 is that of everybody else, at every length around its blocks', () => {
  const texts = ['', 'abc', '김치찌개', '\0', 'é'.repeat(1000), 'x'.repeat(100_000)];
  for (let length = 0; length < 300; length++) texts.push(String.fromCharCode(32 + (length % 95)).repeat(length));
  for (const text of texts) {
    assert.equal(sha256(text), createHash('sha256').update(text).digest('hex'), `${text.length} characters`);
  }
});

test('a draw is computed again from what everybody saw', () => {
  const verdict = verifyDraw(DECISION.draw, CONTRIBUTION);
  assert.deepEqual(verdict, {
    commitmentHolds: true,
    mineCounted: true,
    serverAlone: false,
    winner: DECISION.winner,
    digest: createHash('sha256').update(verdict.transcript).digest('hex'),
    transcript: `tablecast draw\n${DECISION.draw.secret}\n1 2\n1 ${MINE.value}\n`,
  });
});

test('who was left out, and who was told another commitment, sees it', () => {
  const { draw } = DECISION;
  const turned = { ...draw, secret: draw.secret.replace(/^./, 'f') };
  assert.equal(verifyDraw(turned).commitmentHolds, false);
  const later = { ...CONTRIBUTION, commitment: DRAWING.commitment };
  assert.equal(verifyDraw(draw, later).commitmentHolds, false);
  assert.equal(verifyDraw(draw, { ...CONTRIBUTION, value: '0'.repeat(64) }).mineCounted, false);
  assert.equal(verifyDraw({ ...draw, contributions: [] }, CONTRIBUTION).mineCounted, false);
  // For another draw it is not known.
  for (const mine of [undefined, null, { ...CONTRIBUTION, draw: 2 }]) {
    const { commitmentHolds, mineCounted } = verifyDraw(draw, mine);
    assert.deepEqual([commitmentHolds, mineCounted], [true, null]);
  }
  assert.equal(verifyDraw({ ...draw, candidates: [] }).winner, undefined);
});

test('a draw to which nobody contributed is said to be the server\'s alone, and can still be computed', () => {
  const draw = { ...DECISION.draw, contributions: [] };
  const { commitmentHolds, mineCounted, serverAlone, transcript, winner, digest } = verifyDraw(draw);
  assert.deepEqual([commitmentHolds, mineCounted, serverAlone], [true, null, true]);
  assert.equal(transcript, `tablecast draw\n${draw.secret}\n1 2\n`);
  assert.equal(winner?.number, Number(BigInt(`0x${digest}`) % 2n) + 1);
});

test('another contribution makes another winner, and each wins as often', () => {
  const wins = new Map([[1, 0], [2, 0], [3, 0]]);
  const candidates = [1, 2, 3].map((number) => ({ number, item: 'x', name: 'x', votes: 0 }));
  for (let n = 0; n < 3_000; n++) {
    const contributions = [{ member: 1, name: 'Mina', value: sha256(`${n}`) }];
    const { winner } = verifyDraw({ ...DECISION.draw, candidates, contributions });
    const { number = 0 } = winner ?? {};
    wins.set(number, (wins.get(number) ?? 0) + 1);
  }
  // The same in each run; the standard deviation is 26.
  assert.ok([...wins.values()].every((count) => count > 900 && count < 1_100), `${[...wins]}`);
});

const MEMBERS = [
  { id: 1, name: 'Mina', colour: 0, away: false },
  { id: 2, name: 'Jun', colour: 1, away: false },
  { id: 3, name: 'Bo', colour: 2, away: true },
];
const ITEMS = [{ number: 1, item: 'a', by: 1, name: 'Mina', votes: [] }];
const STATE = { title: null, items: ITEMS, max_items: 100, next_draw: LATER.next_draw, drawing: null, decision: null };
const { commitment } = LATER.next_draw;

const URL = 'ws://127.0.0.1:8000/ws/x/';

/** Mina's room, with a clock of the test. @param {import('node:test').TestContext} t */
function mina(t) {
  const time = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina' });
  t.after(() => room.close());
  let seq = 10;
  socket().greets({ seq, members: MEMBERS, state: STATE });
  socket().said();
  /** @param {number} by @param {object} change */
  const happens = (by, change) => socket().hears({ event: { seq: ++seq, by, change, expires_at: 0 } });
  const begins = (number = 3, more = {}) => {
    const drawing = { number, name: 'Jun', candidates: [1], commitment, next_commitment: commitment, ...more };
    happens(2, { drawing });
  };
  const contributes = (/** @type {number} */ by, value = 'a'.repeat(64)) => happens(by, { contributed: { name: 'x', value } });
  /** Acknowledges the commands that were sent. */
  const acks = (/** @type {any[]} */ said) => said.forEach(({ id }) => socket().hears({ ack: { id, seq } }));
  const ends = () => happens(1, { decided: { how: 'draw', name: 'Jun', winner: 1, secret: 'b'.repeat(64) } });
  return { room, time, begins, contributes, acks, ends };
}

test('when a draw begins it contributes once, something new, and remembers it', (t) => {
  const { room, begins, contributes, acks, ends } = mina(t);
  const contribution = () => room.contribution;
  assert.equal(contribution(), null);
  begins();
  const said = socket().said();
  const value = contribution()?.value ?? '';
  assert.match(value, /^[0-9a-f]{64}$/);
  assert.deepEqual(contribution(), { draw: 3, member: 1, value, commitment });
  assert.deepEqual(said, [{ id: 1, contribute: { draw: 3, value } }]);
  contributes(1, value);
  acks(said);
  assert.deepEqual(socket().said(), []);
  ends();
  assert.equal(room.view.state?.decision?.by, 2);
  const { draw } = room.view.state?.decision ?? {};
  assert.ok(draw && verifyDraw(draw, room.contribution).mineCounted);
});

test('it ends a draw at once when everybody who is there contributed, and once', (t) => {
  const { begins, contributes, acks, ends, time } = mina(t);
  begins();
  acks(socket().said());
  contributes(1);
  assert.deepEqual(socket().said(), []);
  contributes(2);
  const said = socket().said();
  assert.deepEqual(said, [{ id: 2, reveal: { draw: 3 } }]);
  acks(said);
  ends();
  time.pass(10_000);
  assert.deepEqual(socket().said().filter((command) => command.reveal), []);
});

test('it waits 3 s for who does not contribute, and tries again while the draw is there', (t) => {
  const { begins, contributes, acks, time } = mina(t);
  begins();
  acks(socket().said());
  contributes(1);
  time.pass(2_900);
  assert.deepEqual(socket().said(), []);
  time.pass(200);
  const said = socket().said();
  assert.deepEqual(said, [{ id: 2, reveal: { draw: 3 } }]);
  // Without an answer it is still under way.
  time.pass(3_000);
  assert.deepEqual(socket().said(), []);
  socket().hears({ error: { id: 2, code: 'no_contribution', message: '' } });
  time.pass(3_000);
  assert.deepEqual(socket().said(), [{ id: 3, reveal: { draw: 3 } }]);
});

test('a draw that the server ends is contributed to, and never ended from here', (t) => {
  const { begins, contributes, acks, ends, time, room } = mina(t);
  begins(3, { ends_at: Date.now() + 5_000 });
  const said = socket().said();
  assert.deepEqual(Object.keys(said[0]), ['id', 'contribute']);
  acks(said);
  contributes(1);
  contributes(2);
  time.pass(10_000);
  assert.deepEqual(socket().said(), []);
  ends();
  assert.deepEqual(Object.keys(room.view.state?.decision?.draw ?? {}).sort(), ['candidates', 'commitment', 'contributions', 'number', 'secret']);
  // The next one is a member's again.
  begins(4);
  acks(socket().said());
  contributes(1);
  contributes(2);
  assert.deepEqual(socket().said().map(({ reveal }) => reveal), [{ draw: 4 }]);
});

test('who added nothing to a draw is awaited in the next as everybody is', (t) => {
  const { begins, contributes, acks, ends, time } = mina(t);
  begins();
  acks(socket().said());
  contributes(1);
  time.pass(3_100);
  acks(socket().said());
  ends();
  begins(4);
  acks(socket().said());
  contributes(1);
  assert.deepEqual(socket().said(), [], 'Jun may contribute this time');
  contributes(2);
  assert.deepEqual(socket().said(), [{ id: 4, reveal: { draw: 4 } }]);
});

test('it takes part in a draw that it comes into, first or again', (t) => {
  const { room, begins, acks, time } = mina(t);
  const drawing = { ...DRAWING, number: 3, commitment, contributions: [] };
  begins();
  // The connection drops before the answer: the same value is sent again, and no other.
  const [contribute] = socket().said();
  socket().ends(1006);
  room.retryNow();
  socket().greets({ seq: 20, members: MEMBERS, state: { ...STATE, drawing } });
  const again = socket().said().filter((said) => !said.resume);
  assert.deepEqual(again, [contribute]);
  acks(again);
  assert.deepEqual(socket().said(), []);
  time.pass(3_000);
  assert.deepEqual(socket().said(), [{ id: 2, reveal: { draw: 3 } }]);
});

test('what is not sent yet when the seat is lost is what the new member contributes', (t) => {
  const { room, begins } = mina(t);
  // More than is sent at once.
  for (let n = 0; n < 12; n++) room.add('x').catch(() => {});
  begins();
  socket().said();
  const value = room.contribution?.value;
  socket().ends(4401);
  room.retryNow();
  const drawing = { ...DRAWING, number: 3, commitment, contributions: [] };
  const members = [{ id: 30, name: 'Mina', colour: 0, away: false }];
  socket().greets({ you: 30, seq: 30, members, state: { ...STATE, drawing } });
  const contributed = socket().said().flatMap((said) => said.contribute ?? []);
  assert.deepEqual(contributed, [{ draw: 3, value }]);
  assert.equal(room.contribution?.value, value);
});

test('it contributes to no draw before it knows all that happened', (t) => {
  const { room, begins } = mina(t);
  socket().ends(1006);
  room.retryNow();
  socket().opens();
  socket().hears(resumed());
  socket().said();
  begins();
  assert.deepEqual(socket().said(), []);
  socket().hears({ event: { seq: 12, back: { member: 1 }, expires_at: 0 } });
  assert.deepEqual(socket().said().map((said) => said.contribute?.draw), [3]);
});

test('whoever lost the seat contributes as the new member', (t) => {
  const { room, begins, acks } = mina(t);
  begins();
  acks(socket().said());
  const before = room.contribution;
  socket().ends(4401);
  room.retryNow();
  const drawing = { ...DRAWING, number: 3, commitment, contributions: [] };
  const members = [{ id: 30, name: 'Mina', colour: 0, away: false }];
  socket().greets({ you: 30, seq: 30, members, state: { ...STATE, drawing } });
  const [, said] = socket().said();
  assert.equal(said.contribute.draw, 3);
  assert.equal(room.contribution?.member, 30);
  assert.notEqual(room.contribution?.value, before?.value);
});

test('what the store lost is contributed again, and is no other value', (t) => {
  const { room, begins, contributes, acks } = mina(t);
  begins();
  const said = socket().said();
  const value = room.contribution?.value;
  contributes(1, value);
  acks(said);
  const drawing = { ...DRAWING, number: 3, commitment, contributions: [] };
  const contributed = (/** @type {string} */ epoch) => {
    socket().ends(1012);
    room.retryNow();
    socket().greets({ epoch, seq: 20, members: MEMBERS, state: { ...STATE, drawing } });
    const said = socket().said();
    acks(said.filter(({ id }) => id));
    return said.flatMap((one) => one.contribute ?? []);
  };
  assert.deepEqual(contributed('f'.repeat(16)), [{ draw: 3, value }]);
  assert.deepEqual(contributed('f'.repeat(16)), []);
  assert.deepEqual(contributed('e'.repeat(16)), [{ draw: 3, value }]);
});

test('what was contributed is remembered over a reload, and not contributed again', (t) => {
  const first = mina(t);
  first.begins();
  first.acks(socket().said());
  const saved = JSON.parse(JSON.stringify(first.room.saved));
  assert.deepEqual(saved.contribution, first.room.contribution);
  first.room.close();
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, saved });
  socket().greets({ members: MEMBERS, state: { ...STATE, drawing: { ...DRAWING, number: 3, contributions: [] } } });
  assert.deepEqual(socket().said().filter((said) => !said.resume), []);
  assert.deepEqual(room.contribution, saved.contribution);
  room.close();
});

test('a refusal is nobody\'s matter, and contributes to nothing else', async (t) => {
  const { room, begins, acks } = mina(t);
  begins();
  socket().said();
  socket().hears({ error: { id: 1, code: 'draw_full', message: '' } });
  acks([]);
  // Unhandled, it would end the test.
  await Promise.resolve();
  assert.deepEqual([socket().said(), room.view.status], [[], 'live']);
});
