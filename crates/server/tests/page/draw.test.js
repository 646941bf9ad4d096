import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { onTop, rotation, slowing } from '../../web/room/susan.js';

test('whatever the digest, the tray stops with the winner on top', () => {
  for (let of = 1; of <= 100; of++) {
    for (let winner = 0; winner < of; winner++) {
      const digest = createHash('sha256').update(`${of} ${winner}`).digest('hex');
      assert.equal(onTop(rotation(winner, of, digest), of), winner, `${winner} of ${of}`);
    }
  }
  for (const digest of ['0000', '00ff', 'ff00', 'ffff']) assert.equal(onTop(rotation(2, 7, digest), 7), 2);
});

test('it turns forward several times, ever slower, and arrives', () => {
  assert.ok(rotation(99, 100, 'ffff') > 3 * 360);
  assert.equal(slowing(0), 0);
  assert.equal(slowing(1), 1);
  for (let t = 0.1; t < 1; t += 0.1) assert.ok(slowing(t) - slowing(t - 0.1) > slowing(Math.min(1, t + 0.1)) - slowing(t) - 1e-9);
});
