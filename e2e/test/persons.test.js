// One person is one member, however often they come back.

import { deepEqual, equal } from 'node:assert/strict';
import { NETWORK, guest, test, turn } from '../support/browser.js';
import { front, site } from '../support/site.js';
import * as table from '../support/table.js';
import { becomes, until } from '../support/wait.js';

/** @typedef {import('../support/browser.js').Guest} Guest */

/** A seat is lost at once: who comes back has none any more. */
const STRICT = ['--seat-grace', '500ms'];

/** The votes for each dish. @param {import('../support/site.js').Site} server @param {string} id */
const votes = async (server, id) => (await table.session(server, id)).state.items.map(({ votes }) => votes.length);

/** The letters of those who want a dish. @param {Guest} guest @param {string} item */
const voters = (guest, item) => table.dish(guest, item).locator('.voters .disc').evaluateAll((discs) => discs.map((disc) => [disc.dataset['initial'], disc.dataset['colour']]));

test('who closes the tab and comes back later is the same member, and takes back a vote of before', async (t) => {
  const server = await site(t, STRICT);
  const mina = await guest(t, server.base);
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(juno, id);
  await table.add(mina, '김밥');
  await table.vote(mina, '김밥');
  const before = await until('her vote is seen', () => voters(juno, '김밥'), ({ length }) => length === 1);
  const { members } = await table.session(server, id);
  equal(before[0]?.[0], 'M');

  // What is left of her keeps her name and colour, also for somebody who comes later.
  await mina.page.close();
  await table.areHere(juno, 1);
  const sora = await guest(t, server.base);
  await table.enter(sora, id);
  for (const one of [juno, sora]) deepEqual(await voters(one, '김밥'), before);
  await table.dish(sora, '김밥').getByRole('button', { name: `${sora.w.wanted('김밥')}: Mina`, exact: true }).click();
  await sora.page.getByRole('dialog', { name: sora.w.wanted('김밥') }).getByText('Mina', { exact: true }).waitFor();
  await sora.page.keyboard.press('Escape');
  equal((await table.session(server, id)).state.items[0]?.votes.length, 1);

  const later = { ...mina, page: await mina.context.newPage() };
  await table.enter(later, id);
  await table.areHere(juno, 3);
  await later.page.getByRole('button', { name: mina.w.changeMe('Mina') }).waitFor();
  deepEqual((await table.session(server, id)).members.find(({ name }) => name === 'Mina'), members.find(({ name }) => name === 'Mina'));
  await table.voteFor(later, '김밥').click();
  await becomes('votes', () => votes(server, id), [0]);
});

test('the same link in a second tab is one member: the newer tab has the seat, and the older takes it back by a tap', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base);
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.add(mina, '김밥');
  await table.vote(mina, '김밥');
  const second = { ...mina, page: await mina.context.newPage() };
  await table.enter(second, id);
  equal(await table.voteFor(second, '김밥').getAttribute('aria-pressed'), 'true');
  await mina.page.getByRole('heading', { name: mina.w.takenTitle }).waitFor();
  equal((await table.session(server, id)).members.length, 1);

  await mina.page.getByRole('button', { name: mina.w.useHere }).click();
  await table.isLive(mina);
  await second.page.getByRole('heading', { name: mina.w.takenTitle }).waitFor();
  // A tab that the browser loads again is the newer one.
  await second.page.reload();
  await table.isLive(second);
  await mina.page.getByRole('heading', { name: mina.w.takenTitle }).waitFor();
  equal((await table.session(server, id)).members.length, 1);
  deepEqual(await votes(server, id), [1]);
});

test('a tab that was without a connection leaves the seat to the tab that was opened meanwhile', async (t) => {
  const server = await site(t);
  const mina = await guest(t, server.base, { may: NETWORK });
  let isCut = false;
  /** @type {import('playwright-core').WebSocketRoute[]} */
  const sockets = [];
  await table.between(mina.page, (socket) => {
    if (isCut) return void socket.close({ code: 1006 });
    sockets.push(socket);
    socket.connectToServer();
  });
  const id = await table.open(mina);
  await table.callMyself(mina, 'Mina');
  isCut = true;
  for (const socket of sockets) await socket.close({ code: 1006 });
  await mina.page.getByRole('button', { name: mina.w.tryNow }).waitFor();
  const second = { ...mina, page: await mina.context.newPage() };
  await table.enter(second, id);
  isCut = false;
  await mina.page.getByRole('heading', { name: mina.w.takenTitle }).waitFor();
  await table.add(second, '김밥');
  equal((await table.session(server, id)).members.length, 1);
  await mina.page.getByRole('button', { name: mina.w.useHere }).click();
  await table.isLive(mina);
  await second.page.getByRole('heading', { name: mina.w.takenTitle }).waitFor();
});

test('where nothing can be stored, the page itself knows who somebody is', async (t) => {
  const server = await site(t, STRICT);
  const address = await front(t, server);
  const mina = await guest(t, address.base, { may: NETWORK });
  await mina.page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      });
    }
  });
  const juno = await guest(t, server.base);
  const id = await table.open(mina);
  await table.enter(juno, id);
  await table.callMyself(mina, 'Mina');
  await table.add(mina, '김밥');
  await table.vote(mina, '김밥');
  // The phone is locked for longer than the seat is kept.
  await turn(mina, 'hidden');
  address.refuse(true);
  address.cut();
  await table.areHere(juno, 1);
  address.refuse(false);
  await turn(mina, 'visible');
  await table.areHere(juno, 2);
  await table.isLive(mina);
  await table.voteFor(mina, '김밥').click();
  await becomes('votes', () => votes(server, id), [0]);
});

test('the name they used last is offered where they are still a guest', async (t) => {
  const server = await site(t, STRICT);
  const mina = await guest(t, server.base);
  const id = await table.open(mina);
  await table.open(mina);
  await table.callMyself(mina, 'Mina');
  await table.enter(mina, id);
  const field = mina.page.getByRole('textbox', { name: mina.w.yourName });
  equal(await field.inputValue(), 'Mina');
  await field.press('Enter');
  await mina.page.getByRole('button', { name: mina.w.changeMe('Mina') }).waitFor();
});
