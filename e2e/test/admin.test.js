// The operators' page: what goes on, why somebody was cut, and what can be done about it.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { NETWORK, guest, test } from '../support/browser.js';
import { ANSWERS, NODE, ROOM, answering } from '../support/operator.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes, until } from '../support/wait.js';

/** @typedef {import('node:test').TestContext} TestContext */

/** A server whose operators' page is at `operators`. @param {TestContext} t */
const watched = (t) => site(t, ['--admin-listen', '127.0.0.1:0']);

/**
 * An operator in front of the page.
 * @param {TestContext} t @param {{ operators: string }} server @param {import('../support/browser.js').Device} [device]
 */
const operator = (t, server, device = {}) => guest(t, server.operators, { reducedMotion: 'reduce', ...device });

/** The content of a table as rows of cells. @param {import('playwright-core').Page} page @param {string} name */
const rows = (page, name) => page.getByRole('region', { name, exact: true }).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));

test('why Mina was cut is found in three clicks, and her name is hidden before', async (t) => {
  const server = await watched(t);
  const mina = await guest(t, server.base);
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.add(mina, 'Kimchi stew');

  const { page } = await operator(t, server);
  await page.goto(`/#room/${id}`);
  await page.getByRole('region', { name: 'Seats' }).getByText('hidden').waitFor();
  await page.getByRole('button', { name: /^Ask to leave… member/ }).click();
  await page.getByRole('dialog').getByText('The member is told so (4411)').waitFor();
  await page.getByRole('button', { name: 'Ask to leave', exact: true }).click();
  await page.getByText('Nobody has a seat.').waitFor();
  ok(!(await page.locator('body').innerText()).includes('Mina'));
  ok(!(await page.locator('body').innerText()).includes('Kimchi'));

  await page.getByRole('link', { name: 'Visits', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('Mina');
  await page.getByLabel('Around', { exact: true }).fill(await page.evaluate(() => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16)));
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('textbox', { name: 'Reason' }).fill('Mina asks why – 미나');
  await page.getByRole('dialog').getByRole('button', { name: 'Show names' }).click();
  const cut = page.locator('[data-what=closed]');
  await cut.getByText('4411').waitFor();
  await cut.getByText('Mina').waitFor();

  // The same place by its address, with the reason of this tab; and another tab has none.
  await page.reload();
  await cut.getByText('Mina').waitFor();
  await page.getByText('Names are shown: Mina asks why – 미나').waitFor();
  await page.getByRole('button', { name: 'Hide names' }).click();
  await page.getByText('Names are hidden. To search by one, show them first.').waitFor();
  ok(!(await page.locator('main').innerText()).includes('Mina'));
});

test('the last events of a room are replayed step by step', async (t) => {
  const server = await watched(t);
  const mina = await guest(t, server.base);
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  for (const dish of ['Pho', 'Bibimbap']) await table.add(mina, dish);
  const { page } = await operator(t, server);
  await page.goto('/#rooms');
  await page.getByRole('link', { name: id }).click();
  const replay = page.getByRole('region', { name: 'Replay' });
  const change = replay.getByRole('list', { name: 'What changed' });
  // The newest, then one before it.
  await replay.getByText(/: added\.$/).waitFor();
  await change.getByText('items › #2 › item').waitFor();
  await replay.getByRole('button', { name: 'Back' }).click();
  await change.getByText('items › #1 › item').waitFor();
  equal(await replay.getByText('Pho').count(), 0);
  // By the keyboard, to the beginning; and that place has an address.
  await replay.getByRole('slider').press('Home');
  await replay.getByText(/^Before the first of \d+ events/).waitFor();
  await replay.getByRole('slider').press('ArrowRight');
  await replay.getByText(/^Event \d+, 1 of \d+/).waitFor();
  const told = await replay.getByRole('status').innerText();
  match(page.url(), /\?at=\d+$/);
  await page.reload();
  await replay.getByText(told).waitFor();

  await page.getByRole('button', { name: 'Close the room…' }).click();
  await page.getByRole('dialog').getByText('told that the room was closed (4412)').waitFor();
  await page.getByRole('button', { name: 'Close this room' }).click();
  await mina.page.getByRole('heading', { name: mina.w.closedTitle }).waitFor();
});

test('a drain says what it will do, and a node that has ended is said to be gone', async (t) => {
  const server = await watched(t);
  const { page } = await operator(t, server, { may: NETWORK });
  await page.goto('/');
  await page.getByText('Ready: clients are sent here.').waitFor();
  await page.getByRole('button', { name: 'Begin drain…' }).click();
  await page.getByText('It cannot be taken back.').waitFor();
  await page.keyboard.press('Escape');
  equal((await fetch(`${server.base}/readyz`)).status, 200);
  await page.getByRole('button', { name: 'Begin drain…' }).click();
  await page.getByRole('button', { name: 'Drain this node' }).click();
  await until('the process has ended', () => server.state().exitCode, (code) => code === 0);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('alert').getByText('this node does not answer').waitFor();
});

test('nothing of the operators is at the address of the site', async (t) => {
  const server = await watched(t);
  for (const path of ['/api/node', '/api/rooms', '/api/visits', '/metrics', '/web/0/admin/admin.js']) equal((await fetch(server.base + path)).status, 404, path);
  equal((await fetch(`${server.operators}/metrics`)).status, 200);
});

test('a list keeps its place when it is read again, and after going to a room and back', async (t) => {
  const server = await watched(t);
  const { page } = await operator(t, server);
  const asked = await answering(page);
  await page.goto('/#rooms');
  await page.getByText('214 open on this node, the first 100 are shown.').waitFor();
  await page.getByRole('button', { name: 'More' }).click();
  const link = page.getByRole('link', { name: 'room-0150' });
  await link.focus();
  const y = await page.evaluate(() => scrollY);
  ok(y > 0);
  const before = asked.length;
  await page.getByRole('button', { name: 'Refresh' }).evaluate((button) => /** @type {HTMLElement} */ (button).click());
  await until('it was read again', () => asked.length, (length) => length >= before + 2);
  await page.getByText('Refreshed').waitFor();
  equal(await page.evaluate(() => scrollY), y);
  equal(await page.evaluate(() => document.activeElement?.textContent), 'room-0150');
  await page.getByRole('link', { name: ROOM }).click();
  await page.getByRole('heading', { name: ROOM }).waitFor();
  await page.goBack();
  await link.waitFor();
  await page.getByRole('searchbox').fill('room-01');
  await page.keyboard.press('Enter');
  await page.getByText('100 of 214 open here: their id has “room-01”.').waitFor();
  match(page.url(), /#rooms\?search=room-01$/);
});

test('an answer that is late does not replace a newer one, and a refusal is shown with its reason', async (t) => {
  const server = await watched(t);
  const { page } = await operator(t, server, { may: NETWORK });
  await answering(page);
  /** @type {(() => void)[]} */
  const late = [];
  await page.route(/api\/visits\?.*code=first/, async (route) => {
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => late.push(resolve));
    await route.fulfill({ json: { visits: [], oldest_at: null } }).catch(() => {}); // Nobody waits for it any more.
  });
  await page.goto('/#visits?code=first');
  await until('the first was asked', () => late.length, (length) => length > 0);
  await page.getByLabel('Code', { exact: true }).fill('4413');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('4 found.').waitFor();
  for (const answer of late) answer();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('Refreshed').waitFor();
  await becomes('the rows', async () => (await rows(page, 'Visits')).map((row) => row[1]), ['closed', 'refused', 'watching', 'joined']);

  await page.goto('/#room/nowhere');
  await page.getByRole('alert').getByText('404 not_found: there is no such room, or it expired').waitFor();
  await page.goto('/#node');
  await page.getByText('Ready: clients are sent here.').waitFor();
  equal(await page.getByRole('alert').count(), 0);
});

test('a step that an address names is shown, although a refresh overtakes what reads it, or its events are refused once', async (t) => {
  const server = await watched(t);
  const { page } = await operator(t, server, { may: NETWORK });
  await answering(page);
  /** @type {(() => void)[]} */
  const late = [];
  const pattern = new RegExp(`api/rooms/${ROOM}$`);
  await page.route(pattern, async (route) => {
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => late.push(resolve));
    await route.fallback().catch(() => {}); // Nobody waits for it any more.
  });
  await page.goto(`/#room/${ROOM}?at=5`);
  await until('the room was asked for', () => late.length, (length) => length > 0);
  await page.unroute(pattern);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('Event 5, 5 of 6: voted.').waitFor();
  for (const answer of late) answer();

  const refused = new RegExp(`api/rooms/${ROOM}/history$`);
  await page.route(refused, (route) => route.fulfill({ status: 503, json: { code: 'unavailable', detail: 'the store is away' } }), { times: 1 });
  await page.reload();
  await page.getByRole('alert').getByText('503 unavailable: the store is away').waitFor();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('Event 5, 5 of 6: voted.').waitFor();
});

