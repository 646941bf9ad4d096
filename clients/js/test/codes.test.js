// The client's tables are the same as those of the protocol.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CLOSE_CODES } from '../src/errors.js';

/** @param {string} path from the repository's root */
const read = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** @param {string} title */
function rows(title) {
  const section = read('docs/protocol.md').split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

test('each close code of the protocol is known, with whether to come back', () => {
  const described = rows('Close codes').map(([code, , , again]) => [code, again?.match(/^(no|soon|later)/)?.[0]]);
  const known = Object.entries(CLOSE_CODES).map(([code, [, again]]) => [code, again === 'never' ? 'no' : again]);
  assert.ok(described.length > 10);
  assert.deepEqual(known, described);
});

test('each error code is in the README', () => {
  const readme = read('clients/js/README.md');
  const codes = rows('Error codes').map(([code]) => code ?? '');
  const closes = Object.values(CLOSE_CODES).map(([code]) => `\`${code}\``);
  const own = ['`unsure`', '`disconnected`'];
  for (const code of [...codes, ...closes, ...own]) {
    assert.ok(readme.includes(`| ${code}`), `${code} is missing`);
  }
});
