// What only the sender may see of a command comes with its answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LunchRoom } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { golden } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const { hello: HELLO } = golden('hello').frame;
const items = ['pizza', 'pho'].map((item, at) => ({ number: at + 1, item, by: 1, name: 'Mina', votes: [] }));
const STATE = {
  ...HELLO.state, items, rules: { hidden_votes: true, votes_each: null }, locked: false, voted: [], removed: [], past: [],
};

/** Mina in a room with hidden votes. @param {import('node:test').TestContext} t */
function mina(t) {
  const world = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket, name: 'Mina' });
  t.after(() => room.close());
  socket().greets({ state: STATE });
  socket().said();
  /** @type {unknown[]} */
  const changes = [];
  room.listen('change', ({ by, change }) => changes.push([by, change]));
  const votes = () => room.view.state?.items.map(({ votes }) => votes);
  return { room, changes, votes, ...world };
}

/** @param {number} seq @param {number} by @param {object} voted */
const voted = (seq, by, voted) => socket().hears({ event: { seq, by, change: { voted }, expires_at: HELLO.expires_at } });
const HIDDEN = { hidden: true, any: true };

test('one\'s own hidden vote is applied and reported as it is, that of others is not known', async (t) => {
  const { room, changes, votes } = mina(t);
  const answer = room.vote(2);
  socket().hears({ ack: { id: 1, seq: 2, own: [{ voted: { number: 2, on: true, any: true } }] } });
  assert.deepEqual(votes(), [[], []], 'an answer is no event');
  voted(2, 1, HIDDEN);
  voted(3, 5, HIDDEN);
  assert.equal(await answer, 2);
  assert.deepEqual(votes(), [[], [1]]);
  assert.deepEqual(room.view.state?.voted, [1, 5]);
  assert.deepEqual(changes, [[1, { voted: { number: 2, on: true, any: true } }], [5, { voted: HIDDEN }]]);
});

test('several answers may come before their events, and one may have several', (t) => {
  const { room, votes } = mina(t);
  void room.vote(1);
  void room.send('both');
  socket().hears({ ack: { id: 1, seq: 3, own: [{ voted: { number: 1, on: true, any: true } }] } });
  socket().hears({ ack: { id: 2, seq: 5, own: [{ voted: { number: 1, on: false, any: false } }, { voted: { number: 2, on: true, any: true } }] } });
  voted(2, 5, HIDDEN);
  voted(3, 1, HIDDEN);
  assert.deepEqual(votes(), [[1], []]);
  voted(4, 1, { hidden: true, any: false });
  voted(5, 1, HIDDEN);
  voted(6, 1, { hidden: true, any: false });
  assert.deepEqual(votes(), [[], [1]], 'what is not known of one\'s own vote is not guessed');
  assert.deepEqual(room.view.state?.voted, [5]);
});

test('what came with an answer is forgotten with a whole state, which has it', (t) => {
  const { room, votes, pass } = mina(t);
  void room.vote(2);
  socket().hears({ ack: { id: 1, seq: 2, own: [{ voted: { number: 2, on: true, any: true } }] } });
  socket().ends(1006);
  pass(250);
  const [pizza, pho] = items;
  socket().greets({ seq: 3, epoch: 'e'.repeat(16), state: { ...STATE, items: [pizza, { ...pho, votes: [1] }], voted: [1] } });
  assert.deepEqual(votes(), [[], [1]]);
  const { snapshot } = golden('snapshot').frame;
  socket().hears({ ack: { id: 1, seq: 4, own: [{ voted: { number: 2, on: true, any: true } }] } });
  socket().hears({ snapshot: { ...snapshot, seq: 3, state: STATE } });
  voted(4, 5, HIDDEN);
  assert.deepEqual(votes(), [[], []]);
});
