// The operator's page: this node, its rooms, one room, and who came and went.

import { announce, button, h, speaker } from '../live/dom.js';
import { NodeView } from './node.js';
import { addressOf, place } from './place.js';
import { askReason, giveReason, reason, reasons } from './reason.js';
import { RoomView } from './room.js';
import { RoomsView } from './rooms.js';
import { VisitsView } from './visits.js';

/** How often a view that may do so asks again, ms. */
const AGAIN = 5000;

/** @type {[import('./place.js').Name, string][]} */
const LINKS = [['node', 'This node'], ['rooms', 'Rooms'], ['visits', 'Visits']];

const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
const main = h('main', { class: 'shown' });
const links = LINKS.map(([name, text]) => h('a', { href: addressOf(name), 'data-view': name }, text));
const often = h('input', { type: 'checkbox', id: 'often', checked: true });
const why = h('span', { class: 'why' });
const reveal = button('Show names…', () => void changeReason());

/** @type {import('./parts.js').View | undefined} */
let view;
/** The view's address without what can change in it. */
let here = '';
let attempts = 0;
let busy = false;

/** @param {unknown} error */
function failed(error) {
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
}

/** Shows why it failed, unless something newer was tried meanwhile. @param {() => Promise<void>} what */
async function attempt(what) {
  const mine = (attempts += 1);
  try {
    await what();
    if (mine === attempts) problem.hidden = true;
  } catch (error) {
    if (mine === attempts) failed(error);
  }
}

/** @param {boolean} moved whether somebody went there, rather than opened the page */
async function go(moved) {
  const { name, id, query } = place(location.hash);
  const opened = addressOf(name, id) !== here;
  if (opened) {
    view?.end();
    here = addressOf(name, id);
    problem.hidden = true;
    view = name === 'room' ? new RoomView(id, { failed }) : name === 'rooms' ? new RoomsView({ failed }) : name === 'visits' ? new VisitsView() : new NodeView();
    main.replaceChildren(view.element);
    document.title = `${view.title} · Operator · Tablecast`;
    for (const link of links) link.toggleAttribute('aria-current', false);
    links.find((link) => link.dataset['view'] === (name === 'room' ? 'rooms' : name))?.setAttribute('aria-current', 'page');
    if (moved) view.element.querySelector('h2')?.focus();
  }
  const shown = view;
  if (shown) await attempt(() => shown.show(query));
}

/** @param {boolean} told whether somebody wants to hear that it was done */
async function again(told) {
  const shown = view;
  if (!shown) return;
  await attempt(() => shown.refresh());
  if (told && problem.hidden) announce('Refreshed');
}

function showReason() {
  why.textContent = reason() === '' ? 'Names are hidden.' : `Names are shown: ${reason()}`;
  reveal.textContent = reason() === '' ? 'Show names…' : 'Hide names';
}

async function changeReason() {
  if (reason() === '') {
    if (!(await askReason())) return;
  } else giveReason('');
  // From the beginning: no name stays on the page, even if the node does not answer.
  here = '';
  await go(false);
}

document.body.append(
  h('header', { class: 'top' },
    h('h1', {}, 'Operator'),
    h('nav', { class: 'bar views', 'aria-label': 'Views' }, ...links),
    h('div', { class: 'bar' }, why, reveal),
    h('div', { class: 'bar' }, h('div', { class: 'field' }, often, h('label', { for: 'often', title: 'Not while names are shown: each answer with names is a line of the log' }, 'Every 5 s')), button('Refresh', () => void again(true)))),
  problem, main, speaker,
);

showReason();
addEventListener('hashchange', () => void go(true));
// It may also be given where a name is searched for.
reasons.addEventListener('change', showReason);
setInterval(async () => {
  if (busy || !often.checked || document.hidden || !view?.live || document.querySelector('dialog[open]')) return;
  busy = true;
  await again(false);
  busy = false;
}, AGAIN);
await go(false);
