import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from '../clock.js';

test('the clock can be set, and durations go on as they did, only faster', async () => {
  const clock = new Clock(4);
  clock.install();
  const [began, wall, world] = [performance.now(), Date.now(), clock.real()];
  clock.set(-3_600_000);
  ok(Date.now() < wall - 3_500_000 && new Date().getTime() < wall - 3_500_000);
  await new Promise((resolve) => setTimeout(resolve, 400));
  ok(performance.now() - began >= 390);
  ok(clock.real() - world >= 90);
  ok(performance.now() - began > 2 * (clock.real() - world));
});
