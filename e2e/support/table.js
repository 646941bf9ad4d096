// The actions of people at a table, and what they see.

import { isDeepStrictEqual } from 'node:util';
import { relayed } from './browser.js';
import { becomes, until } from './wait.js';

/** @typedef {import('./browser.js').Guest} Guest */
/** @typedef {import('./site.js').Site} Site */

/** The answer to `GET /session/{id}/`. @typedef {{ state: { items: { item: string, votes: number[], name: string, number: number }[] }, members: { name: string }[] }} Session */

/** Matches a name that begins like this. @param {string} text */
export const beginning = (text) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);

/** Opens a table on the first page; returns the room's id. @param {Guest} guest */
export async function open(guest) {
  const { page, w } = guest;
  await page.goto('/');
  await page.getByRole('button', { name: w.open }).click();
  await isLive(guest);
  return new URL(page.url()).pathname.replace('/r/', '');
}

/** Opens a table that stays as long as the server's default, as programs do; returns its id. @param {Guest} guest @param {{ base: string }} site */
export async function openShort(guest, { base }) {
  // The first page of a browser takes long on a busy machine, and the table may be a brief one.
  await guest.page.goto('/');
  const { id } = await (await fetch(`${base}/session/`, { method: 'POST' })).json();
  await enter(guest, id);
  return /** @type {string} */ (id);
}

/**
 * Stands between the pages and the server, and lets them take no other way, as they would if the connection is slow.
 * @param {import('playwright-core').Page | import('playwright-core').BrowserContext} pages
 * @param {(socket: import('playwright-core').WebSocketRoute) => void} takes
 */
