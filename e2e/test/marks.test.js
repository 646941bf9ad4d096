// Marks stacked on a letter are painted far above it. They must not cover other people's texts.

import { deepEqual, ok } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/** The server gets this word in place of the stack, which it would refuse: this tests only the page. */
const PLAIN = 'tower';
const STACK = `a${'\u0301'.repeat(240)}b${'\u0316'.repeat(240)}`;

/** From now on the page reads stacks wherever the server sends this word. @param {Guest} guest */
async function stacks({ page }) {
  const stacked = (/** @type {string | Buffer} */ text) => String(text).replaceAll(PLAIN, STACK);
  await table.between(page, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => socket.send(stacked(message)));
  });
}

/**
 * The pixels that stacks paint outside their lines, the number of these lines, and whether nothing else has changed
 * between the two pictures: on a busy machine the connection may be lost meanwhile, which the page shows.
 * @param {Guest} guest
 */
async function painted({ page }) {
  /** A picture of the page after all motion has ended. */
  const shot = async () => {
    let last = '';
    return until(
      'two pictures alike',
      async () => {
        const before = last;
        last = (await page.screenshot({ animations: 'disabled' })).toString('base64');
        return last === before ? last : '';
      },
      Boolean,
    );
  };
  // Clocks continue between two pictures.
  await page.evaluate(() => document.querySelectorAll('.time-left, .left, time').forEach((one) => /** @type {HTMLElement} */ (one).style.setProperty('display', 'none')));
  const said = () => page.evaluate(() => document.body.innerText + document.querySelector('.status')?.getAttribute('data-status'));
  const told = await said();
  const before = await shot();
  const lines = await page.evaluate(() => {
    const has = (/** @type {string | null | undefined} */ text) => /\u0301{20}/.test(text ?? '');
    /** @type {DOMRect[]} */
    const rects = [];
    // A dialog over the page hides the rest.
    const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
    for (const element of top.querySelectorAll('*')) {
      const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && has(node.nodeValue));
      if (!own && !has(element.getAttribute('data-initial'))) continue;
      if (!element.checkVisibility() || element.closest('.unseen, .spoken, option, title')) continue;
      const style = /** @type {HTMLElement} */ (element).style;
      for (const name of ['color', 'fill', 'text-decoration-color']) style.setProperty(name, 'transparent', 'important');
      rects.push(element.getBoundingClientRect());
    }
    return rects.map(({ left, top, right, bottom }) => ({ left, top, right, bottom }));
  });
  const after = await shot();
  const isSame = (await said()) === told;
  await page.evaluate(() => document.querySelectorAll('[style]').forEach((one) => ['color', 'fill', 'text-decoration-color'].forEach((name) => /** @type {HTMLElement} */ (one).style.removeProperty(name))));
  const outside = await page.evaluate(
    async ({ before, after, lines }) => {
      /** @param {string} shot */
      const pixels = async (shot) => {
        const image = new Image();
        image.src = `data:image/png;base64,${shot}`;
        await image.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
        const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
      };
      const [one, other] = [await pixels(before), await pixels(after)];
      // The allowed space around a line: for descenders, at most a fifth of the height of the largest letter.
      const AROUND = 15;
      // Smaller differences are edges of curves, which are not painted the same each time.
      const STROKE = 48;
      /** @type {string[]} */
      const outside = [];
      for (let at = 0; at < one.data.length; at += 4) {
        if ([0, 1, 2].every((n) => Math.abs((one.data[at + n] ?? 0) - (other.data[at + n] ?? 0)) < STROKE)) continue;
        const [x, y] = [(at / 4) % one.width, Math.floor(at / 4 / one.width)];
        if (!lines.some(({ left, top, right, bottom }) => x >= left - AROUND && x < right + AROUND && y >= top - AROUND && y < bottom + AROUND)) outside.push(`${x},${y}`);
      }
      return outside;
    },
    { before, after, lines },
  );
  return { outside, lines: lines.length, isSame };
}

/** @param {Guest} guest @param {string} screen @param {number} [least] lines with a stack */
async function staysInside(guest, screen, least = 1) {
  const { outside, lines } = await until('a page that stands still', () => painted(guest), ({ isSame }) => isSame);
  ok(lines >= least, `${screen}: ${lines} lines with stacks`);
  deepEqual(outside.slice(0, 5), [], `${screen}: ${outside.length} pixels outside of its lines`);
}

