// The documentation can be tried out: over HTTP, and over WebSocket.

import { equal } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes } from '../support/wait.js';

test('a room is made in the description of HTTP, and its answer is shown', async (t) => {
  const server = await site(t);
  const { page } = await guest(t, server.base);
  await page.goto('/docs');
  await page.getByRole('button', { name: 'post /session/', exact: true }).click();
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.getByRole('button', { name: 'Execute' }).click(),
  ]);
  equal(answer.status(), 201);
  const { id } = await answer.json();
  await page.getByText(id).first().waitFor();
  equal((await table.session(server, id)).members.length, 0);
});

test('two members meet in the console, and each sees what the other does', async (t) => {
  const server = await site(t);
  const one = await guest(t, server.base);
  const { page } = one;
  const member = (/** @type {string} */ label) => page.getByRole('region', { name: `Member ${label}` });
  const log = (/** @type {string} */ label) => page.getByRole('log', { name: `Log of ${label}` }).or(page.getByLabel(`Log of ${label}`));
  await page.goto('/docs/live');
  await page.getByRole('button', { name: 'Make a room' }).click();
  await page.getByRole('button', { name: 'Connect all' }).click();
  await log('A').getByText('hello').first().waitFor();

  await member('A').getByRole('textbox', { name: 'The message as it is sent' }).fill('{"id":1,"add":{"item":"김밥"}}');
  await member('A').getByRole('button', { name: 'Send', exact: true }).click();
  await log('B').getByText('["김밥"]').waitFor();
  await member('B').getByRole('textbox', { name: 'The message as it is sent' }).fill('add:Pho');
  await member('B').getByRole('button', { name: 'Send', exact: true }).click();
  await log('A').getByText('Pho').first().waitFor();
  await becomes('serious findings', () => findings(page), []);

  // The same room on the page.
  const href = await page.getByRole('link', { name: /page/i }).getAttribute('href');
  await page.goto(href ?? '');
  await table.isLive(one);
  await table.dish(one, '김밥').waitFor();
});
