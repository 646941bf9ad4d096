import assert from 'node:assert/strict';
import test from 'node:test';
import { AGENT, GROUPS, report } from './report.js';

/** An index with one good case of each group, and this one. @param {string} number @param {string} behavior @param {string} behaviorClose */
function index(number, behavior, behaviorClose) {
  const good = [...GROUPS.keys()].map((group) => [`${group}.1`, { behavior: 'OK', behaviorClose: 'OK' }]);
  return { [AGENT]: { ...Object.fromEntries(good), [number]: { behavior, behaviorClose } } };
}

test('a case passes if its messages and its closing do', () => {
  for (const [behavior, behaviorClose, bad] of /** @type {const} */ ([
    ['OK', 'OK', []],
    ['OK', 'INFORMATIONAL', []],
    ['NON-STRICT', 'OK', ['6.4.10: NON-STRICT']],
    ['OK', 'UNCLEAN', ['6.4.10: FAILED']],
    ['FAILED', 'OK', ['6.4.10: FAILED']],
    ['a new word', 'OK', ['6.4.10: FAILED']],
  ])) {
    const found = report(index('6.4.10', behavior, behaviorClose), '# It\n');
    assert.deepEqual(found.bad, bad, `${behavior}, ${behaviorClose}`);
    for (const line of bad) assert.ok(found.text.includes(`\n- ${line}\n`), found.text);
    assert.equal(found.text.includes('All pass.'), bad.length === 0);
  }
});

test('cases are counted by group, in the order of their numbers', () => {
  const found = report(index('10.2', 'NON-STRICT', 'OK'), '# It\n');
  const rows = found.text.split('\n').filter((line) => line.startsWith('| '));
  assert.deepEqual(rows.slice(-2), [
    '| 9 | large messages, many fragments | 1 | 0 | 0 | 0 |',
    '| 10 | one message in fragments of each size | 1 | 0 | 1 | 0 |',
  ]);
});

test('a suite that has run nothing is no success', () => {
  const whole = index('6.4.1', 'OK', 'OK');
  delete whole[AGENT]?.['9.1'];
  assert.throws(() => report(whole, ''), { message: 'the suite ran no case of group 9' });
  assert.throws(() => report({}, ''));
});
