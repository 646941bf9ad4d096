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

/** What must not follow a word: it ends with a consonant, a vowel, or ㄹ. */
const WRONG = /** @type {const} */ ({ closed: '를|가|는|로|와', open: '을|이|은|으로|과', rieul: '를|가|는|으로|와' });

test('what people wrote is followed by the particle that fits, in every sentence', () => {
  const said = flat(ko).flatMap(([key, value]) => (typeof value === 'function' ? [/** @type {const} */ ([key, value])] : []));
  for (const [ends, words] of /** @type {const} */ ([['closed', ['비빔밥', '10', 'Ramen', '김밥(참치맛)']], ['open', ['국수', '2', 'pizza', '떡(대)']], ['rieul', ['쌀', '7', 'Seoul']]])) {
    for (const word of words) {
      for (const [key, value] of said) {
        const text = value(word, word, word);
        const wrong = text.split(word).slice(1).filter((/** @type {string} */ rest) => new RegExp(`^(${WRONG[ends]})(?=\\s|$)`).test(rest));
        assert.deepEqual(wrong, [], `${key}: ${text}`);
      }
    }
  }
  // The friend's name is followed by 님, the guest's by nothing.
  assert.equal(ko.said.joined('미나'), '미나 님이 들어왔어요');
  assert.deepEqual([2, 3].map((n) => ko.said.joined(ko.guest(String(n)))), ['손님 2가 들어왔어요', '손님 3이 들어왔어요']);
});

test('every colour has a name of its own', () => {
  for (const { colours } of [en, ko]) assert.equal(new Set(colours).size, 12);
});
