// The rules of a vote: when it ends, who sees it, how many votes each has, and what somebody cannot eat.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/** Chooses on the first page. @param {Guest} guest @param {string} group @param {string} option */
const choose = ({ page }, group, option) => page.getByRole('group', { name: group }).getByRole('radio', { name: option, exact: true }).check({ force: true });

/** Whether the guest's own vote is shown at a dish. @param {Guest} guest @param {string} item */
const wants = async (guest, item) => (await table.voteFor(guest, item).getAttribute('aria-pressed')) === 'true';

/** The discs at a dish. @param {Guest} guest @param {string} item */
const voters = (guest, item) => table.dish(guest, item).locator('.voters .disc').count();

/** How many have voted, as the page says it. @param {Guest} guest @param {number} n @param {number} of */
const haveVoted = (guest, n, of) => table.rules(guest).getByText(guest.w.votedOf(n, of), { exact: true }).waitFor();

test('in a secret ballot with one vote each, everybody sees who has voted and nobody for what, until it is decided', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce' });
  const juno = await guest(t, server.base, { reducedMotion: 'reduce', locale: 'ko-KR', viewport: { width: 320, height: 568 } });
  const { page, w } = mina;
  await page.goto('/');
  await page.getByText(w.details).click();
  await choose(mina, w.ballot, w.secretBallot);
  await choose(mina, w.votesPerPerson, w.votes(1));
  await page.getByRole('button', { name: w.open }).click();
  await table.isLive(mina);
  const id = new URL(page.url()).pathname.replace('/r/', '');
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.callMyself(juno, '준오');
  for (const one of [mina, juno]) for (const rule of [one.w.secretBallot, one.w.votesEach(1)]) await table.rules(one).getByText(rule, { exact: true }).waitFor();
  for (const item of ['김밥', 'Pho', 'Ramen']) await table.add(mina, item);
  for (const one of [mina, juno]) await haveVoted(one, 0, 2);

  // Her vote moves; others see only that she has voted.
  await table.vote(mina, 'Pho');
  await table.vote(mina, 'Ramen');
  await until('the other vote is taken back', () => wants(mina, 'Pho'), (is) => !is);
  await haveVoted(juno, 1, 2);
  deepEqual(await Promise.all(['김밥', 'Pho', 'Ramen'].map((item) => voters(juno, item))), [0, 0, 0]);
  deepEqual(await table.menu(juno), ['김밥', 'Pho', 'Ramen'].map((item) => `${juno.w.vote(item)}, ${juno.w.addedBy('Mina')}`));

  // Who has not voted is told so, and reminded once.
  await table.rules(juno).getByText(juno.w.voteMissing).waitFor();
  await table.rules(mina).getByRole('button', { name: w.nudge }).click();
  await juno.page.getByRole('group', { name: juno.w.said.nudgedYou('Mina') }).waitFor();
  await table.rules(mina).getByRole('button', { name: w.nudge }).waitFor({ state: 'hidden' });

  // What is refused is said where one looks: over the open sheet.
  const sheet = await table.settings(mina);
  await sheet.getByRole('button', { name: w.anyVotes, exact: true }).click();
  await sheet.getByRole('button', { name: w.anyVotes, pressed: true }).waitFor();
  await sheet.getByRole('button', { name: w.votes(3), exact: true }).click();
  await sheet.getByRole('group', { name: w.errors.too_many_votes }).waitFor();
  await page.keyboard.press('Escape');

  // What somebody cannot eat does not win, though it has as many votes.
  await table.vote(juno, 'Pho');
  for (const one of [mina, juno]) await haveVoted(one, 2, 2);
  await juno.page.getByRole('button', { name: juno.w.veto('Ramen'), exact: true }).click();
  await table.dish(mina, 'Ramen').getByText(w.cannotEat('준오')).waitFor();
  await table.decide(mina, 'byVotes');
  for (const one of [mina, juno]) {
    equal(await table.winner(one), 'Pho');
    const counts = (await table.told(one).locator('.stage-votes').textContent())?.replaceAll('\u00a0', ' ');
    ok(counts?.includes('Pho 1') && counts.includes('Ramen 1'), counts ?? '');
    equal(await table.told(one).locator('.sector').count(), 2);
    await table.told(one).getByRole('button', { name: one.w.enjoy }).click();
    for (const item of ['Pho', 'Ramen']) equal(await voters(one, item), 1, item);
  }
});

test('a deadline is seen by all, and when it comes the votes decide without anybody', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { reducedMotion: 'reduce' });
  const juno = await guest(t, server.base, { reducedMotion: 'reduce' });
  const { page, w } = mina;
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.add(mina, '김밥');
  await table.add(mina, 'Pho');
  await table.vote(juno, 'Pho');
  const sheet = await table.settings(mina);
  await sheet.getByRole('button', { name: w.minutes(20), exact: true }).click();
  await table.rules(juno).getByText(w.minutesLeft(20)).waitFor();
  await sheet.getByRole('button', { name: w.noDeadline }).click();
  await table.rules(juno).getByText(w.minutesLeft(20)).waitFor({ state: 'hidden' });
  await page.keyboard.press('Escape');
  await soon(juno, id);
  for (const one of [mina, juno]) {
    equal(await table.winner(one), 'Pho');
    await table.told(one).getByText(w.clockByVotes(1), { exact: true }).waitFor();
    await table.told(one).getByRole('button', { name: w.enjoy }).click();
    await table.decided(one).getByText(w.clockByVotes(1), { exact: true }).waitFor();
  }
});

/**
 * Sets a deadline in a few seconds, which the page does not offer: over a connection of its own.
 * @param {Guest} guest
 * @param {string} id
 */
const soon = ({ page }, id) =>
  page.evaluate(
    (id) =>
      new Promise((done) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/${id}/`, 'tablecast.v1');
        socket.onopen = () => socket.send(JSON.stringify({ join: {} }));
        socket.onmessage = ({ data }) => {
          const { hello, ack } = JSON.parse(data);
          if (hello) socket.send(JSON.stringify({ id: 1, deadline: { in_ms: 5_000 } }));
          if (!ack) return;
          socket.close(1000);
          done(null);
        };
      }),
    id,
  );
