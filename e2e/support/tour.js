// Every screen of the page, one after the other, with guests and dishes that do not change from tour to tour.

import { NETWORK, guest, named } from './browser.js';
import { BRIEF, front, site } from './site.js';
import * as table from './table.js';
import { words } from './words.js';

/** @typedef {import('node:test').TestContext} TestContext */
/** @typedef {import('./browser.js').Guest} Guest */
/** @typedef {import('./browser.js').Device} Device */

const WORDS = {
  en: { title: 'Friday lunch', me: 'Mina', friends: ['Juno', 'Sora'], dishes: ['Kimchi stew', 'Bibimbap', 'Pho', 'The noodle place behind the station'] },
  ko: { title: '금요일 점심', me: '미나', friends: ['준오', '소라'], dishes: ['김치찌개', '비빔밥', '쌀국수', '역 뒤에 있는 국숫집'] },
};

/**
 * Goes through all screens and calls `look` at each one.
 * @param {TestContext} t
 * @param {Device} device
 * @param {(screen: string, guest: Guest) => Promise<void>} look
 */
export async function tour(t, device, look) {
  const calm = { reducedMotion: /** @type {const} */ ('reduce'), may: NETWORK, ...device };
  const server = await site(t, ['--seats', '4', '--seat-grace', '1h']);
  const address = await front(t, server);
  const me = await guest(t, named(address.base), calm);
  const { page, w } = me;
  const { title, me: name, friends, dishes } = WORDS[w === words.ko ? 'ko' : 'en'];
  const dialog = () => page.getByRole('dialog');
  const close = () => page.keyboard.press('Escape');

  await page.goto('/');
  await page.getByRole('button', { name: w.open }).waitFor();
  await look('home', me);
  await page.getByText(w.details).click();
  await page.getByRole('textbox', { name: w.tableName }).fill(title);
  await look('home-details', me);

  await page.getByRole('button', { name: w.open }).click();
  await table.isLive(me);
  const id = new URL(page.url()).pathname.replace('/r/', '');
  await look('room-alone', me);

  const others = [];
  for (const friend of friends) {
    const one = await guest(t, named(server.base), calm);
    await table.enter(one, id);
    await table.callMyself(one, friend);
    others.push(one);
  }
  const [juno, sora] = /** @type {[Guest, Guest]} */ (/** @type {unknown} */ (others));
  await look('room-empty', me);
  await table.callMyself(me, name);
  for (const [n, dish] of dishes.entries()) await table.add([me, juno, sora][n % 3] ?? me, dish);
  for (const one of [me, juno, sora]) await table.vote(one, dishes[1] ?? '');
  await table.vote(sora, dishes[2] ?? '');
  await sora.context.close();
  await table.areHere(me, 2, 1);
  await table.remove(juno, dishes[3] ?? '');
  await page.getByRole('group', { name: w.removedBy(friends[0] ?? '', dishes[3] ?? '') }).waitFor();
  await look('room-removed', me);
  await page.getByRole('button', { name: w.putBack }).click();
  await table.allSeeTheSame([me, juno], server, id, dishes);
  await look('room', me);

  await table.box(me).fill(dishes[2] ?? '');
  await page.getByRole('button', { name: w.voteForIt }).waitFor();
  await look('room-there-already', me);
  await table.box(me).fill('');

  await page.getByRole('button', { name: w.invite, exact: true }).click();
  await dialog().getByRole('img', { name: w.qr }).evaluate((/** @type {HTMLImageElement} */ image) => image.decode());
  await look('invite', me);
  await close();
  // What Juno cannot eat, a deadline, three votes each, a secret ballot, and a menu that is locked.
  await juno.page.getByRole('button', { name: w.veto(dishes[0] ?? ''), exact: true }).click();
  const settings = await table.settings(me);
  await settings.getByRole('button', { name: w.minutes(30), exact: true }).click();
  await settings.getByRole('button', { name: w.votes(3), exact: true }).click();
  await settings.getByRole('button', { name: w.secretBallot, exact: true }).click();
  await settings.getByRole('button', { name: w.locked, exact: true }).click();
  await settings.getByRole('button', { name: w.dismiss }).first().click();
  await look('settings', me);
  await table.rules(juno).getByText(w.lockedBy(name)).waitFor();
  await look('room-locked', juno);
  await settings.getByRole('button', { name: w.openToAll, exact: true }).click();
  await close();
  await look('room-with-rules', me);
  await page.getByRole('button', { name: w.changeMe(name) }).click();
  await look('me', me);
  await close();
  await page.getByRole('button', { name: w.decide, exact: true }).click();
  await look('decide', me);
  await close();

  await table.decide(me, 'byDraw');
  await table.winner(me);
  await look('result', me);
  await dialog().getByRole('button', { name: w.checkIt }).click();
  await page.getByRole('dialog', { name: w.check }).getByRole('status').waitFor();
  await look('check', me);
  await close();
  await table.told(me).getByRole('button', { name: w.enjoy }).click();
  await look('room-decided', me);

  address.refuse(true);
  address.cut();
  await table.says(me, 'offline');
  await look('offline', me);
  // Nothing answers: the bar shows its longest word.
  address.refuse(false);
  address.lose('all');
  await table.tryNow(me);
  await table.says(me, 'connecting');
  await look('connecting', me);
  address.lose('nothing');
  address.cut();
  await table.tryNow(me);
  await table.isLive(me);

  // Another tab with the same seat.
  const [copy] = await Promise.all([me.context.waitForEvent('page'), page.evaluate(() => void open(location.href))]);
  await page.getByRole('heading', { name: w.takenTitle }).waitFor();
  await look('taken', me);
  await copy.close();

  // With one more member all seats are taken: absent members keep theirs.
  await table.enter(await guest(t, named(server.base), calm), id);
  const late = await guest(t, named(server.base), calm);
  await late.page.goto(`/r/${id}`);
  await late.page.getByRole('region', { name: w.watching }).waitFor();
  await look('watching', late);
  await late.page.goto(`/r/${id}?watch`);
  await table.areHere(late, 2, 2);
  await look('wall', late);

  await late.page.goto('/r/nobody');
  await late.page.getByRole('heading', { name: w.unknownTitle }).waitFor();
  await look('unknown', late);
  await late.page.goto('/nowhere');
  await late.page.getByRole('link', { name: w.openOwn }).waitFor();
  await look('nowhere', late);
  await late.context.close();

  for (const [screen, code, heading] of /** @type {const} */ ([
    ['closed', 4412, w.closedTitle],
    ['restarting', 1012, w.restartTitle],
    ['unreachable', 1006, w.unreachableTitle],
  ])) {
    const one = await guest(t, named(server.base), calm);
    await one.page.routeWebSocket(/\/ws\//, (socket) => void socket.close({ code }));
    await one.page.route(/\/sse\//, (route) => route.abort());
    await one.page.goto(`/r/${id}`);
    await one.page.getByRole('heading', { name: heading }).waitFor();
    await look(screen, one);
    await one.context.close();
  }

  await ends(t, calm, title, dishes, look);

  // On the first page the tables visited are listed now.
  await page.goto('/');
  await page.getByRole('region', { name: w.lately }).waitFor();
  await look('home-again', me);
}

/**
 * The last minute of a table, and its page after the end, with and without a decision.
 * @param {TestContext} t
 * @param {Device} device
 * @param {string} title
 * @param {string[]} dishes
 * @param {(screen: string, guest: Guest) => Promise<void>} look
 */
async function ends(t, device, title, dishes, look) {
  const server = await site(t, BRIEF);
  const [one, two] = [await guest(t, named(server.base), device), await guest(t, named(server.base), device)];
  const { page, w } = one;
  await table.openShort(one, server);
  await page.getByRole('region', { name: w.closesSoon }).waitFor();
  await page.getByRole('button', { name: w.nameTable }).click();
  await page.getByRole('textbox', { name: w.tableName }).fill(title);
  await page.keyboard.press('Enter');
  for (const dish of dishes) await table.add(one, dish);
  await look('last-minute', one);
  await page.getByRole('heading', { name: w.goneTitle }).waitFor();
  await look('gone', one);

  await table.openShort(two, server);
  for (const dish of dishes.slice(0, 3)) await table.add(two, dish);
  await table.vote(two, dishes[1] ?? '');
  await table.decide(two, 'byVotes');
  await table.winner(two);
  // A look may last longer than the table, whose end closes open dialogs.
  await look('result-by-votes', two);
  await two.page.getByRole('heading', { name: w.resultTitle }).waitFor();
  await look('kept', two);
}
