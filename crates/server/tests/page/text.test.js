import assert from 'node:assert/strict';
import { test } from 'node:test';

import { suggestions, withUsed } from '../../web/lib/remember.js';
import { clock, fold, initial, link, particle, towards, untilTonight } from '../../web/lib/text.js';

test('a time left is a clock that never goes below zero', () => {
  for (const [ms, shown] of /** @type {[number, string][]} */ ([[0, '0:00'], [-5000, '0:00'], [1, '0:01'], [59_001, '1:00'], [60_000, '1:00'], [723_000, '12:03'], [3_723_000, '1:02:03']])) {
    assert.equal(clock(ms), shown);
  }
});

test('what people take for the same is the same: NFC, case, blanks and what cannot be seen apart', () => {
  assert.equal(fold('김치찌개'.normalize('NFD')), fold('김치찌개'));
  assert.equal(fold('  Fish \t and CHIPS '), fold('fish and chips'));
  for (const unseen of ['\u200B', '\u00AD', '\u2060', '\uFFFC', '\u2800']) assert.equal(fold(`pizza${unseen}`), fold('pizza'));
  assert.notEqual(fold('냉면'), fold('온면'));
});

test('a disc has one character, as people count them', () => {
  assert.equal(initial('민아'), '민');
  assert.equal(initial('민아'.normalize('NFD')).normalize('NFC'), '민');
  assert.equal(initial('👨‍👩‍👧 family'), '👨‍👩‍👧');
  assert.equal(initial(' juno'), 'J');
  assert.equal(initial(`a${'\u0301'.repeat(250)}b`), 'A\u0301\u0301');
  assert.equal(initial('1️⃣'), '1️⃣');
  assert.equal(initial(''), '?');
});

test('Korean particles follow the last sound', () => {
  assert.equal(particle('라면', '을', '를'), '을');
  assert.equal(particle('김치찌개', '을', '를'), '를');
  assert.equal(particle('냉면'.normalize('NFD'), '을', '를'), '을');
  assert.equal(particle('손님 3', '이', '가'), '이');
  assert.equal(particle('손님 2', '이', '가'), '가');
  assert.equal(particle('pizza', '을', '를'), '를');
  assert.equal(particle('', '을', '를'), '를');
  assert.deepEqual(['비빔밥', '칼국수', '쌀', 'pho'].map(towards), ['비빔밥으로', '칼국수로', '쌀로', 'pho로']);
});

test('digits and Latin letters end as they are said, and what is not said does not count', () => {
  for (const [words, closed] of /** @type {const} */ ([
    ['0 1 3 6 7 8 10 100 7-Eleven Ramen BLT(Ham) Noodle-Bowl KFM dumpling Dumpling!! 김밥(참치맛) 라면🍜 국밥. 냉면~', true],
    ['2 4 5 9 pizza Pho Burger BBQ KFC 밥(대) 피자🍕 우유. ㅠㅠ 🍜 ... Ω 寿司', false],
  ])) {
    for (const word of words.split(' ')) assert.equal(particle(word, '을', '를'), closed ? '을' : '를', word);
  }
  assert.deepEqual(['1', '7', '8', 'Seoul', '쌀(물)'].map(towards), ['1로', '7로', '8로', 'Seoul로', '쌀(물)로']);
  assert.deepEqual(['3', '10', 'Ramen', '면!'].map(towards), ['3으로', '10으로', 'Ramen으로', '면!으로']);
});

test('suggested is what was used and is not there, and first what begins like that', () => {
  const used = ['Beef pho', 'Pho', '김치찌개', 'Ramen'];
  assert.deepEqual(suggestions(used, [], '', 3), ['Beef pho', 'Pho', '김치찌개']);
  assert.deepEqual(suggestions(used, [], 'pHO ', 9), ['Beef pho']);
  assert.deepEqual(suggestions(used, [], 'p', 9), ['Pho', 'Beef pho']);
  assert.deepEqual(suggestions(used, [{ item: '김치찌개'.normalize('NFD') }], '', 9), ['Beef pho', 'Pho', 'Ramen']);
});

test('what is used again is remembered once, and not without end', () => {
  assert.deepEqual(withUsed(['a', 'B', 'c'], 'b'), ['b', 'a', 'c']);
  let used = /** @type {string[]} */ ([]);
  for (let n = 0; n < 200; n++) used = withUsed(used, `dish ${n}`);
  assert.equal(used.length, 60);
  assert.equal(used[0], 'dish 199');
});

test('names of properties are words like others', () => {
  const words = ['__proto__', 'constructor', 'toString'];
  assert.deepEqual(suggestions(words, [{ item: '__PROTO__' }], '', 9), ['constructor', 'toString']);
  assert.deepEqual(withUsed(words, 'hasOwnProperty'), ['hasOwnProperty', ...words]);
});

test('until tonight is until midnight, never shorter than a table stays anyway, and never longer than it may', () => {
  assert.equal(untilTonight(new Date(2026, 5, 1, 12, 0), 180), 12 * 60);
  assert.equal(untilTonight(new Date(2026, 5, 1, 11, 59, 30), 180), 12 * 60 + 1);
  assert.equal(untilTonight(new Date(2026, 5, 1, 0, 0), 180), 24 * 60);
  assert.equal(untilTonight(new Date(2026, 5, 1, 23, 50), 180), 180);
});

test('an address in a dish is shown by its host, and only http and https are followed', () => {
  for (const [text, href, shown] of [
    ['https://naver.me/x1', 'https://naver.me/x1', 'naver.me'],
    ['김밥천국 HTTP://map.example:8080/a?b#c (2층)', 'http://map.example:8080/a?b#c', '김밥천국 map.example:8080 (2층)'],
    ['(see https://a.example/b).', 'https://a.example/b', '(see a.example).'],
    // Who it says it is does not matter, only where it leads.
    ['https://naver.com@evil.example/', 'https://naver.com@evil.example/', 'evil.example'],
    ['https://$&.example/', 'https://$&.example/', '$&.example'],
  ]) {
    assert.equal(link(/** @type {string} */ (text))?.href, href);
    assert.equal(link(/** @type {string} */ (text))?.text ?? text, shown);
  }
  for (const text of ['Pho', 'javascript:alert(1)', 'data:text/html,x', 'ftp://a.example/', 'xhttps://a.example', 'https://', 'http:/a', 'file:///etc/passwd', 'javascript://%0aalert(1)//']) {
    assert.equal(link(text), null, text);
  }
});
