// How the events of a table change it, and what its commands look like.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { again, createRoom } from 'tablecast-client';
import { LunchRoom, applyMenu } from 'tablecast-client/lunch';
import { FakeWebSocket, fakes, socket } from './support/fakes.js';
import { golden } from './support/frames.js';

const URL = 'ws://127.0.0.1:8000/ws/x/';
const { decision: DRAWN } = golden('hello-later').frame.hello.state;
const { commitment, secret } = DRAWN.draw;

/** @param {number} number @param {string} item @param {...number} votes */
const dish = (number, item, ...votes) => ({ number, item, by: 1, name: 'Mina', votes });
/** @param {number} number @param {string} item @param {number} votes */
const candidate = (number, item, votes) => ({ number, item, name: 'Mina', votes });

const [PIZZA, PHO, RAMEN] = [dish(1, 'pizza', 1, 5), dish(2, 'pho', 5), dish(3, 'ramen')];
const DECISION = { number: 1, how: 'votes', by: 1, name: 'Mina', at: 100, winner: candidate(1, 'pizza', 2), draw: null };
const MENU = {
  title: null, items: [PIZZA, PHO, RAMEN], max_items: 100, next_draw: { number: 1, commitment }, drawing: null, decision: null,
  rules: { hidden_votes: false, votes_each: null }, locked: false, voted: [1, 5], removed: [], past: [],
};
const HIDDEN = { ...MENU, rules: { hidden_votes: true, votes_each: 2 } };

/**
 * The menu after changes of one member, or of the server.
 * @param {any} menu
 * @param {number | undefined} by
 * @param {...object} changes
 * @returns {any}
 */
const after = (menu, by, ...changes) =>
  // As a server sends it: without a field that is undefined.
  changes.reduce((menu, change) => applyMenu(menu, JSON.parse(JSON.stringify({ seq: 1, by, change, expires_at: 1 }))), menu);

test('a deadline is there until it is taken back, or something is decided', () => {
  const set = after(MENU, 1, { deadline: { at: 500, name: 'Mina' } });
  assert.deepEqual(set, { ...MENU, deadline: { at: 500, by: 1, name: 'Mina' } });
  assert.deepEqual(after(set, 5, { deadline: { at: null, name: 'Bo' } }), MENU);
  assert.deepEqual(after(MENU, undefined, { deadline: { at: 500 } }), { ...MENU, deadline: { at: 500 } });
  // The clock decides: by the votes.
  const winner = candidate(1, 'pizza', 2);
  const decided = after(set, undefined, { decided: { how: 'votes', winner: 1, at: 500, deadline: true } });
  assert.deepEqual(decided, { ...MENU, decision: { number: 1, how: 'votes', at: 500, deadline: true, winner, draw: null } });
});

test('a draw of the clock has nobody who began it, and says when it ends', () => {
  const began = { number: 1, candidates: [1, 2], commitment, next_commitment: secret, ends_at: 5_500 };
  const candidates = [candidate(1, 'pizza', 2), candidate(2, 'pho', 1)];
  const drawing = after({ ...MENU, deadline: { at: 500 } }, undefined, { drawing: began });
  assert.deepEqual(drawing, {
    ...MENU,
    deadline: { at: 500 },
    next_draw: { number: 2, commitment: secret },
    drawing: { number: 1, commitment, candidates, contributions: [], ends_at: 5_500 },
  });
  const decided = after(drawing, undefined, { decided: { how: 'draw', winner: 2, secret, at: 5_500, deadline: true } });
  const draw = { number: 1, commitment, secret, candidates, contributions: [] };
  const decision = { number: 1, how: 'draw', at: 5_500, deadline: true, winner: candidates[1], draw };
  assert.deepEqual(decided, { ...MENU, next_draw: { number: 2, commitment: secret }, decision });
});

test('a member\'s draw that the clock ends is the member\'s decision', () => {
  const began = { number: 1, name: 'Bo', candidates: [1, 2], commitment, next_commitment: secret };
  const drawing = after(MENU, 5, { drawing: began }, { contributed: { name: 'Bo', value: secret } });
  const { decision, drawing: over } = after(drawing, undefined, { decided: { how: 'draw', name: 'Bo', winner: 2, secret, at: 900 } });
  const { by, name, deadline, draw } = decision;
  assert.deepEqual([over, by, name, deadline], [null, 5, 'Bo', undefined]);
  assert.deepEqual(draw.contributions, [{ member: 5, name: 'Bo', value: secret }]);
});

