// The published package.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../', import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(new URL(path, ROOT), 'utf8');

test('the package holds what it needs and nothing else', () => {
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: ROOT, encoding: 'utf8' });
  const [{ files }] = JSON.parse(packed);
  const names = files.map((/** @type {{ path: string }} */ { path }) => path).sort();
  const sources = readdirSync(new URL('src', ROOT));
  const expected = [
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'README.md',
    'package.json',
    ...sources.filter((file) => file.endsWith('.js')).map((file) => `src/${file}`),
    // Generated while packing, one for each source.
    ...sources.map((file) => `types/${file.replace(/\.[jt]s$/, '.d.ts')}`),
  ];
  assert.deepEqual(names, expected.sort());
});

test('it has no dependencies, and its lock file names no registry', () => {
  assert.equal(JSON.parse(read('package.json')).dependencies, undefined);
  assert.doesNotMatch(read('package-lock.json'), /"resolved"/);
});

test('a browser loads it as it is: every import leads to a file beside it', () => {
  const files = readdirSync(new URL('src', ROOT)).filter((file) => file.endsWith('.js'));
  for (const file of files) {
    const code = read(`src/${file}`).replace(/\/\*[^]*?\*\//g, '');
    for (const [, target] of code.matchAll(/\bfrom '([^']+)'/g)) {
      assert.ok(files.includes(target?.replace('./', '') ?? ''), `${file} imports ${target}`);
    }
  }
});

test('the first examples of the README are checked', () => {
  const examples = [...read('README.md').matchAll(/```js\n([^]*?)```/g)].map(([, example]) => example);
  const checked = ['test/example.js', 'test/example-page.js'].map((file) => read(file).split('// ---\n')[1]);
  assert.deepEqual(examples.slice(0, 2), checked);
  assert.ok((checked[0]?.trim().split('\n').length ?? 0) <= 10);
});
