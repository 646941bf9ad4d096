// The list while others change it: nothing moves under a finger, and the focus stays where it was.

import { equal, deepEqual } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { front, site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes, until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/**
 * Mina and Juno at a table with three dishes.
 * @param {import('node:test').TestContext} t
 */
async function three(t) {
  const server = await site(t);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce' });
  const juno = await guest(t, server.base, { reducedMotion: 'reduce' });
  const id = await table.open(mina);
  await table.enter(juno, id);
  for (const item of ['김밥', 'Pho', 'Ramen']) await table.add(juno, item);
  await table.allSeeTheSame([mina, juno], server, id);
  return { server, mina, juno, id };
}

/** The visible dishes, from the top. @param {Guest} guest */
const order = (guest) => table.menu(guest).then((lines) => lines.map((line) => /^Vote for (.*?), from/.exec(line)?.[1]));

test('the list does not jump under a finger, and is in order when it is left alone', async (t) => {
  const { mina, juno, server, id } = await three(t);
  const pho = await table.voteFor(mina, 'Pho').boundingBox();
  if (!pho) throw new Error('nothing to be touched');
  await mina.page.mouse.move(pho.x + 20, pho.y + pho.height / 2);
  await mina.page.mouse.down();
  await table.vote(juno, 'Ramen');
  await mina.page.getByRole('button', { name: `${mina.w.vote('Ramen')}, ${mina.w.addedBy(mina.w.guest('2'))}, ${mina.w.mostWanted}, ${mina.w.votes(1)}` }).waitFor();
  deepEqual(await order(mina), ['김밥', 'Pho', 'Ramen']);
  deepEqual(await table.voteFor(mina, 'Pho').boundingBox(), pho);
  // So the finger is lifted from the same line that it touched.
  await mina.page.mouse.up();
  await until('the vote', () => table.session(server, id), ({ state }) => state.items[1]?.votes.length === 1);
  await becomes('the order', () => order(mina), ['Pho', 'Ramen', '김밥']);
});

test('the focus stays on its dish while others vote, add and remove', async (t) => {
  const { mina, juno, server, id } = await three(t);
  const hasFocus = (/** @type {import('playwright-core').Locator} */ locator) => locator.evaluate((element) => element === document.activeElement);
  await table.voteFor(mina, 'Pho').focus();
  await table.vote(juno, 'Ramen');
  await table.add(juno, '냉면');
  await table.remove(juno, '김밥');
  await becomes('the order', () => order(mina), ['Ramen', 'Pho', '냉면']);
  equal(await hasFocus(table.voteFor(mina, 'Pho')), true);

  // The guest's dish moves up past others.
  await table.voteFor(mina, '냉면').focus();
  await table.vote(juno, '냉면');
  await becomes('the order', () => order(mina), ['Ramen', '냉면', 'Pho']);
  equal(await hasFocus(table.voteFor(mina, '냉면')), true);

  // The focused dish is removed: the focus moves to the line at its place.
  await table.voteFor(mina, 'Pho').focus();
  await table.remove(juno, 'Pho');
  await table.dish(mina, 'Pho').waitFor({ state: 'detached' });
  equal(await hasFocus(table.voteFor(mina, '냉면')), true);

  // A half-typed word stays, with its caret.
  await table.box(mina).fill('우도');
  await table.voteFor(juno, '냉면').click();
  await table.remove(juno, 'Ramen');
  await table.allSeeTheSame([mina], server, id, ['냉면']);
  equal(await table.box(mina).inputValue(), '우도');
  equal(await hasFocus(table.box(mina)), true);
});

test('a draw moves nothing for whoever wants it calm, and is told all the same', async (t) => {
  const { mina, juno } = await three(t);
  const moving = await guest(t, new URL(mina.page.url()).origin, { reducedMotion: 'no-preference' });
  await moving.page.goto(mina.page.url());
  await table.isLive(moving);
  // Records each position of the tray.
  for (const { page } of [mina, moving]) {
    await page.evaluate(() => {
      /** @type {Set<string>} */
      const seen = new Set();
      Object.assign(window, { seen });
      const look = () => {
        for (const element of document.querySelectorAll('dialog svg g[style]')) seen.add(getComputedStyle(element).transform);
      };
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
  }
  const turns = (/** @type {Guest} */ { page }) => page.evaluate(() => /** @type {any} */ (window).seen.size);
  await table.decide(juno, 'byDraw');
  equal(await table.winner(mina), await table.winner(moving));
  const [calm, turned] = [await turns(mina), await turns(moving)];
  // Only the first and the last position.
  equal(calm <= 2, true, `${calm} positions`);
  // A busy machine draws few of the positions in between.
  equal(turned > 2, true, `${turned} positions`);
});

test('a dish that is still on its way looks as if nothing could be done with it yet, and so it is', async (t) => {
  const server = await site(t);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK, reducedMotion: 'reduce' });
  await table.open(mina);
  address.lose('all');
  await table.box(mina).fill('Pho');
  await mina.page.keyboard.press('Enter');
  const line = table.dish(mina, 'Pho');
  await line.getByText(mina.w.sending).waitFor();
  equal(await table.voteFor(mina, 'Pho').getAttribute('aria-disabled'), 'true');
  for (const part of ['.plate-count', '.remove']) {
    const opacity = () => line.locator(part).evaluate((element) => Number(getComputedStyle(element).opacity));
    await until(`${part} is pale`, opacity, (value) => value < 0.5);
  }
});

test('a table that was just kept open for ten minutes is not said to be open for eleven', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  // The server's first message is late, as on a network that wakes up, so the server's clock seems to be behind.
  await table.between(mina.page, (socket) => {
    const far = socket.connectToServer();
    let before = Promise.resolve();
    let wait = 900;
    far.onMessage((message) => {
      const late = wait;
      wait = 0;
      // sleep: the network is slow
      before = before.then(() => new Promise((done) => setTimeout(done, late))).then(() => socket.send(message));
    });
  });
  await table.openShort(mina, server);
  await table.add(mina, 'Pho');
  equal(await mina.page.locator('.time-left').textContent(), mina.w.timeLeft(10));
});