test('a reminder, a veto and who has voted', () => {
  assert.deepEqual(after(MENU, 1, { nudged: { name: 'Mina', at: 700 } }), { ...MENU, nudged_at: 700 });
  const vetoed = after(MENU, 5, { vetoed: { number: 2, on: true } });
  assert.deepEqual(vetoed, { ...MENU, items: [PIZZA, { ...PHO, vetoes: [5] }, RAMEN] });
  const both = after(vetoed, 1, { vetoed: { number: 2, on: true } });
  assert.deepEqual(both.items[1].vetoes, [5, 1]);
  assert.deepEqual(after(after(both, 5, { vetoed: { number: 2, on: false } }), 1, { vetoed: { number: 2, on: false } }), MENU);

  assert.deepEqual(after(MENU, 3, { voted: { number: 3, on: true } }).voted, [1, 3, 5]);
  // One vote less of two, and the last; a removed one counts, as long as it can be restored.
  const less = after(MENU, 5, { voted: { number: 1, on: false } });
  assert.deepEqual(less.voted, [1, 5]);
  assert.deepEqual(after(less, 5, { voted: { number: 2, on: false } }).voted, [1]);
  assert.deepEqual(after(less, 5, { removed: { number: 2 } }).voted, [1, 5]);
  const full = { ...MENU, items: [PHO, RAMEN], removed: [...Array(19).fill(RAMEN), PIZZA] };
  assert.deepEqual(after(full, 7, { removed: { number: 3 } }).voted, [5]);
});

test('of a hidden vote only that there is one is known; a decision and a draw reveal all, and so does the end of hiding', () => {
  const hidden = after(HIDDEN, 7, { voted: { hidden: true, any: true } });
  assert.deepEqual(hidden, { ...HIDDEN, voted: [1, 5, 7] });
  assert.deepEqual(after(hidden, 1, { voted: { hidden: true, any: false } }), { ...HIDDEN, voted: [5, 7] });
  const own = after(hidden, 4, { voted: { number: 3, on: true, any: true } });
  assert.deepEqual([own.items, own.voted], [[PIZZA, PHO, { ...RAMEN, votes: [4] }], [1, 4, 5, 7]]);

  const votes = [{ number: 1, votes: [5] }, { number: 2, votes: [] }, { number: 3, votes: [1, 7] }];
  const shown = [dish(1, 'pizza', 5), dish(2, 'pho'), dish(3, 'ramen', 1, 7)];
  const decided = after(own, 1, { decided: { how: 'votes', name: 'Mina', winner: 3, at: 800, votes } });
  assert.deepEqual([decided.items, decided.decision.winner], [shown, candidate(3, 'ramen', 2)]);
  const began = { number: 1, name: 'Bo', candidates: [1, 3], commitment, next_commitment: secret, votes };
  const { items, drawing } = after(own, 5, { drawing: began });
  assert.deepEqual([items, drawing.candidates], [shown, [candidate(1, 'pizza', 1), candidate(3, 'ramen', 2)]]);
  const ruled = after(own, 5, { ruled: { hidden_votes: false, votes_each: null, name: 'Bo', votes } });
  assert.deepEqual([ruled.items, ruled.rules], [shown, MENU.rules]);
  assert.deepEqual(after(MENU, 5, { ruled: { hidden_votes: true, votes_each: 2, name: 'Bo' } }), HIDDEN);
});

test('what was removed is kept, 20 at most, and comes back with one\'s own votes', () => {
  const removed = after(MENU, 5, { removed: { number: 1 } }, { removed: { number: 2 } });
  assert.deepEqual(removed, { ...MENU, items: [RAMEN], removed: [PHO, PIZZA] });
  assert.deepEqual(after(removed, 5, { restored: PIZZA }), { ...MENU, items: [PIZZA, RAMEN], removed: [PHO] });
  assert.deepEqual(after(MENU, 5, { removed: { number: 9 } }), MENU);
  const many = Array.from({ length: 20 }, (_, n) => dish(100 + n, 'x'));
  const kept = after({ ...MENU, removed: many }, 5, { removed: { number: 3 } }).removed;
  assert.deepEqual(kept, [RAMEN, ...many.slice(0, 19)]);

  // Nobody else sees that Mina votes for it.
  const own = { ...PHO, votes: [5, 1] };
  const gone = after({ ...HIDDEN, items: [PIZZA, own, RAMEN] }, 5, { removed: { number: 2 } });
  assert.deepEqual(after(gone, 5, { restored: PHO }).items, [PIZZA, own, RAMEN]);
  // All was revealed meanwhile.
  const votes = [{ number: 2, votes: [1, 5] }];
  const open = after(gone, 5, { ruled: { hidden_votes: false, votes_each: null, name: 'Bo', votes } });
  assert.deepEqual(open.removed, [{ ...PHO, votes: [1, 5] }]);
  // More than is known here.
  assert.deepEqual(after(HIDDEN, 5, { restored: dish(9, 'udon') }).items.at(-1), dish(9, 'udon'));
});

