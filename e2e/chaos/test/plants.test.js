// Planted faults around the client are found; and without one nothing is found.

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../check.js';
import { run } from '../js.js';
import { LONG_GRACE, plan } from '../plan.js';

/** @import { Finding, Plan, Plant } from '../types.js' */

/** Three people add dishes, without any faults. @type {Plan} */
const CALM = {
  ...plan(1, 'js'),
  store: 'memory',
  nodes: 1,
  options: ['--create-rate', '0', '--ping-interval', '1s'],
  pingInterval: 1000,
  grace: LONG_GRACE,
  clients: [0, 0],
  length: 2000,
  steps: Array.from({ length: 12 }, (_, n) => ({ at: 100 + n * 150, who: n % 2, do: 'add', count: 1 })),
  mishaps: [],
  troubles: [[], []],
  storeTroubles: [[]],
  outages: [],
};

test('nothing is planted and nothing is found', async () => deepEqual(check(await run(CALM, null)), []));

/** @type {[Plant, Finding['kind']][]} */
const PLANTS = [
  ['lose', 'lost'],
  ['double', 'doubled'],
  ['reorder', 'order'],
  ['false-live', 'false-live'],
  ['never-answers', 'unanswered'],
  ['false-end', 'false-end'],
];

for (const [plant, kind] of PLANTS) {
  test(`planted: ${plant}`, async () => {
    const findings = check(await run(CALM, plant));
    ok(findings.some((finding) => finding.kind === kind), JSON.stringify(findings));
  });
}
