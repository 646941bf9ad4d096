// The page is older than the server, which says something that the page does not know.

import { deepEqual, equal } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes, until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/**
 * A guest for whom the server is newer, and calls votes otherwise. A page from its second loading on knows it, or none does.
 * @param {import('node:test').TestContext} t
 * @param {string} base
 * @param {{ knows: boolean, locale: string }} how
 */
async function old(t, base, { knows, locale }) {
  const one = await guest(t, base, { locale });
  const { context, page } = one;
  const seen = { loaded: 0, resumed: /** @type {boolean[]} */ ([]), holds: false };
  // Before the page's first script runs.
  page.on('request', (request) => {
    if (request.isNavigationRequest() && /\/r\//.test(request.url())) seen.loaded += 1;
  });
  await table.between(context, (client) => {
    const isOld = !knows || seen.loaded === 1;
    const server = client.connectToServer();
    client.onMessage((text) => {
      if (!isOld || !seen.holds || !text.includes('"add"')) server.send(text);
    });
    server.onMessage((text) => {
      const { hello } = JSON.parse(String(text));
      if (hello) seen.resumed.push(hello.resumed);
      client.send(isOld ? String(text).replace('{"voted":', '{"rated":') : text);
    });
  });
  return { one, seen };
}

/** What the page keeps of the room. @param {Guest} guest */
const saved = ({ page }) => page.evaluate(() => {
  const [, value] = Object.entries(sessionStorage).find(([key]) => key.includes('seat.')) ?? [];
  return JSON.parse(value ?? 'null');
});

for (const locale of ['en-US', 'ko-KR']) {
  test(`a page that does not know what the server says loads itself again, and all is as it was, in ${locale}`, async (t) => {
    const server = await site(t);
    const { one: mina, seen } = await old(t, server.base, { knows: true, locale });
    const juno = await guest(t, server.base);
    const id = await table.open(mina);
    await table.callMyself(mina, 'Mina');
    await table.add(mina, '김밥');
    await table.enter(juno, id);
    const { seat } = await saved(mina);
    equal(seen.loaded, 1);

    // One dish is on its way, and another not even given in.
    seen.holds = true;
    await table.box(mina).fill('냉면');
    await table.box(mina).press('Enter');
    await table.dish(mina, '냉면').waitFor();
    await table.box(mina).fill('떡볶');
    await table.vote(juno, '김밥');

    await until('the page is loaded again', () => seen.loaded, (loaded) => loaded === 2);
    await table.allSeeTheSame([mina, juno], server, id, ['김밥', '냉면']);
    equal((await saved(mina)).seat, seat);
    deepEqual(seen.resumed, [false, true], 'it went on where it was');
    equal(await table.box(mina).inputValue(), '떡볶');
    await table.areHere(juno, 2);
    await mina.page.getByRole('button', { name: mina.w.changeMe('Mina') }).waitFor();
    equal(await mina.page.getByText(mina.w.tooOld).count(), 0);

    // What it knows now does not load it again.
    await table.vote(juno, '냉면');
    await table.allSeeTheSame([mina, juno], server, id);
    equal(seen.loaded, 2);
  });

  test(`a page that is too old even after that says so, and does not load itself for ever, in ${locale}`, async (t) => {
    const server = await site(t);
    const { one: mina, seen } = await old(t, server.base, { knows: false, locale });
    const juno = await guest(t, server.base);
    const id = await table.open(mina);
    await table.add(mina, '김밥');
    await table.enter(juno, id);
    const { seat } = await saved(mina);
    await table.vote(juno, '김밥');

    const { page, w } = mina;
    const strip = page.getByRole('region', { name: w.offline }).filter({ hasText: w.tooOld });
    await strip.waitFor();
    await page.getByRole('banner').getByText(w.old, { exact: true }).waitFor();
    equal(seen.loaded, 2);
    equal(await page.locator('#page').getAttribute('data-stale'), 'true');
    deepEqual(await findings(page), []);
    // It shows nothing that came later, and goes on to send.
    await table.add(juno, 'Pho');
    await table.box(mina).fill('냉면');
    await table.box(mina).press('Enter');
    await becomes('what the server has', async () => (await table.session(server, id)).state.items.map(({ item }) => item), ['김밥', 'Pho', '냉면']);
    equal(await table.dish(mina, 'Pho').count(), 0);
    await table.areHere(juno, 2);

    await strip.getByRole('button', { name: w.loadNew }).click();
    await until('the page is loaded', () => seen.loaded, (loaded) => loaded === 3);
    await strip.waitFor();
    equal((await saved(mina)).seat, seat);
    equal(seen.loaded, 3);
  });
}

test('a page on a server of before versions is as on any', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  await table.between(mina.context, (client) => {
    const server = client.connectToServer();
    server.onMessage((text) => {
      const push = JSON.parse(String(text));
      delete push.hello?.version;
      client.send(JSON.stringify(push));
    });
  });
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  await table.enter(juno, id);
  await table.add(mina, '김밥');
  await table.vote(juno, '김밥');
  await mina.page.reload();
  await table.allSeeTheSame([mina, juno], server, id, ['김밥']);
  await table.areHere(mina, 2);
});