test('votes for what was removed are taken back before anybody has more than the rules allow', () => {
  const rules = { hidden_votes: false, votes_each: 2 };
  const menu = { ...MENU, rules, items: [RAMEN, dish(4, 'udon', 5)], removed: [PHO, PIZZA] };
  const one = after(menu, 5, { voted: { number: 3, on: true } });
  assert.deepEqual([one.items[0].votes, one.removed], [[5], [dish(2, 'pho'), dish(1, 'pizza', 1)]]);
  const two = after({ ...menu, items: [RAMEN] }, 5, { voted: { number: 3, on: true } });
  assert.deepEqual(two.removed, [PHO, dish(1, 'pizza', 1)]);
  // Somebody else's hidden vote says nothing of where their others were.
  assert.deepEqual(after(menu, 5, { voted: { hidden: true, any: true } }).removed, menu.removed);
  const less = after(menu, 1, { ruled: { hidden_votes: false, votes_each: 1, name: 'Mina' } });
  assert.deepEqual(less.removed, [dish(2, 'pho'), dish(1, 'pizza')]);
  const hidden = after({ ...menu, voted: [1, 5] }, 1, { ruled: { hidden_votes: true, votes_each: 1, name: 'Mina' } });
  assert.deepEqual(hidden.voted, [5]);
  assert.deepEqual(after(menu, 1, { ruled: { hidden_votes: false, votes_each: null, name: 'Mina' } }).removed, menu.removed);
});

test('what a server of before these rules decided has no number, and is not kept', () => {
  const old = after(MENU, 1, { decided: { how: 'votes', name: 'Mina', winner: 1 } });
  const { number, at, ...decision } = DECISION;
  assert.deepEqual(old, { ...MENU, decision });
  const { decision: next, past } = after(old, 1, { decided: { how: 'votes', name: 'Mina', winner: 1, at: 100 } });
  assert.deepEqual([next, past], [DECISION, []]);
});

test('a host, a lock, and a host who has left', () => {
  const hosted = after(MENU, 1, { hosted: { member: 5, name: 'Mina' } });
  assert.deepEqual(hosted, { ...MENU, host: 5 });
  const locked = after(hosted, 5, { locked: { on: true, name: 'Bo' } });
  assert.deepEqual(locked, { ...MENU, host: 5, locked: true });
  assert.deepEqual(after(locked, 5, { hosted: { member: 1, name: 'Bo' } }), { ...MENU, host: 1, locked: true });
  assert.deepEqual(after(locked, undefined, { hosted: {} }), MENU);
  assert.deepEqual(after(locked, 5, { locked: { on: false, name: 'Bo' } }), hosted);
  assert.deepEqual(after(locked, 5, { dismissed: { member: 7, name: 'Bo' } }), locked);
});

test('whoever was asked to leave has no say any more', () => {
  /** @param {number} number */
  const say = (number) => [{ voted: { number, on: true } }, { vetoed: { number, on: true } }];
  for (const menu of [MENU, after(HIDDEN, 5, { voted: { hidden: true, any: true } })]) {
    const others = after(menu, 5, ...say(1));
    const removed = after(others, 5, { removed: { number: 2 } });
    const cleared = { cleared: { member: 7 } };
    const said = after(others, 7, ...say(1), ...say(2), { voted: { hidden: true, any: true } });
    assert.deepEqual(after(said, undefined, cleared), others);
    assert.deepEqual(after(said, 5, { removed: { number: 2 } }, cleared), removed);
  }
});

test('earlier decisions are kept, 5 at most, and one of them can be the decision again', () => {
  const decide = (/** @type {number} */ at) => ({ decided: { how: 'votes', name: 'Mina', winner: 1, at } });
  const seven = after(MENU, 1, ...[100, 200, 300, 400, 500, 600, 700].map(decide));
  /** @param {any} menu */
  const numbers = ({ decision, past }) => [decision.number, ...past.map((/** @type {any} */ { number }) => number)];
  assert.deepEqual(numbers(seven), [7, 6, 5, 4, 3, 2]);
  assert.deepEqual(seven.decision, { ...DECISION, number: 7, at: 700 });
  const third = after(seven, 5, { reinstated: { decision: 3, name: 'Bo', at: 800 } });
  assert.deepEqual(numbers(third), [3, 7, 6, 5, 4, 2]);
  assert.deepEqual(third.decision, { ...DECISION, number: 3, at: 300 });
  assert.deepEqual(numbers(after(third, 1, decide(900))), [8, 3, 7, 6, 5, 4]);
  assert.deepEqual(after(seven, 5, { reinstated: { decision: 1, name: 'Bo', at: 800 } }), seven);
});

