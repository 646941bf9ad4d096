import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { atPointer, bounds, fitted, rotation, slowing } from '../../web/room/susan.js';

/** Whether the pointer is inside a sector after this turn, and how far from its edge, as a part of the sector. @param {number} n @param {number} of @param {number} degrees */
function inside(n, of, degrees) {
  const [from, to] = bounds(n, of).map((edge) => edge + degrees);
  // The pointer is at 0, and at each whole turn.
  const turn = Math.round((/** @type {number} */ (from) + /** @type {number} */ (to)) / 2 / 360) * 360;
  return Math.min(turn - /** @type {number} */ (from), /** @type {number} */ (to) - turn) / (360 / of);
}

test('whatever the digest, the tray stops with the pointer well inside the winner\'s sector', () => {
  for (let of = 1; of <= 100; of++) {
    for (let winner = 0; winner < of; winner++) {
      const digest = createHash('sha256').update(`${of} ${winner}`).digest('hex');
      for (const one of [digest, '0000', '00ff', 'ff00', 'ffff', '0080']) {
        const degrees = rotation(winner, of, one);
        assert.equal(atPointer(degrees, of), winner, `${winner} of ${of}`);
        assert.ok(inside(winner, of, degrees) > 0.15, `${winner} of ${of}`);
      }
    }
  }
});

test('sectors follow each other without a gap, all the way round', () => {
  for (let of = 1; of <= 100; of++) {
    for (let n = 1; n < of; n++) assert.equal(bounds(n, of)[0], bounds(n - 1, of)[1]);
    assert.ok(Math.abs(bounds(of - 1, of)[1] - bounds(0, of)[0] - 360) < 1e-9);
  }
});

test('a name fits into its sector, and only a long one is cut', () => {
  assert.deepEqual(fitted('Pho', 40, 11), { text: 'Pho', size: 11 });
  // Bold letters: the middle of the tray would hide its beginning if it were longer.
  assert.ok(fitted('Ramen', 38, 11).size < 10);
  assert.deepEqual(fitted('김치찌개', 40, 11), { text: '김치찌개', size: 10 });
  assert.deepEqual(fitted('가'.repeat(200), 40, 11), { text: '가가가가가가가…', size: 5 });
  assert.equal(fitted('가'.repeat(200), 40, 2).size, 2);
  assert.ok(fitted('a' + '\u0301'.repeat(50), 40, 11).text.length < 5);
});

test('it turns forward several times, ever slower, and arrives', () => {
  assert.ok(rotation(99, 100, 'ffff') > 3 * 360);
  assert.equal(slowing(0), 0);
  assert.equal(slowing(1), 1);
  for (let t = 0.1; t < 1; t += 0.1) assert.ok(slowing(t) - slowing(t - 0.1) > slowing(Math.min(1, t + 0.1)) - slowing(t) - 1e-9);
});
