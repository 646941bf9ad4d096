// Nobody loses what is theirs by an accident, and who is here is seen.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { findings } from '../support/axe.js';
import { NETWORK, guest, test } from '../support/browser.js';
import { BRIEF, site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes } from '../support/wait.js';

const PHONE = { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 }, reducedMotion: /** @type {const} */ ('reduce') };
const ANOTHER = 'https://map.example/place/1';

test('what others want is removed, and what was chosen is chosen again, only when one says so', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, PHONE);
  const juno = await guest(t, server.base, { ...PHONE, locale: 'ko-KR' });
  const id = await table.open(mina);
  await table.enter(juno, id);
  await table.add(mina, 'Pho');
  await table.add(juno, '김밥');
  await table.vote(juno, 'Pho');

  // One's own goes at once; that of somebody else is asked for.
  const { page, w } = juno;
  await page.getByRole('button', { name: w.remove('Pho'), exact: true }).click();
  await table.dish(mina, 'Pho').waitFor({ state: 'detached' });
  await mina.page.getByRole('button', { name: mina.w.putBack }).click();
  await table.vote(mina, 'Pho');
  await table.allSeeTheSame([mina, juno], server, id);
  await page.getByRole('button', { name: w.remove('Pho'), exact: true }).click();
  const asked = page.getByRole('dialog', { name: w.removeAsk('Pho') });
  deepEqual(await findings(page), []);
  await asked.getByRole('button', { name: w.cancel }).click();
  equal(await table.dish(juno, 'Pho').count(), 1);
  await table.remove(juno, 'Pho');
  await table.dish(mina, 'Pho').waitFor({ state: 'detached' });

  // A decision while somebody types takes nothing away.
  await table.box(mina).fill('Ram');
  // It is shown for five seconds.
  const isTold = mina.page.getByRole('group', { name: mina.w.said.decided('김밥') }).waitFor();
  await table.decide(juno, 'byVotes');
  await table.winner(juno);
  await table.told(juno).getByRole('button', { name: w.enjoy }).click();
  await isTold;
  await mina.page.keyboard.type('en');
  equal(await table.box(mina).inputValue(), 'Ramen');
  equal(await mina.page.getByRole('dialog').count(), 0);
  await mina.page.keyboard.press('Enter');
  await table.dish(mina, 'Ramen').waitFor();

  await page.getByRole('button', { name: w.decideAgain, exact: true }).click();
  await page.getByRole('dialog', { name: w.decideAgainAsk }).getByRole('button', { name: w.cancel }).click();
  equal(await page.getByRole('dialog').count(), 0);
  await table.decide(juno, 'byVotes');
  await table.winner(juno);
});

test('a dish that is a link says where it leads, and opens beside the page', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, PHONE);
  const { page, w } = mina;
  await table.open(mina);
  for (const dish of [ANOTHER, 'javascript:alert(1)']) {
    await table.box(mina).fill(dish);
    await table.box(mina).press('Enter');
  }
  await table.answered(mina, 'map.example').waitFor();
  await table.answered(mina, 'javascript:alert(1)').waitFor();
  const link = page.getByRole('link', { name: w.openLink('map.example') });
  deepEqual(
    await link.evaluate((/** @type {HTMLAnchorElement} */ { href, target, rel }) => [href, target, rel]),
    [ANOTHER, '_blank', 'noopener noreferrer'],
  );
  equal(await page.locator('.dish a:visible').count(), 1);
  deepEqual(await findings(page), []);
  await table.vote(mina, 'map.example');
  await table.decide(mina, 'byVotes');
  equal(await table.winner(mina), 'map.example');
  await table.told(mina).getByRole('button', { name: w.enjoy }).click();
  equal(await table.decided(mina).getByRole('link').getAttribute('href'), ANOTHER);
});

test('ten people are seen on a phone, and large text covers nothing', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { ...PHONE, viewport: { width: 320, height: 568 } });
  const { page, w } = mina;
  const id = await table.open(mina);
  // Alone, one is asked to invite others first.
  const call = page.getByRole('main').getByRole('button', { name: w.share, exact: true });
  await call.waitFor();
  await page.evaluate(async ([module, id]) => {
    const { Room } = await import(/** @type {string} */ (module));
    const url = `${location.origin.replace('http', 'ws')}/ws/${id}/`;
    const names = ['Juno', '소라', 'Sebastian the Third', '김수한무거북이와두루미', 'Eun', 'Fay', 'Gil', 'Ha', 'Ida'];
    Object.assign(globalThis, { others: names.map((name) => new Room(url, { name, apply: (/** @type {unknown} */ state) => state })) });
  }, [`${server.base}/web/0/client/room.js`, id]);
  await table.areHere(mina, 10);
  equal(await call.isVisible(), false);
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 568 });
    const people = page.getByRole('region', { name: w.people }).getByRole('listitem');
    const seen = await people.evaluateAll((all) => all.map((one) => one.firstElementChild?.getBoundingClientRect()).map((box) => box && box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight));
    deepEqual(seen, Array(10).fill(true), `${width}`);
  }
  deepEqual(await findings(page), []);
  await table.add(mina, 'Pho');
  await table.add(mina, 'Ramen');
  // A finger has no pointer that would tell what a sign means.
  await page.getByText(w.vetoHint).waitFor();
  await page.evaluate(() => (document.documentElement.style.fontSize = '212.5%'));
  await becomes('what stays in place', () => page.locator('.dock').evaluate((dock) => getComputedStyle(dock).position), 'static');
  await table.vote(mina, 'Pho');
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 568 });
    ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
    // Each control can be reached: it is what is at its own middle once it is scrolled to.
    const covered = await page.evaluate(() => {
      const controls = [...document.querySelectorAll('.bar button, .room button, .room input')].filter((one) => one.checkVisibility());
      return controls.flatMap((control) => {
        control.scrollIntoView({ block: 'center', behavior: 'instant' });
        const { left, top, width, height } = control.getBoundingClientRect();
        const at = document.elementFromPoint(left + width / 2, top + height / 2);
        return at && (control.contains(at) || at.contains(control)) ? [] : [control.getAttribute('aria-label') ?? control.textContent];
      });
    });
    deepEqual(covered, []);
  }
});

test('what somebody types while the table closes is not lost', async (t) => {
  const server = await site(t, BRIEF);
  const mina = await guest(t, server.base, { ...PHONE, may: NETWORK });
  const { page, w } = mina;
  const id = await table.openShort(mina, server);
  await table.add(mina, 'Pho');
  await table.box(mina).fill('Bibim');
  await page.getByRole('heading', { name: w.goneTitle, level: 1 }).waitFor();
  const note = page.getByRole('paragraph').filter({ hasText: w.notAdded('Bibim') });
  await note.getByRole('button', { name: w.copyText, exact: true }).click();
  await note.getByRole('button', { name: w.copied }).waitFor();
  equal(await page.evaluate(() => navigator.clipboard.readText()), 'Bibim');
  deepEqual(await findings(page), []);
  await page.getByRole('button', { name: w.againSame }).click();
  await page.waitForURL((url) => url.pathname !== `/r/${id}`);
  await table.dish(mina, 'Pho').waitFor();
  equal(await table.box(mina).inputValue(), 'Bibim');
});
