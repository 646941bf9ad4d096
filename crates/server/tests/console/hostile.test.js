import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../../../../clients/js/test/support/server.js';
import { CASES, play } from '../../web/live/hostile.js';
import { open } from './support/sockets.js';

test('each hostile frame is answered as the list says', async (t) => {
  // The rate of commands is part of it.
  const server = await serve(t, ['--create-rate', '0', '--join-rate', '0']);
  /** @type {string[]} */
  const wrong = [];
  // One after the other: a process that is busy with the floods of some is too late with the handshakes of others.
  for (const hostile of CASES) {
    const room = await server.room();
    const verdict = await play(hostile, room.url, open, 60_000);
    if (!verdict?.expected) wrong.push(`${hostile.dialect}: ${hostile.name}: expected ${hostile.expect}, came ${verdict?.answer} ${verdict?.frame}`);
  }
  assert.deepEqual(wrong, []);
});

test('a case that does not apply to a server is passed over', async (t) => {
  const server = await serve(t, ['--command-rate', '0']);
  const hostile = CASES.find(({ applies }) => applies);
  assert.ok(hostile);
  assert.equal(await play(hostile, (await server.room()).url, open), null);
});
