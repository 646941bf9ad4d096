import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CLOSE_CODES, RoomError } from '../../../../clients/js/src/errors.js';
import { screenOf } from '../../web/lib/view.js';

/** @import { Menu, Status } from '../../../../clients/js/src/types.js' */

const MENU = /** @type {Menu} */ ({ items: [], max_items: 100, title: null, drawing: null, decision: null, next_draw: { number: 1, commitment: '' }, rules: { hidden_votes: false, votes_each: null }, locked: false, voted: [], removed: [], past: [] });

/** @param {Status} status @param {string | null} code @param {Menu | null} state */
const shown = (status, code, state) => screenOf({ status, state, reason: code === null ? null : new RoomError(code, code) });

test('each end of a room has its own screen', () => {
  assert.equal(shown('ended', 'not_found', null), 'unknown');
  assert.equal(shown('ended', 'not_found', MENU), 'gone');
  assert.equal(shown('ended', 'gone', MENU), 'gone');
  assert.equal(shown('ended', 'taken_over', MENU), 'taken');
  assert.equal(shown('ended', 'closed', MENU), 'closed');
  for (const code of ['bad_frame', 'bad_command', 'too_long', 'no_seat']) assert.equal(shown('ended', code, MENU), 'failed');
});

test('a room that is known stays in sight while the connection is gone', () => {
  for (const code of ['disconnected', 'restarting', 'unavailable', 'timeout', 'too_slow', 'rate_limited']) {
    assert.equal(shown('offline', code, MENU), 'room', code);
    assert.equal(shown('connecting', code, MENU), 'room', code);
  }
});

test('who never sat at the table is told why, and that it is tried again', () => {
  assert.equal(shown('connecting', null, null), 'arriving');
  assert.equal(shown('offline', 'disconnected', null), 'unreachable');
  assert.equal(shown('connecting', 'disconnected', null), 'unreachable');
  assert.equal(shown('offline', 'restarting', null), 'restarting');
  assert.equal(shown('offline', 'unavailable', null), 'restarting');
  assert.equal(shown('offline', 'room_full', null), 'full');
  assert.equal(shown('connecting', 'room_full', MENU), 'full');
});

test('no close code leaves somebody without a screen', () => {
  for (const [code, again] of Object.values(CLOSE_CODES)) {
    const status = again === 'never' ? 'ended' : 'offline';
    for (const state of [null, MENU]) assert.ok(shown(status, code, state));
  }
});