for (const width of [390, 1200]) {
  test(`on a page ${width} pixels wide, stacked marks stay in their own line`, async (t) => {
    const server = await site(t);
    const viewport = { width, height: 900 };
    const mina = await guest(t, server.base, { reducedMotion: 'reduce', may: NETWORK, viewport });
    const juno = await guest(t, server.base, { reducedMotion: 'reduce', may: NETWORK });
    const { page, w } = mina;
    const id = await table.open(juno);
    await table.callMyself(juno, PLAIN);
    await juno.page.getByRole('button', { name: juno.w.nameTable }).click();
    await juno.page.getByRole('textbox', { name: juno.w.tableName }).fill(PLAIN);
    await juno.page.keyboard.press('Enter');
    for (const item of ['Pho', PLAIN, '김밥', `${PLAIN} 2`]) await table.add(juno, item);
    await table.vote(juno, PLAIN);
    await stacks(mina);
    await table.enter(mina, id);
    await table.dish(mina, STACK).waitFor();
    await staysInside(mina, 'the table', 5);

    await table.box(mina).fill(STACK);
    await page.getByRole('button', { name: w.voteForIt }).waitFor();
    await staysInside(mina, 'a dish that is there', 6);
    await table.box(mina).fill('');
    await table.remove(juno, `${PLAIN} 2`);
    await page.getByRole('button', { name: w.putBack }).waitFor();
    await staysInside(mina, 'a notice', 5);
    await page.getByRole('button', { name: w.decide, exact: true }).click();
    await page.getByRole('dialog', { name: w.decideTitle }).waitFor();
    await staysInside(mina, 'how to decide');
    await page.keyboard.press('Escape');

    await table.decide(juno, 'byVotes');
    await table.winner(mina);
    await staysInside(mina, 'the winner', 2);
    await table.told(mina).getByRole('button', { name: w.enjoy }).click();
    await table.told(juno).getByRole('button', { name: juno.w.enjoy }).click();
    await staysInside(mina, 'the slip', 5);
    // All candidates are stacks, so a stack wins.
    for (const item of ['Pho', '김밥']) await table.remove(juno, item);
    await table.add(juno, `${PLAIN} 3`);
    await table.decide(juno, 'byDraw');
    await table.winner(mina);
    await staysInside(mina, 'the drawn one', 2);
    await table.told(mina).getByRole('button', { name: w.checkIt }).click();
    await page.getByRole('dialog', { name: w.check }).getByRole('status').waitFor();
    await page.getByText(w.numbers).click();
    await staysInside(mina, 'the receipt', 4);
    await page.keyboard.press('Escape');
    await table.told(mina).getByRole('button', { name: w.enjoy }).click();

    // The same result, for a table that is gone.
    await page.route('**/session/gone/result/', async (route) => {
      const answer = await fetch(`${server.base}/session/${id}/result/`);
      await route.fulfill({ status: 200, contentType: 'application/json', body: (await answer.text()).replaceAll(PLAIN, STACK) });
    });
    await page.goto('/r/gone');
    await page.getByRole('heading', { name: w.wholeMenu }).waitFor();
    await staysInside(mina, 'what was chosen', 4);
    await page.goto('/');
    await page.getByRole('region', { name: w.lately }).waitFor();
    await staysInside(mina, 'the first page', 1);
  });
}

test('in the console, stacked marks stay in their own line', async (t) => {
  const server = await site(t);
  // This test is not about connections.
  const mina = await guest(t, server.base, { reducedMotion: 'reduce', viewport: { width: 1200, height: 900 }, may: NETWORK });
  const { page } = mina;
  await page.goto('/docs/live');
  await page.getByRole('button', { name: 'Make a room' }).click();
  await page.getByRole('button', { name: 'Connect all' }).click();
  await page.getByLabel('Log of A').getByText('hello').first().waitFor();
  await page.getByLabel('Log of B').getByText('[]').first().waitFor();
  const say = page.getByRole('region', { name: 'Member B' }).getByRole('textbox', { name: 'The message as it is sent' });
  for (const line of [`add:${STACK}`, 'add:Pho']) {
    await say.fill(line);
    await page.getByRole('region', { name: 'Member B' }).getByRole('button', { name: 'Send', exact: true }).click();
  }
  await page.getByLabel('Log of A').getByText('Pho').first().waitFor();
  // Sent messages are shown, even if the server refuses them.
  await page.getByLabel('Log of B').getByText('add:').first().click();
  await staysInside(mina, 'the log');
});
