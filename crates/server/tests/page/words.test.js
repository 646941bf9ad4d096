import assert from 'node:assert/strict';
import { test } from 'node:test';

import { en } from '../../web/i18n/en.js';
import { ko } from '../../web/i18n/ko.js';

/** @type {(words: object, path?: string) => [string, unknown][]} */
const flat = (words, path = '') =>
  Object.entries(words).flatMap(([key, value]) =>
    typeof value === 'object' && !Array.isArray(value) ? flat(value, `${path}${key}.`) : [[path + key, value]],
  );

test('both languages have the same words, in the same order, of the same kind', () => {
  const kinds = (/** @type {object} */ words) => flat(words).map(([key, value]) => `${key}: ${Array.isArray(value) ? value.length : typeof value}`);
  assert.deepEqual(kinds(ko), kinds(en));
});

test('no word is empty, and none was left in the other language', () => {
  const same = flat(ko).filter(([key, value]) => typeof value === 'string' && value === Object.fromEntries(flat(en))[key]);
  assert.deepEqual(same, []);
  for (const [key, value] of [...flat(en), ...flat(ko)]) {
    const text = typeof value === 'function' ? value('2', '2', '2') : Array.isArray(value) ? value.join() : value;
    assert.ok(String(text).trim() && !String(text).includes('undefined'), key);
  }
});

test('every colour has a name of its own', () => {
  for (const { colours } of [en, ko]) assert.equal(new Set(colours).size, 12);
});
