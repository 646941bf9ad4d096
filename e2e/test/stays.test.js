// How long a table stays that was opened on the page.

import { equal } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';

/** How many minutes a room lives after the last change. @param {{ base: string }} server @param {string} id */
const minutes = async (server, id) => (await (await fetch(`${server.base}/session/${id}/`)).json()).ttl_ms / 60_000;

test('a table that was opened on the page stays three hours, or until tonight', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { timezoneId: 'UTC' });
  const { page, w } = mina;
  equal(await minutes(server, await table.open(mina)), 180);
  // Ten in the morning.
  await page.clock.setFixedTime(new Date('2026-06-01T10:00:00Z'));
  await page.goto('/');
  await page.getByText(w.details).click();
  await page.getByRole('radio', { name: w.tonight }).check();
  await page.getByRole('button', { name: w.open }).click();
  await page.waitForURL(/\/r\//);
  equal(await minutes(server, new URL(page.url()).pathname.replace('/r/', '')), 14 * 60);
});

test('a server that keeps no table for three hours opens one for as long as it does', async (t) => {
  const server = await site(t, ['--room-ttl', '20m', '--room-max-age', '1h']);
  const mina = await guest(t, server.base, { may: NETWORK });
  equal(await minutes(server, await table.open(mina)), 20);
});

test('a table with a decision says no more that it closes soon', async (t) => {
  const server = await site(t, ['--room-ttl', '50s']);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce', locale: 'ko-KR' });
  const { page, w } = mina;
  await table.openShort(mina, server);
  await table.add(mina, 'Pho');
  const soon = page.getByRole('region', { name: w.closesSoon });
  await soon.waitFor();
  await table.decide(mina, 'byVotes');
  await table.winner(mina);
  equal(await soon.count(), 0);
  equal(await page.getByRole('button', { name: w.keepOpen, includeHidden: true }).filter({ visible: true }).count(), 0);
});
