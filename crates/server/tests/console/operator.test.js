// The operators' page without a page: addresses, and what is different between two states.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, place } from '../../web/admin/place.js';
import { changes, lines, nameOf } from '../../web/admin/state.js';

test('an address leads back to where it was made', () => {
  for (const [name, id, query] of /** @type {const} */ ([
    ['node', '', {}],
    ['rooms', '', { search: 'a b&c', pages: '3' }],
    ['room', '32cd8a37-d116', { at: '4' }],
    ['visits', '', { name: '김치 = 1', code: '4413' }],
  ])) deepEqual(place(addressOf(name, id, query)), { name, id, query });
  equal(addressOf('visits', '', { room: 'x', member: null, code: '', at: undefined }), '#visits?room=x');
});

test('an address that is none leads to this node', () => {
  for (const wrong of ['', '#', '#nowhere', '#nowhere/x?y=1']) equal(place(wrong).name, 'node');
  equal(place('#room').name, 'rooms');
  deepEqual(place('#room/%'), { name: 'room', id: '%', query: {} });
});

test('what changed is told by the number of an item, not by its place', () => {
  const [soup, rice, bread] = [{ number: 1, item: 'soup', votes: [7] }, { number: 2, item: 'rice', votes: [] }, { number: 3, item: '(hidden)', votes: [] }];
  const before = { title: null, items: [soup, rice], decision: null };
  deepEqual(changes(before, structuredClone(before)), []);
  const after = { title: null, items: [{ ...rice, votes: [7, 9] }, bread], decision: null };
  deepEqual(changes(before, after).map(({ path, before, after }) => [path, before, after]), [
    ['items › #1 › number', 1, undefined],
    ['items › #1 › item', 'soup', undefined],
    ['items › #1 › votes', [7], undefined],
    ['items › #2 › votes', [], [7, 9]],
    ['items › #3 › number', undefined, 3],
    ['items › #3 › item', undefined, '(hidden)'],
    ['items › #3 › votes', undefined, []],
  ]);
});

test('the first part of an empty list is new, and the list is still there', () => {
  deepEqual(changes({ items: [] }, { items: [{ number: 1, item: 'soup' }] }).map(({ path }) => path), ['items › #1 › number', 'items › #1 › item']);
});

test('a state has a line for each part', () => {
  deepEqual(lines({ a: { b: 1, c: [] }, d: [{ x: 1 }] }).map(({ path, depth, value }) => [path, depth, value]), [
    ['a', 0, undefined], ['a › b', 1, 1], ['a › c', 1, []], ['d', 0, undefined], ['d › #1', 1, undefined], ['d › #1 › x', 2, 1],
  ]);
  deepEqual(lines('(hidden)'), []);
});

test('an event is called what it does', () => {
  equal(nameOf({ seq: 3, by: 1, change: { added: { item: 'x' } }, expires_at: 5 }), 'added');
  equal(nameOf({ seq: 2, joined: { member: 2 } }), 'joined');
  equal(nameOf({ change: 'extended' }), 'extended');
  equal(nameOf(null), 'event');
});
