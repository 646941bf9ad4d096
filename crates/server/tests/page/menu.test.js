import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byVotes, held, leading, rows } from '../../web/lib/view.js';

/** @type {(number: number, ...votes: number[]) => import('../../web/lib/view.js').Row} */
const item = (number, ...votes) => ({ number, votes, item: `dish ${number}`, by: 1, name: 'Mina', key: String(number), waits: false, leaves: false });
const numbers = (/** @type {{ number: number }[]} */ items) => items.map(({ number }) => number);

test('the most wanted come first, and of equal ones the first that was added', () => {
  assert.deepEqual(numbers(byVotes([item(1), item(2, 7), item(3, 7, 8), item(4, 9)])), [3, 2, 4, 1]);
});

test('a list that is touched keeps its order, and what is new comes last', () => {
  const items = [item(1), item(2, 7), item(3, 7, 8), item(9, 1, 2, 3), item(8)];
  assert.deepEqual(numbers(held(items, [1, 2, 3])), [1, 2, 3, 8, 9]);
  assert.deepEqual(numbers(held([item(1), item(3)], [3, 2, 1])), [3, 1]);
});

test('nothing leads without a vote, and all that have the most lead together', () => {
  assert.deepEqual(leading([item(1), item(2)]), []);
  assert.deepEqual(leading([]), []);
  assert.deepEqual(numbers(leading([item(1, 5), item(2), item(3, 6)])), [1, 3]);
});

test('what was not answered yet is shown as waiting, and the state itself is left alone', () => {
  const items = [item(1, 7), item(2)];
  const before = JSON.stringify(items);
  const shown = rows(
    items,
    [
      { id: 1, command: 'vote', content: { number: 1, on: false } },
      { id: 2, command: 'vote', content: { number: 2, on: true } },
      { id: 3, command: 'remove', content: { number: 2 } },
      { id: 4, command: 'add', content: { item: 'pho' } },
      { id: 5, command: 'vote', content: { number: 99, on: true } },
      { id: 6, command: 'rename', content: { name: 'x' } },
    ],
    { id: 7, name: 'Mina' },
  );
  assert.deepEqual(
    shown.map(({ item, votes, waits, leaves }) => [item, votes, waits, leaves]),
    [['dish 1', [], true, false], ['dish 2', [7], true, true], ['pho', [], true, false]],
  );
  assert.equal(JSON.stringify(items), before);
  assert.equal(new Set(shown.map(({ key }) => key)).size, 3);
});
