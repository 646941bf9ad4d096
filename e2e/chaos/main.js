// Many runs, several at once; `USAGE` says how it is called.

import { writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check } from './check.js';
import { plan } from './plan.js';

/** @import { Finding, Kind, Plant } from './types.js' */

const USAGE = 'cargo xtask chaos [--client js|page|terminal] [--seed N | --seeds N] [--from N] [--jobs J] [--plant WHAT]';

/** The default number of runs of each client. */
const SEEDS = { js: 1500, page: 40, terminal: 100 };

/** The default number of runs at once on each core: a run waits most of the time. */
const JOBS = { js: 4, page: 1, terminal: 3 };

/** The time between two reports of progress, ms. */
const PROGRESS = 60_000;

/** @type {readonly string[]} */
const PLANTS = ['lose', 'double', 'reorder', 'false-live', 'never-answers', 'false-end'];

/** @type {Record<Kind, () => Promise<{ run: typeof import('./js.js').run }>>} */
const RUNNERS = {
  js: () => import('./js.js'),
  page: () => import('./page.js'),
  terminal: () => import('./terminal.js'),
};

/**
 * What it was called with is wrong.
 * @param {string} text
 * @returns {never}
 */
function refuse(text) {
  console.error(`${text}\nusage: ${USAGE}`);
  process.exit(2);
}

/** @param {string} text @param {string} name */
function whole(text, name) {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  return refuse(`--${name} is ${text}, but must be a whole number from 1`);
}

/**
 * @param {Kind} kind
 * @param {number} seed
 * @param {Plant | null} plant
 * @returns {Promise<{ findings: Finding[], file: string | null }>}
 */
async function one(kind, seed, plant) {
  const { run } = await RUNNERS[kind]();
  /** @type {import('./types.js').History} */
  let history;
  try {
    history = await run(plan(seed, kind), plant);
  } catch (error) {
    return { findings: [{ kind: 'harness', text: String(error instanceof Error ? error.stack : error) }], file: null };
  }
  const findings = check(history);
  if (findings.length === 0) return { findings, file: null };
  const file = join(tmpdir(), `tablecast-chaos-${kind}-${seed}.json`);
  writeFileSync(file, JSON.stringify(history, null, 1));
  return { findings, file };
}

function options() {
  try {
    return parseArgs({
      options: {
        client: { type: 'string' },
        seed: { type: 'string' },
        seeds: { type: 'string' },
        from: { type: 'string', default: '1' },
        jobs: { type: 'string' },
        plant: { type: 'string' },
      },
    }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const values = options();
const kinds = /** @type {Kind[]} */ (values.client ? [values.client] : ['js', 'page', 'terminal']);
for (const kind of kinds) if (!(kind in RUNNERS)) refuse(`--client is ${kind}, but must be js, page or terminal`);
if (values.plant !== undefined && !PLANTS.includes(values.plant)) refuse(`--plant is ${values.plant}, but must be one of ${PLANTS.join(', ')}`);
const plant = /** @type {Plant | null} */ (values.plant ?? null);

let failed = 0;
/** @type {Map<string, number>} */
const kindsFound = new Map();
for (const kind of values.seed !== undefined && !values.client ? /** @type {Kind[]} */ (['js']) : kinds) {
  const from = values.seed === undefined ? whole(values.from, 'from') : whole(values.seed, 'seed');
  const count = values.seed === undefined ? whole(values.seeds ?? String(SEEDS[kind]), 'seeds') : 1;
  const jobs = whole(values.jobs ?? String(JOBS[kind] * cpus().length), 'jobs');
  let next = from;
  let done = 0;
  let bad = 0;
  const began = Date.now();
  const worker = async () => {
    while (next < from + count) {
      const seed = next++;
      const start = Date.now();
      const { findings, file } = await one(kind, seed, plant);
      if (values.seed !== undefined) console.log(JSON.stringify(plan(seed, kind), null, 1));
      done += 1;
      if (findings.length === 0) continue;
      bad += 1;
      console.log(`${kind}, seed ${seed} (${((Date.now() - start) / 1000).toFixed(1)} s): ${file}`);
      for (const { kind, text } of findings.slice(0, 8)) console.log(`  ${kind}: ${text.slice(0, kind === 'harness' ? 4000 : 500)}`);
      if (findings.length > 8) console.log(`  … and ${findings.length - 8} more`);
      for (const kind of new Set(findings.map(({ kind }) => kind))) kindsFound.set(kind, (kindsFound.get(kind) ?? 0) + 1);
    }
  };
  const tell = setInterval(() => console.log(`${kind}: ${done} of ${count} runs, ${bad} with findings`), PROGRESS);
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, worker));
  clearInterval(tell);
  const took = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${kind}: ${count} runs in ${took} s, ${bad} with findings`);
  failed += bad;
}
for (const [kind, runs] of kindsFound) console.log(`  ${kind}: in ${runs} runs`);
if (failed > 0) console.log('one run again: cargo xtask chaos --client CLIENT --seed SEED');
// Nothing that is still open is needed.
process.exit(failed > 0 ? 1 : 0);