test('a reason goes with each question and is this tab’s; each action is one request', async (t) => {
  const server = await watched(t);
  const { page, context } = await operator(t, server);
  const asked = await answering(page);
  await page.goto(`/#room/${ROOM}`);
  await page.getByRole('region', { name: 'Seats' }).getByText('hidden').first().waitFor();
  equal(asked.every(({ reveal }) => reveal === undefined), true);
  await page.getByRole('button', { name: 'Show names…' }).click();
  await page.getByRole('textbox', { name: 'Reason' }).fill('  왜?  ');
  await page.keyboard.press('Enter');
  await page.getByText('Names are shown: 왜?').waitFor();
  await until('it is asked with the reason', () => asked.map(({ reveal }) => reveal), (all) => all.includes(encodeURIComponent('왜?')));
  // Nobody stays hidden by calling themselves so.
  await page.getByRole('region', { name: 'Seats' }).getByText('(hidden)', { exact: true }).first().waitFor();
  const other = await context.newPage();
  await answering(other);
  await other.goto(`${server.operators}/#visits`);
  await other.getByText('Names are hidden.').waitFor();

  await page.getByRole('button', { name: 'Ask to leave… member 2' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  equal(asked.filter(({ method }) => method === 'POST').length, 0);
  await page.getByRole('button', { name: 'Ask to leave… member 2' }).click();
  await page.getByRole('button', { name: 'Ask to leave', exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  deepEqual(asked.filter(({ method }) => method === 'POST').map(({ path, body }) => [path, body]), [[`rooms/${ROOM}/dismiss`, { member: '2' }]]);
});

for (const [name, device] of /** @type {const} */ ([
  ['by day on 320 pixels', { colorScheme: 'light', viewport: { width: 320, height: 568 } }],
  ['by night on a desktop', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
])) {
  test(`the operators’ page can be used by all, ${name}`, async (t) => {
    const server = await watched(t);
    const { page } = await operator(t, server, device);
    const old = { ...NODE, draining: true, tls: { ...NODE.tls, not_after: NODE.started_at, last_error: 'the directory did not answer' }, store: { name: 'redis://db', health: 'refusing', words: 'OOM command not allowed' } };
    await answering(page, { ...ANSWERS, node: old });
    for (const [view, shown] of [['node', 'the directory did not answer'], ['rooms', 'room-0099'], [`room/${ROOM}?at=5`, 'Event 5, 5 of 6: voted.'], ['visits', 'reading too slowly']]) {
      await page.goto(`/#${view}`);
      await page.getByText(shown ?? '').waitFor();
      deepEqual(await findings(page), [], view);
      const { scrollWidth, clientWidth } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return { scrollWidth, clientWidth };
      });
      ok(scrollWidth <= clientWidth, `${view}: ${scrollWidth} of ${clientWidth} px`);
    }
    await page.getByRole('button', { name: 'Show names…' }).click();
    deepEqual(await findings(page), [], 'the dialog');
  });
}