test('a server of before these rules leaves them out', () => {
  const { title, items, max_items, next_draw, drawing, decision } = MENU;
  const before = { title, items, max_items, next_draw, drawing, decision };
  assert.deepEqual(after(before, 7, { voted: { number: 3, on: true } }).items[2].votes, [7]);
  assert.deepEqual(after(before, 7, { removed: { number: 3 } }).removed, [RAMEN]);
});

for (const unknown of [{ priced: {} }, { constructor: {} }, { __proto__: null, toString: {} }, {}]) {
  test(`an event that it does not know has no result: ${Object.keys(unknown)}`, () => assert.equal(after(MENU, 1, unknown), undefined));
}

test('each method says its command as described', (t) => {
  const { pass } = fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  socket().greets();
  socket().said();
  /** @type {[said: Promise<number>, command: object][]} */
  const commands = [
    [room.decideIn(90_000), { deadline: { in_ms: 90_000 } }],
    [room.setDeadline(null), { deadline: { at: null } }],
    [room.nudge(), { nudge: {} }],
    [room.veto(2), { veto: { number: 2, on: true } }],
    [room.veto('pho'), { veto: { item: 'pho', on: true } }],
    [room.unveto(2), { veto: { number: 2, on: false } }],
    [room.setRules({ hiddenVotes: true }), { rules: { hidden_votes: true } }],
    [room.setRules({ votesEach: null }), { rules: { votes_each: null } }],
    [room.setRules({ hiddenVotes: false, votesEach: 3 }), { rules: { hidden_votes: false, votes_each: 3 } }],
    [room.lock(), { lock: { on: true } }],
    [room.unlock(), { lock: { on: false } }],
    [room.makeHost(5), { host: { member: 5 } }],
    [room.dismiss(5), { dismiss: { member: 5 } }],
    [room.reinstate(3), { reinstate: { decision: 3 } }],
  ];
  for (const [said] of commands) said.catch(() => {});
  // As fast as the server allows.
  pass(2_000);
  assert.deepEqual(socket().said().map(({ id, ...command }) => command), commands.map(([, command]) => command));
});

test('a deadline is a time of this device\'s clock, and goes by the server\'s', (t) => {
  fakes(t);
  const room = new LunchRoom(URL, { WebSocket: FakeWebSocket });
  t.after(() => room.close());
  // The server's clock is 7 s ahead.
  socket().greets({ now: Date.now() + 7_000 });
  socket().said();
  const at = Date.now() + 60_000;
  room.setDeadline(at).catch(() => {});
  const [{ deadline }] = socket().said();
  assert.deepEqual(deadline, { at: at + 7_000 });
  assert.equal(room.localTime(deadline.at), at);
});

test('a room is made with its rules, and has one successor', async (t) => {
  /** @type {[url: string, body: unknown][]} */
  const asked = [];
  t.mock.method(globalThis, 'fetch', async (/** @type {URL} */ url, /** @type {RequestInit} */ { body }) => {
    asked.push([url.href, JSON.parse(String(body))]);
    return new Response('{"id":"new"}', { status: 201 });
  });
  const base = 'https://lunch.example/lunch/';
  await createRoom(base);
  await createRoom(base, { title: 'Friday', minutes: 180, person: 'key', decideIn: 20, hiddenVotes: true, votesEach: 3 });
  await createRoom(base, { decideAt: 7, votesEach: null });
  const next = await again(base, 'o/d', { person: 'key' });
  await again(base, 'old');
  await again(base, 'old', { title: null, menu: [dish(1, 'pizza', 5)] });
  const session = `${base}session/`;
  assert.deepEqual(asked, [
    [session, {}],
    [session, { title: 'Friday', minutes: 180, person: 'key', decide_in: 20, hidden_votes: true, votes_each: 3 }],
    [session, { decide_at: 7, votes_each: null }],
    [`${session}o%2Fd/again`, { person: 'key' }],
    [`${session}old/again`, {}],
    [`${session}old/again`, { title: null, menu: [{ item: 'pizza', name: dish(1, 'pizza').name }] }],
  ]);
  assert.deepEqual([next.url, next.page], ['wss://lunch.example/lunch/ws/new/', `${base}r/new`]);
});
