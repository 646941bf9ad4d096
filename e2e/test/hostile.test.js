// A dish, a name or a title is always shown as text, or refused with a helpful message.

import { deepEqual, equal } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes, until } from '../support/wait.js';

/** Hostile inputs 76, 79 and 82: text like any other. */
const TEXTS = [
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  '</script><script>alert(1)</script>',
  'javascript:alert(1)',
  '{{7*7}}${7*7}',
  '&lt;b&gt;&amp;',
  '__proto__',
  'constructor',
  '👨‍👩‍👧‍👦',
  'שלום',
];

/** Hostile inputs 77, 78 and 80: refused, and why. */
const REFUSED = /** @type {const} */ ([
  ['pizza\u202eazzip', 'bad_item'],
  ['piz\u0007za', 'bad_item'],
  ['\u200b\u200b', 'empty'],
  [`e${'\u0301'.repeat(499)}`, 'too_long'],
  ['가'.repeat(81), 'too_long'],
]);

/** Nothing of a text became an element or a handler. @param {import('../support/browser.js').Guest} guest */
const isOnlyText = ({ page }) =>
  page.evaluate(() => document.querySelectorAll('script:not([src]), [onerror], [onload], [src=x], b, a[href^="javascript:"]').length);

test('a dish, a name and a title are only ever text', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce' });
  const juno = await guest(t, server.base, { reducedMotion: 'reduce' });
  const id = await table.open(mina);
  await table.enter(juno, id);
  const [name = ''] = TEXTS;
  await table.callMyself(mina, name);
  await mina.page.getByRole('button', { name: mina.w.nameTable }).click();
  await mina.page.getByRole('textbox', { name: mina.w.tableName }).fill('<b onclick=alert(1)>');
  await mina.page.keyboard.press('Enter');
  for (const text of TEXTS) await table.add(mina, text);
  await table.allSeeTheSame([mina, juno], server, id, TEXTS);
  await juno.page.getByRole('heading', { level: 1, name: juno.w.renameTable('<b onclick=alert(1)>') }).waitFor();
  equal(await juno.page.getByRole('region', { name: juno.w.people }).getByText(name, { exact: true }).count(), 1);

  for (const text of TEXTS.slice(0, 3)) {
    await table.remove(juno, text);
    await mina.page.getByRole('group', { name: mina.w.removedBy(mina.w.guest('2'), text) }).getByRole('button', { name: mina.w.putBack }).click();
    await table.dish(juno, text).waitFor();
  }
  await table.vote(juno, TEXTS[1] ?? '');
  await table.decide(juno, 'byVotes');
  for (const one of [mina, juno]) {
    equal(await table.winner(one), TEXTS[1]);
    equal(await isOnlyText(one), 0);
  }
  // The first page lists it.
  await mina.page.goto('/');
  await mina.page.getByRole('region', { name: mina.w.lately }).getByText('<b onclick=alert(1)>', { exact: true }).waitFor();
  equal(await isOnlyText(mina), 0);
});

test('what is refused is explained, and is not lost', async (t) => {
  const server = await site(t);
  const juno = await guest(t, server.base, { locale: 'ko-KR' });
  const { page, w } = juno;
  const id = await table.open(juno);
  for (const [text, code] of REFUSED) {
    await table.box(juno).fill(text);
    await table.box(juno).press('Enter');
    await page.getByRole('main').getByText(w.errors[code], { exact: true }).waitFor();
    equal(await table.box(juno).inputValue(), text);
    await table.box(juno).fill('');
    await page.getByRole('main').getByText(w.errors[code], { exact: true }).waitFor({ state: 'detached' });
  }
  deepEqual((await table.session(server, id)).state.items, []);
  const name = page.getByRole('textbox', { name: w.yourName });
  await name.fill('미나\u202e');
  await name.press('Enter');
  await page.getByRole('group', { name: w.errors.bad_item }).waitFor();
  equal(await name.inputValue(), '미나\u202e');
});

test('the same letters in another form are the same dish', async (t) => {
  const server = await site(t);
  const juno = await guest(t, server.base, { locale: 'ko-KR' });
  const id = await table.open(juno);
  await table.add(juno, '김치찌개'.normalize('NFC'));
  await table.box(juno).fill('김치찌개'.normalize('NFD'));
  await juno.page.getByRole('button', { name: juno.w.voteForIt }).click();
  await until('the vote', () => table.session(server, id), ({ state }) => state.items[0]?.votes.length === 1);
  await table.allSeeTheSame([juno], server, id, ['김치찌개']);
});

test('whatever the browser has kept, the page comes up', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, w, context } = mina;
  const kept = {
    visits: '[{"id":"javascript:alert(1)","title":"<b>x</b>","items":[],"at":1,"expiresAt":9e15,"winner":null},{"id":7},null,"x"]',
    used: '{"__proto__":1}',
    name: '["Mina"]',
    colour: '99',
    language: '"xx"',
  };
  await context.addInitScript((kept) => {
    for (const [key, value] of Object.entries(kept)) localStorage.setItem(`tablecast.${key}`, value);
  }, kept);
  await page.goto('/');
  const visit = page.getByRole('region', { name: w.lately }).getByRole('link');
  await becomes('links', () => visit.evaluateAll((links) => links.map((link) => new URL(/** @type {HTMLAnchorElement} */ (link).href).pathname)), ['/r/javascript%3Aalert(1)']);
  equal(await isOnlyText(mina), 0);
  await page.getByRole('button', { name: w.open }).click();
  await table.isLive(mina);
});
