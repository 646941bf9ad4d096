// Korean and English, by the browser's request and by the guest's choice.

import { equal } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { words } from '../support/words.js';

const { en, ko } = words;

/** @param {import('../support/browser.js').Guest} guest */
const language = ({ page }) => page.evaluate(() => document.documentElement.lang);

test('the page speaks the language that the browser asks for, and English to all others', async (t) => {
  const server = await site(t);
  for (const [locale, w, lang] of /** @type {const} */ ([['ko-KR', ko, 'ko'], ['en-GB', en, 'en'], ['fr-FR', en, 'en']])) {
    const one = await guest(t, server.base, { locale });
    await one.page.goto('/');
    await one.page.getByRole('button', { name: w.open }).waitFor();
    equal(await language(one), lang);
    // The HTML before any script has the language, too.
    const html = await (await fetch(server.base, { headers: { 'accept-language': locale } })).text();
    equal(/<html lang="(\w+)"/.exec(html)?.[1], lang);
  }
});

test('the language is switched in place: what was typed stays, and so does the choice', async (t) => {
  const server = await site(t);
  const one = await guest(t, server.base, { locale: 'ko-KR' });
  const { page } = one;
  const id = await table.open(one);
  await table.add(one, '김밥');
  await table.box(one).fill('라면');
  await page.getByRole('group', { name: ko.language }).getByRole('button', { name: 'English' }).click();
  const here = { ...one, w: en };
  await table.isLive(here);
  await table.dish(here, '김밥').waitFor();
  equal(await table.box(here).inputValue(), '라면');
  equal(await language(one), 'en');
  // After switching by keyboard the focus stays there.
  equal(await page.evaluate(() => document.activeElement?.textContent), 'English');

  await page.reload();
  await table.isLive(here);
  await page.goto('/');
  await page.getByRole('button', { name: en.open }).waitFor();
  await page.getByRole('group', { name: en.language }).getByRole('button', { name: '한국어' }).click();
  await page.getByRole('button', { name: ko.open }).waitFor();
  await table.enter(one, id);
});
