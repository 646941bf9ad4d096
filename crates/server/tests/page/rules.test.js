import assert from 'node:assert/strict';
import { test } from 'node:test';

import { candidates, isHost, isLocked, isSecret, nextTime, silent } from '../../web/lib/rules.js';

/** @import { Decision, Member, Menu } from '../../../../clients/js/src/types.js' */

/** @type {(more: Partial<Menu>) => Menu} */
const menu = (more) => ({ items: [], max_items: 100, title: null, drawing: null, decision: null, next_draw: { number: 1, commitment: '' }, rules: { hidden_votes: false, votes_each: null }, locked: false, voted: [], removed: [], past: [], ...more });
/** @type {(id: number) => Member} */
const member = (id) => ({ id, name: `m${id}`, colour: 0, away: false });

test('a time of day is the next one, today or tomorrow', () => {
  const noon = new Date(2026, 4, 4, 12, 0, 30).getTime();
  assert.equal(nextTime('12:30', noon), new Date(2026, 4, 4, 12, 30).getTime());
  assert.equal(nextTime('12:00', noon), new Date(2026, 4, 5, 12, 0).getTime());
  assert.equal(nextTime('', noon), null);
});

test('what somebody cannot eat is no candidate', () => {
  assert.deepEqual(candidates([{ vetoes: [1] }, { vetoes: [] }, {}]), [{ vetoes: [] }, {}]);
});

test('a locked menu is locked for all but the host', () => {
  const state = menu({ host: 1, locked: true });
  assert.deepEqual([1, 2].map((id) => isLocked({ state, me: member(id) })), [false, true]);
  assert.deepEqual([1, 2].map((id) => isHost({ state, me: member(id) })), [true, false]);
  assert.equal(isLocked({ state: menu({ host: 1 }), me: member(2) }), false);
  // Who watches is nobody's host.
  assert.equal(isHost({ state: menu({}), me: null }), false);
});

test('votes are a secret until it is decided, and who has voted is none', () => {
  const rules = { hidden_votes: true, votes_each: 1 };
  assert.equal(isSecret(menu({ rules })), true);
  assert.equal(isSecret(menu({ rules, decision: /** @type {Decision} */ ({}) })), false);
  assert.equal(isSecret(null), false);
  assert.deepEqual(silent({ state: menu({ voted: [2, 9] }), members: [1, 2, 3].map(member) }).map(({ id }) => id), [1, 3]);
});
