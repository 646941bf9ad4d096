import { equal } from 'node:assert/strict';
import { test, guest, NETWORK } from '../support/browser.js';
import { site, redis, front } from '../support/site.js';

test('a page', async (t) => {
  const store = await redis(t);
  const a = await site(t, ['--store', store]);
  const f = await front(t, a);
  const mina = await guest(t, f.base, { may: NETWORK });
  await mina.page.goto('/');
  equal(await mina.page.title(), 'Tablecast');
  await a.kill('SIGKILL');
  const b = await a.again();
  equal(a.base, b.base);
  await mina.page.reload();
});