export async function between(pages, takes) {
  await pages.route(/\/sse\//, () => {});
  await relay(pages, takes);
}

/**
 * Stands between the pages' WebSockets and the server.
 * @param {import('playwright-core').Page | import('playwright-core').BrowserContext} pages
 * @param {(socket: import('playwright-core').WebSocketRoute) => void} takes
 */
export async function relay(pages, takes) {
  relayed.add('context' in pages ? pages.context() : pages);
  await pages.routeWebSocket(/\/ws\//, takes);
}

/** Follows the link to a table, and sits down. @param {Guest} guest @param {string} id */
export async function enter(guest, id) {
  await guest.page.goto(`/r/${id}`);
  await isLive(guest);
}

/** The text of the page about its connection. @param {Guest} guest @param {'live' | 'connecting' | 'offline'} status */
export const says = ({ page, w }, status) => page.getByRole('banner').getByText(w[status], { exact: true }).waitFor();

/** Connected and up to date. @param {Guest} guest */
export const isLive = (guest) => says(guest, 'live');

/** @param {Guest} guest @param {string} name */
export async function callMyself({ page, w }, name) {
  const field = page.getByRole('textbox', { name: w.yourName });
  await field.fill(name);
  await field.press('Enter');
  await page.getByRole('button', { name: w.changeMe(name) }).waitFor();
}

/** The box for a new dish. @param {Guest} guest */
export const box = ({ page, w }) => page.getByRole('textbox', { name: w.addLabel });

/** Adds a dish, and waits until the server has it: before that, dishes of others may still come first. @param {Guest} guest @param {string} item */
export async function add(guest, item) {
  await box(guest).fill(item);
  await box(guest).press('Enter');
  await answered(guest, item).waitFor();
}

/** @param {Guest} guest */
const list = ({ page, w }) => page.getByRole('list', { name: w.menu });

/** The line of a dish. @param {Guest} guest @param {string} item */
export const dish = (guest, item) =>
  list(guest).getByRole('listitem').filter({ has: guest.page.getByText(item, { exact: true }) });

/** The line of a dish without unanswered changes. @param {Guest} guest @param {string} item */
export const answered = (guest, item) => dish(guest, item).and(guest.page.locator(':not([data-waits])'));

/** The button that votes for a dish, or takes the vote back. @param {Guest} guest @param {string} item */
export const voteFor = (guest, item) => list(guest).getByRole('button', { name: beginning(`${guest.w.vote(item)}, `) });

/** Votes for a dish, and waits until the server has it. @param {Guest} guest @param {string} item */
export async function vote(guest, item) {
  await voteFor(guest, item).click();
  await answered(guest, item).and(guest.page.locator(':has([aria-pressed="true"])')).waitFor();
}

/** @param {Guest} guest @param {string} item */
export async function remove({ page, w }, item) {
  await page.getByRole('button', { name: w.remove(item), exact: true }).click();
  // It asks first if others want the dish.
  const asked = page.getByRole('dialog', { name: w.removeAsk(item) });
  if (await asked.count()) await asked.getByRole('button', { name: w.removeYes, exact: true }).click();
}

/** The lines of the menu as a screen reader reads them, from the top. @param {Guest} guest @returns {Promise<string[]>} */
export const menu = (guest) =>
  list(guest)
    .getByRole('listitem')
    .evaluateAll((lines) => lines.map((line) => line.querySelector('button')?.getAttribute('aria-label') ?? ''));

/** @param {{ base: string }} site @param {string} id @returns {Promise<Session>} */
export const session = async ({ base }, id) => (await fetch(`${base}/session/${id}/`)).json();

/** A name as it is shown: names given by the server are translated. @param {Guest} guest @param {string} name */
const called = ({ w }, name) => name.replace(/^guest (\d+)$/, (_, n) => w.guest(n));

/** Connects at once, unless it has connected already. @param {Guest} guest */
export const tryNow = (guest) =>
  Promise.any([guest.page.getByRole('button', { name: guest.w.tryNow }).click(), isLive(guest)]);

/**
 * All are connected and see what the server has, in the same order: most wanted first.
 * @param {Guest[]} guests
 * @param {{ base: string }} site
 * @param {string} id
 * @param {string[]} [items] what it has, in the order of adding
 */
export async function allSeeTheSame(guests, site, id, items) {
  await Promise.all(guests.map(isLive));
  if (items) await becomes('what the server has', async () => (await session(site, id)).state.items.map(({ item }) => item), items);
  for (const [n, guest] of guests.entries()) {
    // Both are read again each time: the last change may still be on its way to the server.
    const both = async () => {
      const { state } = await session(site, id);
      return { shown: await menu(guest), stored: lines(guest, state.items) };
    };
    await until(`guest ${n + 1} sees what the server has`, both, ({ shown, stored }) => isDeepStrictEqual(shown, stored));
  }
}

/**
 * How a guest sees these items.
 * @param {Guest} guest
 * @param {Session['state']['items']} items
 */
function lines(guest, items) {
  const { w } = guest;
  const sorted = [...items].sort((a, b) => b.votes.length - a.votes.length || a.number - b.number);
  const most = Math.max(1, ...items.map(({ votes }) => votes.length));
  return sorted.map(({ item, votes, name }) => {
    const lead = votes.length === most ? [w.mostWanted] : [];
    return [w.vote(item), w.addedBy(called(guest, name)), ...lead, w.votes(votes.length)].join(', ');
  });
}

/** How many sit here, and how many of them are away. @param {Guest} guest @param {number} here @param {number} [away] */
export function areHere({ page, w }, here, away = 0) {
  const people = page.getByRole('region', { name: w.people }).getByRole('listitem');
  const count = async () => [await people.count(), await people.filter({ hasText: w.away }).count()];
  return becomes('who sits here, and is away', count, [here + away, away]);
}

/** @param {Guest} guest @param {'byVotes' | 'byDraw'} how */
export async function decide({ page, w }, how) {
  await page.getByRole('button', { name: w.decide, exact: true }).or(page.getByRole('button', { name: w.decideAgain, exact: true })).click();
  const asked = page.getByRole('dialog', { name: w.decideAgainAsk });
  if (await asked.count()) await asked.getByRole('button', { name: w.decideAgain, exact: true }).click();
  await page.getByRole('dialog', { name: w.decideTitle }).getByRole('button', { name: beginning(w[how]) }).click();
}

/** The dialog that shows the winner to all. @param {Guest} guest */
export const told = ({ page, w }) => page.getByRole('dialog', { name: w.weEat });

/** The decision on the page, after the dialog. @param {Guest} guest */
export const decided = ({ page, w }) => page.getByRole('region', { name: w.weEat });

/** The chosen dish, once it is shown. @param {Guest} guest @returns {Promise<string>} */
export async function winner(guest) {
  await told(guest).getByRole('button', { name: guest.w.enjoy }).waitFor();
  return (await told(guest).getByRole('paragraph').first().textContent()) ?? '';
}

/** Opens the sheet with all settings. @param {Guest} guest */
export async function settings({ page, w }) {
  await page.getByRole('button', { name: w.more, exact: true }).click();
  return page.getByRole('dialog', { name: w.moreTitle });
}

/** The lines about what is special at the table. @param {Guest} guest */
export const rules = ({ page, w }) => page.getByRole('region', { name: w.rules });

/** The people at the table. @param {Guest} guest @param {string} name */
export const person = ({ page, w }, name) => page.getByRole('region', { name: w.people }).getByRole('listitem').filter({ hasText: name });
