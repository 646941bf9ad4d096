// The Autobahn suite, a client that tests WebSocket servers, against the library's example `echo`, whose program is
// named. The result is a file of the repository, so that every change of it is seen.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { AGENT, GROUPS, report } from './report.js';

/** The suite's name on PyPI. It needs Python 2.7. */
const SUITE = 'autobahntestsuite';
const VERSION = '25.10.1';
const IMPORT = `from ${SUITE} import wstest`;

/**
 * Prints which Python is a 2.7 with pip: the one on the PATH, or one that pyenv has installed, whose own `python2.7`
 * works only where somebody has switched it on.
 */
const PYTHON = `
for python in python2.7 "$0"/versions/*/bin/python2.7; do
    "$python" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))' && echo "$python" && exit
done 2>/dev/null
exit 1`;

const RESULT = 'docs/autobahn.md';

/** The largest messages of the suite have 16 MiB. Others of 4 MiB come in frames of 64 bytes and one empty frame. */
const ECHO = '--listen 127.0.0.1:0 --message-bytes 16777216 --message-fragments 65537';

const TITLE = `# The Autobahn suite

The [Autobahn suite](https://github.com/crossbario/autobahn-testsuite) ${VERSION} against the library's example \`echo\`,
started with \`${ECHO}\`. Written by:

\`\`\`sh
cargo xtask autobahn
\`\`\`
`;

/** A Python that has the suite, as a function that calls it. */
function suite() {
  const pyenv = process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv');
  let python = '';
  try {
    python = execFileSync('sh', ['-c', PYTHON, pyenv], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error(
      'the Autobahn suite needs Python 2.7 with pip, as `python2.7` on the PATH or in pyenv; `pyenv install 2.7.18` installs it',
    );
  }
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  // A user's folder of packages and no virtual environment: Python 2.7 comes without the module for those.
  const env = { ...process.env, PYTHONUSERBASE: join(cache, 'tablecast', `${SUITE}-${VERSION}`) };
  /** @param {string[]} args @param {'inherit' | 'ignore'} stdio */
  const call = (args, stdio = 'inherit') => execFileSync(python, args, { env, stdio });
  try {
    call(['-c', IMPORT], 'ignore');
  } catch {
    call(['-m', 'pip', 'install', '--quiet', '--user', '--no-warn-script-location', `${SUITE}==${VERSION}`]);
    call(['-c', IMPORT]);
  }
  return call;
}

/** Starts the example on a free port. @param {string} program @returns its address, and how to end it */
async function start(program) {
  const echo = spawn(program, ECHO.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => echo.kill('SIGKILL'));
  const lines = createInterface(echo.stderr);
  const [line = 'it says nothing'] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  const address = /^listening on (.+)$/.exec(line)?.[1];
  if (address === undefined) throw new Error(`${program} does not listen: ${line}`);
  return { address, end: () => echo.kill() };
}

process.on('uncaughtException', (error) => {
  console.error(`error: ${error.message}`);
  process.exit(1);
});
const [program] = process.argv.slice(2);
if (program === undefined) throw new Error('usage: cargo xtask autobahn');
const python = suite();
const folder = join(dirname(program), 'autobahn');
mkdirSync(folder, { recursive: true });
const echo = await start(program);
const spec = join(folder, 'spec.json');
const cases = [...GROUPS.keys()].map((group) => `${group}.*`);
const servers = [{ agent: AGENT, url: `ws://${echo.address}/` }];
const all = { outdir: folder, servers, cases, 'exclude-cases': [], 'exclude-agent-cases': {} };
writeFileSync(spec, JSON.stringify(all));
python(['-c', `${IMPORT}; wstest.run()`, '--mode=fuzzingclient', '--spec', spec]);
echo.end();
console.log(`what was said in each case: ${join(folder, 'index.html')}`);
const { text, bad } = report(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')), TITLE);
writeFileSync(RESULT, text);
console.log(text);
if (bad.length > 0) {
  console.error(`cases of the Autobahn suite that did not pass: ${bad.length}; ${RESULT} names them`);
  process.exitCode = 1;
}
