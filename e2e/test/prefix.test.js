// The site under a path of a proxy.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { below } from '../support/prefix.js';
import { decoded } from '../support/qr.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes, until } from '../support/wait.js';

const PATH = '/lunch';

for (const [how, strips, options] of /** @type {const} */ ([
  ['takes the path away, and the server knows nothing of it', true, []],
  ['takes the path away, and the server knows it', true, ['--base-path', PATH]],
  ['passes the path on', false, ['--base-path', `${PATH}/`]],
])) {
  test(`behind a proxy that ${how}, all of the site works`, async (t) => {
    const server = await site(t, [...options]);
    const host = await below(t, server.port, PATH, strips);
    const inside = `${host}${PATH}`;
    const mina = await guest(t, host, { may: NETWORK });
    const { page, w } = mina;
    /** Requested addresses that do not exist. @type {string[]} */
    const missing = [];
    mina.context.on('response', (answer) => answer.status() >= 400 && missing.push(`${answer.status()} ${answer.url()}`));

    // The first page opens a table; links lead to where they say.
    await page.goto(`${inside}/`);
    await page.getByRole('button', { name: w.open }).click();
    await table.isLive(mina);
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    equal(page.url(), `${inside}/r/${id}`);
    await table.add(mina, '김밥');
    const links = () => page.getByRole('link').evaluateAll((all) => all.map((one) => /** @type {HTMLAnchorElement} */ (one).href));
    deepEqual(await links(), [`${inside}/`]);
    await page.getByRole('button', { name: w.invite, exact: true }).click();
    const sheet = page.getByRole('dialog', { name: w.share });
    equal(await sheet.getByRole('textbox', { name: w.link }).inputValue(), page.url());
    equal(await decoded(sheet.getByRole('img', { name: w.qr })), page.url());
    await page.keyboard.press('Escape');

    // With a slash at the end it leads to the same page and address.
    const juno = await guest(t, host);
    await juno.page.goto(`${inside}/r/${id}/?from=mail`);
    await table.isLive(juno);
    equal(juno.page.url(), `${inside}/r/${id}?from=mail`);
    await table.dish(juno, '김밥').waitFor();
    await juno.context.close();

    // After a decision the table is listed, and the whole draw loads.
    await table.decide(mina, 'byDraw');
    equal(await table.winner(mina), '김밥');
    const manifest = await page.locator('link[rel=manifest]').evaluate(async (/** @type {HTMLLinkElement} */ { href }) => {
      const { start_url, scope, icons } = await (await fetch(href)).json();
      return [start_url, scope, icons[0].src].map((address) => new URL(address, href).href);
    });
    deepEqual(manifest.slice(0, 2), [`${inside}/`, `${inside}/`]);
    equal(await page.evaluate(async (src) => (await fetch(src)).status, manifest[2] ?? ''), 200);
    await page.goto(`${inside}/`);
    const visit = page.getByRole('region', { name: w.lately }).getByRole('link');
    equal(await visit.evaluate((/** @type {HTMLAnchorElement} */ { href }) => href), `${inside}/r/${id}`);

    // The documents: requests that are tried there go to this site.
    for (const address of ['docs', 'docs/']) {
      await page.goto(`${inside}/${address}`);
      equal(page.url(), `${inside}/docs`);
      await page.getByRole('button', { name: 'post /session/', exact: true }).click();
      const [made] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'POST'),
        page.getByRole('button', { name: 'Execute' }).click(),
      ]);
      deepEqual([made.url(), made.status()], [`${inside}/session/`, 201]);
    }
    const about = page.getByRole('link', { name: '/docs/live' }).first();
    equal(await about.evaluate((/** @type {HTMLAnchorElement} */ { href }) => href), `${inside}/docs/live`);
    for (const address of ['docs/live', 'docs/live/']) {
      await page.goto(`${inside}/${address}`);
      equal(page.url(), `${inside}/docs/live`);
      await page.getByRole('button', { name: 'Make a room' }).click();
      await page.getByRole('button', { name: 'Connect all' }).click();
      await page.getByLabel('Log of A').getByText('hello').first().waitFor();
      await page.getByLabel('Log of B').getByText('[]').first().waitFor();
      match((await page.getByRole('link', { name: /page/i }).getAttribute('href')) ?? '', new RegExp(`^${inside}/r/[\\w-]+$`));
      await page.goto('about:blank');
    }
    deepEqual(missing, []);

    // A page for unknown addresses links to the first page, from any depth.
    for (const address of ['nothing', 'a/b/c', 'r/a/b/', 'r/']) {
      missing.length = 0;
      await page.goto(`${inside}/${address}`);
      const home = page.getByRole('link', { name: w.openOwn });
      equal(await home.evaluate((/** @type {HTMLAnchorElement} */ { href }) => href), `${inside}/`);
      await until('its style', () => home.evaluate((element) => getComputedStyle(element).display), (display) => display.includes('flex'));
      deepEqual(missing, [`404 ${inside}/${address}`]);
    }
    // The same for a table that does not exist.
    missing.length = 0;
    await page.goto(`${inside}/r/nobody`);
    await page.getByRole('heading', { name: w.unknownTitle }).waitFor();
    await becomes('links', links, [`${inside}/`, `${inside}/`]);
    deepEqual(missing, [`404 ${inside}/session/nobody/result/`]);

    // Addresses for programs have the path if the server knows it.
    const known = options.length > 0 ? PATH : '';
    const answer = await fetch(`${inside}/session/`, { method: 'POST' });
    const made = await answer.json();
    deepEqual([answer.headers.get('location'), made.url, made.page], [`${known}/session/${made.id}/`, `${known}/ws/${made.id}/`, `${known}/r/${made.id}`]);
    const openapi = await (await fetch(`${inside}/openapi.json`)).json();
    equal(openapi.servers[0].url, known || '/');
    const asyncapi = await (await fetch(`${inside}/asyncapi.json`)).json();
    equal(asyncapi.servers.this.pathname, known || undefined);
    ok(!JSON.stringify([openapi, asyncapi]).includes(']('.concat('/')), 'a link that is not relative');
  });
}
