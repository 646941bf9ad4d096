import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Screen } from '../screen.js';

test('text stands where the cursor was put, and sequences may come in pieces', () => {
  const screen = new Screen(3, 10);
  for (const character of '\x1b[?1049h\x1b[2J\x1b[2;3H\x1b[1;38;5;29mab\x1b[0mc\x1b[1;1Hx\x1b[3;1H12345\x1b[3;3H\x1b[K') screen.write(character);
  deepEqual(screen.lines, ['x', '  abc', '12']);
});
