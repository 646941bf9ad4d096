import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, check } from '../check.js';
import { LONG_GRACE, plan } from '../plan.js';

/** @import { Command, Heard, History, Outcome, Shown } from '../types.js' */

const acked = (/** @type {number} */ seq) => /** @type {Outcome} */ ({ ok: true, seq });
const refused = (/** @type {string} */ code) => /** @type {Outcome} */ ({ ok: false, code });

/** @param {number} key @param {string} item @param {Outcome} [outcome] @returns {Command} */
const add = (key, item, outcome) => ({ client: 0, life: 0, key, do: 'add', item, at: 0, ...(outcome && { outcome }) });

/** @param {Partial<Shown>} more @returns {Shown} */
const shown = (more) => ({ client: 0, life: 0, at: 0, status: 'live', stale: false, store: 'up', reason: null, retryIn: null, epoch: 'a', seq: 2, pending: 0, last: true, ...more });

/** @param {number} seq @param {string} item @returns {Heard} */
const heard = (seq, item, client = 0) => ({ client, at: 0, epoch: 'a', seq, event: canonical({ by: 1, change: { added: { number: seq, item } } }) });

/** A run of one client in which nothing went wrong. @param {Partial<History>} more @returns {History} */
const history = (more) => ({
  plan: { ...plan(1, 'js'), clients: [0], doomed: false, grace: LONG_GRACE, pingInterval: 1000, tempo: 5 },
  commands: [add(0, 'c0 0', acked(2)), add(1, 'c0 1', acked(3))],
  heard: [heard(2, 'c0 0'), heard(3, 'c0 1')],
  shown: [shown({ seq: 3 })],
  excused: [],
  truths: [],
  finals: [{ client: 0, calm: true, heard: true, last: '', wrong: null }],
  crashes: [],
  starved: 0,
  starvedMost: 0,
  final: { at: 0, epoch: 'a', seq: 3, state: '', items: ['c0 0', 'c0 1'] },
  ...more,
});

/** @param {Partial<History>} more */
const kinds = (more) => [...new Set(check(history(more)).map(({ kind }) => kind))];

/** @param {string[]} items */
const final = (...items) => ({ at: 0, epoch: 'a', seq: 3, state: '', items });

test('nothing is found where nothing is wrong', () => deepEqual(kinds({}), []));

test('acknowledged and not there', () => deepEqual(kinds({ final: final('c0 1') }), ['lost']));

test('removed by somebody who was asked to is not lost', () => {
  /** @type {Command} */
  const remove = { client: 0, life: 0, key: 2, do: 'remove', of: 2, named: 'c0 0', at: 0, outcome: acked(4) };
  deepEqual(kinds({ commands: [...history({}).commands, remove], final: final('c0 1') }), []);
});

test('there twice', () => deepEqual(kinds({ final: final('c0 0', 'c0 1', 'c0 1') }), ['doubled']));

test('added twice, and taken away once', () => deepEqual(kinds({ heard: [heard(2, 'c0 0'), heard(3, 'c0 1'), heard(4, 'c0 1')] }), ['doubled']));

test('there, and nobody gave it in', () => deepEqual(kinds({ final: final('c0 0', 'c0 1', 'c0 9') }), ['doubled']));

test('in another order than given', () => {
  deepEqual(kinds({ final: final('c0 1', 'c0 0') }), ['order']);
  deepEqual(kinds({ commands: [add(0, 'c0 0', acked(3)), add(1, 'c0 1', acked(2))] }), ['order']);
});

test('never answered', () => deepEqual(kinds({ commands: [add(0, 'c0 0'), add(1, 'c0 1', acked(3))] }), ['unanswered']));

test('refused for a reason that is not true, and refused though it is there', () => {
  deepEqual(kinds({ commands: [add(0, 'c0 0', refused('outdated')), add(1, 'c0 1', acked(3))], final: final('c0 1') }), ['false-reason']);
  deepEqual(kinds({ commands: [add(0, 'c0 0', refused('outdated')), add(1, 'c0 1', acked(3))] }).length, 1);
});

test('kept over a reload and not there', () => {
  const kept = add(0, 'c0 0', { gone: true, kept: true });
  deepEqual(kinds({ commands: [kept, add(1, 'c0 1', acked(3))], final: final('c0 1') }), ['lost']);
});

test('a seat may be lost only after the grace, or with the lease of a node that got no CPU time, or was killed', () => {
  const commands = [add(0, 'c0 0', refused('unsure')), add(1, 'c0 1', acked(3))];
  deepEqual(kinds({ commands }), ['false-reason']);
  deepEqual(kinds({ commands, starved: 20_000, starvedMost: 1000 }), ['false-reason']);
  deepEqual(kinds({ commands, starvedMost: 6000 }), []);
  const away = (/** @type {number} */ end) => [shown({ seq: 3 }), shown({ seq: 3, at: 1000, status: 'offline' }), shown({ seq: 3, at: 2000, status: 'connecting' }), shown({ seq: 3, at: end })];
  const killed = (/** @type {'killNode' | 'endNode'} */ what) => ({ ...history({}).plan, outages: [{ at: 1000, for: 2000, do: what, node: 0, balanced: false }] });
  deepEqual(kinds({ commands, shown: away(11_000), plan: killed('endNode') }), ['false-reason']);
  deepEqual(kinds({ commands, shown: away(9000), plan: killed('killNode') }), ['false-reason']);
  deepEqual(kinds({ commands, shown: away(11_000), plan: killed('killNode') }), []);
  deepEqual(kinds({ commands, plan: { ...history({}).plan, grace: LONG_GRACE - 1 } }), []);
});

test('two see different events at one place, or different states', () => {
  deepEqual(kinds({ heard: [heard(2, 'c0 0'), heard(2, 'c0 1', 1)] }), ['disagree']);
  deepEqual(kinds({ shown: [shown({ state: 'x' }), shown({ state: 'y' })] }), ['disagree']);
});

test('said live, and heard nothing for longer than it may take', () => {
  const first = shown({ at: 1000, seq: 2 });
  deepEqual(kinds({ shown: [first, shown({ at: 20_000, seq: 3 })] }), ['false-live']);
  deepEqual(kinds({ shown: [first, shown({ at: 5000, seq: 3 })] }), []);
  // The whole run got no CPU time.
  deepEqual(kinds({ shown: [first, shown({ at: 20_000, seq: 3 })], starved: 20_000 }), []);
  // A frozen tab keeps showing its old state.
  deepEqual(kinds({ shown: [first, shown({ at: 20_000, seq: 3 })], excused: [{ client: 0, from: 500, to: 19_000 }] }), []);
});

test('did not come to rest, or did not hear the last change', () => {
  deepEqual(kinds({ finals: [{ client: 0, calm: false, heard: true, last: '', wrong: null }] }), ['false-status']);
  deepEqual(kinds({ finals: [{ client: 0, calm: true, heard: false, last: '', wrong: null }] }), ['false-live']);
  deepEqual(kinds({ finals: [{ client: 0, calm: true, heard: true, last: '', wrong: 'other' }] }), ['disagree']);
});

test('ended by itself', () => {
  deepEqual(kinds({ shown: [shown({ status: 'ended', reason: 'not_found' })] }), ['false-end']);
  deepEqual(kinds({ shown: [shown({ status: 'ended', reason: 'left' })] }), []);
});
