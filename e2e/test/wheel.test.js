// The tray with a sector for each dish, and where its pointer ends.

import { deepEqual, equal } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { findings } from '../support/axe.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes } from '../support/wait.js';

/** The dish under the tip of the pointer, as the screen has it. @param {import('../support/browser.js').Guest} guest */
const pointed = ({ page }) =>
  page.evaluate(() => {
    const tip = document.querySelector('.pointer')?.getBoundingClientRect();
    if (!tip) return null;
    // A little further than the tip, which is on the left.
    const under = document.elementsFromPoint(tip.left - 2, tip.top + tip.height / 2);
    return under.map((element) => element.closest('.sector')?.querySelector('text')?.textContent).find(Boolean) ?? null;
  });

/**
 * The turn is style, and hit testing follows with the next frame.
 * @param {import('../support/browser.js').Guest} guest
 * @param {string} dish
 */
const points = (guest, dish) => becomes('the dish at the pointer', () => pointed(guest), dish);

test('the pointer ends in the sector of the winner, with and without motion', async (t) => {
  const server = await site(t);
  const calm = await guest(t, server.base, { reducedMotion: 'reduce', viewport: { width: 390, height: 844 } });
  const moving = await guest(t, server.base, { locale: 'ko-KR' });
  const id = await table.open(calm);
  await table.enter(moving, id);
  await table.add(calm, 'Pho');
  await table.decide(calm, 'byVotes');
  equal(await table.winner(calm), 'Pho');
  await points(calm, 'Pho');
  for (const one of [calm, moving]) await table.told(one).getByRole('button', { name: one.w.enjoy }).click();
  for (const dish of ['김밥', 'Ramen', 'Curry', 'Salad']) await table.add(calm, dish);
  await table.decide(calm, 'byDraw');
  const chosen = await table.winner(calm);
  await points(calm, chosen);
  deepEqual(await findings(calm.page), []);
  // The other one sees all names while it turns, and then the same.
  deepEqual(await moving.page.locator('.sector text').allTextContents(), ['Pho', '김밥', 'Ramen', 'Curry', 'Salad']);
  equal(await table.winner(moving), chosen);
  await points(moving, chosen);
});
