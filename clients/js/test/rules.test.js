// A table with all its rules, and what each of its members knows of it from the events that they may see: always what
// the server would show them. A seed that fails once fails always.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyMenu } from 'tablecast-client/lunch';
import { generator } from './support/random.js';
import { Table } from './support/table.js';

const SEEDS = process.env['SEED'] ? [Number(process.env['SEED'])] : Array.from({ length: 40 }, (_, n) => n);
const STEPS = 500;

/** Three members, and who watches. */
const VIEWERS = [1, 2, 3, null];

/** While votes are hidden, the order of a list is not the same for all. @param {any} state */
const compared = (state) => {
  const sorted = (/** @type {any} */ dish) => ({ ...dish, votes: [...dish.votes].sort((a, b) => a - b) });
  return { ...state, items: state.items.map(sorted), removed: state.removed.map(sorted) };
};

for (const seed of SEEDS) {
  test(`after each event everybody knows what they may see: SEED=${seed}`, () => {
    const random = generator(seed);
    const table = new Table();
    /** @type {any[]} */
    const known = VIEWERS.map((viewer) => table.view(viewer));
    for (let step = 0; step < STEPS; step++) {
      table.now += 1_000;
      const by = 1 + random(3);
      const items = [...table.items, ...table.removed];
      const { number = 0 } = items[random(items.length || 1)] ?? {};
      const ofMembers = [
        () => table.add(by, `dish ${step}`),
        () => table.remove(number),
        () => table.restore(number),
        () => table.vote(by, number),
        () => table.vote(by, number),
        () => table.vote(by, number),
        () => table.veto(by, number),
        () => table.rule(by, random(4) > 0, random(3) || null),
        () => table.contribute(by),
        () => table.lock(by, random(2) > 0),
        () => table.reinstate(by, random(5)),
        () => table.nudge(by),
      ];
      // Also of the server, or its clock.
      const anybody = random(2) ? by : undefined;
      const ofAnybody = [
        () => table.settle(anybody, random(3) ? 'votes' : 'draw'),
        () => table.drawing && table.end(random(100)),
        () => table.make(anybody, [1, 2, 3, undefined][random(4)]),
        () => table.until(anybody, random(3) ? table.now + 60_000 : null),
      ];
      const which = random(ofMembers.length + ofAnybody.length);
      const [sender, act] = which < ofMembers.length ? [by, ofMembers[which]] : [anybody, ofAnybody[which - ofMembers.length]];
      const said = act?.();
      if (!said) continue;
      for (const [at, viewer] of VIEWERS.entries()) {
        const change = 'own' in said ? (viewer === by ? said.own : said.others) : said;
        const event = { seq: step, by: sender, change, expires_at: 1 };
        // A whole state now and then, as after a reload.
        const next = random(50) ? applyMenu(known[at], JSON.parse(JSON.stringify(event))) : table.view(viewer);
        known[at] = next;
        assert.deepEqual(compared(next), compared(table.view(viewer)), `${viewer} at step ${step}: ${JSON.stringify(event)}`);
      }
    }
  });
}
