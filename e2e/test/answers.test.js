// Changes with an unclear or missing answer: the page shows the true outcome of each.

import { deepEqual, equal } from 'node:assert/strict';
import { NETWORK, guest, test } from '../support/browser.js';
import { BRIEF, site } from '../support/site.js';
import * as table from '../support/table.js';
import { until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/**
 * From the next connection on, the test sits between the page and the server.
 * @param {Guest} guest
 * @param {(message: any, answer: (push: object) => void) => boolean} takes whether the test keeps the page's
 *   message from the server
 */
async function between({ page }, takes) {
  /** @type {((push: object) => void)[]} */
  const said = [];
  await table.between(page, (socket) => {
    const server = socket.connectToServer();
    const say = (/** @type {object} */ push) => socket.send(JSON.stringify(push));
    said.push(say);
    socket.onMessage((text) => void (takes(JSON.parse(String(text)), say) || server.send(text)));
  });
  /** Sends something in the server's place. @param {object} push */
  return (push) => said.at(-1)?.(push);
}

/** The text above the box about dishes that were not added. @param {Guest} guest */
const notAdded = ({ page }) => page.locator('.add > [role="alert"]');

/** @param {Guest} guest @param {string} item */
async function give(guest, item) {
  await table.box(guest).fill(item);
  await table.box(guest).press('Enter');
}

test('a change whose answer nobody knows is looked for on the table, and each that is not there is named', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, w } = mina;
  /** How the server handles the next commands. @type {'well' | 'not' | 'well, and says that it does not know'} */
  let how = 'well';
  /** Delayed answers. @type {(() => void)[]} */
  const held = [];
  const answerAll = () => until('something to answer', () => held.splice(0).map((answer) => answer()), ({ length }) => length > 0);
  await between(mina, (message, answer) => {
    const outdated = { error: { id: message.id, code: 'outdated', message: 'no longer known' } };
    if (how === 'well' || !(message.add ?? message.vote ?? message.remove)) return false;
    if (how === 'not') held.push(() => answer(outdated));
    else answer(outdated);
    return how === 'not';
  });
  const id = await table.open(mina);
  await table.add(mina, 'Pho');

  how = 'well, and says that it does not know';
  await table.add(mina, '김밥');
  how = 'not';
  // The typed text is back in the box, unless something else is there.
  await give(mina, '냉면');
  await answerAll();
  await page.getByRole('main').getByText(w.notDone).waitFor();
  equal(await table.box(mina).inputValue(), '냉면');
  for (const item of ['라면', '우동']) {
    await give(mina, item);
    await table.box(mina).fill('something else');
    await answerAll();
    await notAdded(mina).getByText(item).waitFor();
  }
  await notAdded(mina).getByText(`${w.notAdded('라면, 우동')} ${w.notDone}`, { exact: true }).waitFor();
  await table.voteFor(mina, 'Pho').click();
  await answerAll();
  await page.getByRole('group', { name: `${w.vote('Pho')}: ${w.notDone}`, exact: true }).waitFor();
  await table.remove(mina, 'Pho');
  await answerAll();
  await page.getByRole('group', { name: `${w.remove('Pho')}: ${w.notDone}`, exact: true }).waitFor();

  how = 'well';
  await notAdded(mina).getByRole('button', { name: w.addAgain }).click();
  await table.box(mina).fill('');
  await table.allSeeTheSame([mina], server, id, ['Pho', '김밥', '라면', '우동']);
  equal(await notAdded(mina).textContent(), '');
});

test('while the server cannot save the page says so, and of each dish that it waits', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, w } = mina;
  /** @type {string[]} */
  const kept = [];
  const say = await between(mina, (message) => Boolean(message.add && kept.push(message.add.item)));
  const id = await table.open(mina);
  say({ status: { store: 'down' } });
  await page.getByRole('banner').getByText(w.notSaving, { exact: true }).waitFor();
  await page.getByText(w.storeDown).waitFor();
  await give(mina, 'Pho');
  await table.dish(mina, 'Pho').getByText(w.waits, { exact: true }).waitFor();
  deepEqual([kept, (await table.session(server, id)).state.items], [['Pho'], []]);
});

