// The committed types are what the sources give.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deepStrictEqual } from 'node:assert/strict';

/** @param {string} dir */
const read = (dir) => Object.fromEntries(readdirSync(dir).map((file) => [file, readFileSync(join(dir, file), 'utf8')]));

const root = new URL('../../', import.meta.url).pathname;
const fresh = mkdtempSync(join(tmpdir(), 'tablecast-types-'));
try {
  const tsc = join(root, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['--project', 'tsconfig.build.json', '--outDir', fresh], { cwd: root, stdio: 'inherit' });
  deepStrictEqual(read(join(root, 'types')), read(fresh), 'types/ is not up to date: npm run types');
} finally {
  rmSync(fresh, { recursive: true });
}
