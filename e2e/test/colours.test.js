// With the system's own colours everything can still be distinguished.

import { equal, notEqual } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';

/** @param {import('playwright-core').Locator} part @param {'backgroundColor' | 'borderTopWidth'} property */
const style = (part, property) => part.evaluate((element, property) => getComputedStyle(element)[property], property);

test('with forced colours a button has an edge, a vote of one’s own is told from others, and a colour is seen', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { forcedColors: 'active' });
  const { page, w } = mina;
  await page.goto('/');
  equal(await style(page.getByRole('button', { name: w.open }), 'borderTopWidth'), '1px');
  await table.open(mina);
  for (const item of ['Pho', 'Ramen']) await table.add(mina, item);
  await table.vote(mina, 'Pho');
  const plate = (/** @type {string} */ item) => table.dish(mina, item).locator('.plate-count');
  notEqual(await style(plate('Pho'), 'backgroundColor'), await style(plate('Ramen'), 'backgroundColor'));
  await table.callMyself(mina, 'Mina');
  await page.getByRole('button', { name: w.changeMe('Mina') }).click();
  const swatches = page.locator('.swatch');
  const seen = await Promise.all((await swatches.all()).map((swatch) => style(swatch, 'backgroundColor')));
  equal(new Set(seen).size, 12);
});