test('a change that has no answer for long is told of, while the server seems well', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { may: NETWORK });
  const { page, w } = mina;
  await between(mina, (message, answer) => {
    if (!message.add) return false;
    // It answers `unavailable` again and again.
    answer({ error: { id: message.id, code: 'unavailable', message: 'not now' } });
    return true;
  });
  await table.open(mina);
  await give(mina, 'Pho');
  await table.dish(mina, 'Pho').getByText(w.sending, { exact: true }).waitFor();
  await page.getByText(w.slow, { exact: true }).waitFor();
  await table.isLive(mina);
});

test('dishes that were given in without a connection wait over a reload, and are sent', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, w } = mina;
  let away = false;
  await table.between(page, (socket) => void (away || socket.connectToServer()));
  const id = await table.open(mina);
  away = true;
  for (const reload of [true, false]) {
    await page.reload();
    await table.says(mina, 'connecting');
    if (reload) await give(mina, 'Pho');
    await table.dish(mina, 'Pho').getByText(w.waits, { exact: true }).waitFor();
  }
  away = false;
  await page.reload();
  await table.allSeeTheSame([mina], server, id, ['Pho']);
  equal(await notAdded(mina).textContent(), '');
});

test('dishes that were not sent before their tab was closed are named when the table is opened again', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const { page, context, w } = mina;
  let away = false;
  await table.between(page, (socket) => void (away || socket.connectToServer()));
  const id = await table.open(mina);
  away = true;
  await page.reload();
  await table.says(mina, 'connecting');
  for (const item of ['Pho', '김밥', '냉면']) await give(mina, item);
  await table.dish(mina, '냉면').waitFor();
  await page.close();

  const juno = await guest(t, server.base);
  await table.enter(juno, id);
  await table.add(juno, '김밥');
  const again = { ...mina, page: await context.newPage() };
  await table.enter(again, id);
  // The dish that another guest added meanwhile is there.
  await notAdded(again).getByText(w.notAdded('Pho, 냉면')).waitFor();
  await notAdded(again).getByRole('button', { name: w.addAgain }).click();
  await table.allSeeTheSame([again, juno], server, id, ['김밥', 'Pho', '냉면']);

  // Dishes that are no longer wanted are forgotten; nothing is left.
  const left = () => again.page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('unsent')));
  await until('what is kept', left, ({ length }) => length === 0);
  await again.page.evaluate((id) => localStorage.setItem(`tablecast.unsent.${id}`, '["라면"]'), id);
  await again.page.reload();
  await notAdded(again).getByRole('button', { name: w.close }).click();
  await until('what is kept', left, ({ length }) => length === 0);
  equal(await notAdded(again).textContent(), '');
});

test('a dish that was not sent when its table closed is named there', async (t) => {
  const server = await site(t, BRIEF);
  // A missing result is a 404.
  const mina = await guest(t, server.base, { may: NETWORK });
  const { page, w } = mina;
  await table.openShort(mina, server);
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
  await page.evaluate((id) => localStorage.setItem(`tablecast.unsent.${id}`, '["라면"]'), id);
  await page.getByRole('heading', { name: w.goneTitle }).waitFor();
  await page.getByText(w.notAdded('라면'), { exact: true }).waitFor();
  // As for a guest who opens the link later and has not seen the table.
  await page.evaluate((id) => {
    sessionStorage.clear();
    localStorage.setItem(`tablecast.unsent.${id}`, '["냉면"]');
  }, id);
  await page.reload();
  await page.getByRole('heading', { name: w.unknownTitle }).waitFor();
  await page.getByText(w.notAdded('냉면'), { exact: true }).waitFor();
});
