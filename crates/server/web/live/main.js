// The console: a room, its members side by side, and what they do as scripts.

import { quote } from './as-websocat.js';
import { Column } from './column.js';
import { NOTHING, describe } from './describe.js';
import { announce, button, copy, h, labelled, speaker } from './dom.js';
import { showHostile } from './hostile-view.js';
import { Member } from './member.js';
import { SITE, idIn, look, made, make, socketOf, wishes } from './rooms.js';
import { showScript } from './script-view.js';
import { open } from './socket.js';

/** More members do not fit side by side. */
const MEMBERS = 6;

const DESCRIPTION = `${SITE}/asyncapi.json`;

let description = NOTHING;
let room = '';
let count = 0;
/** When the room ends, by `performance.now()`, which nobody can set; 0: unknown. */
let ends = 0;
/** How far the store's clock is ahead of this one. */
let ahead = 0;
/** @type {Column[]} */
let columns = [];

const list = h('datalist', { id: 'rooms' });
const which = h('input', { list: 'rooms', placeholder: 'id or link', autocomplete: 'off', spellcheck: 'false', size: 24 });
const title = h('input', { autocomplete: 'off', size: 12 });
const minutes = h('input', { inputmode: 'numeric', autocomplete: 'off', size: 4 });
const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
const left = h('span', { class: 'left' });
const chosen = h('span', { class: 'chosen' });
const main = h('main', { class: 'columns' });
const tools = h('section', { class: 'bar tools', 'aria-label': 'This room', hidden: true });
const intro = h('p', { class: 'intro' }, 'Make a room, or paste one. Then connect members side by side, send what you like, and see every frame.');
const link = h('a', { href: `${SITE}/` }, 'the room’s page');

/** @param {() => Promise<void>} what shows why it failed, if it did */
async function attempt(what) {
  problem.hidden = true;
  try {
    await what();
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  }
}

function listRooms() {
  const name = (/** @type {{ title: string, at: number }} */ one) => `${one.title || 'made'} ${new Date(one.at).toLocaleString()}`;
  list.replaceChildren(...made().map((one) => h('option', { value: one.id }, name(one))));
}

/** @param {any} stamp what has `expires_at`, and perhaps `now` */
function clock(stamp) {
  if (typeof stamp?.now === 'number') ahead = stamp.now - performance.now();
  if (typeof stamp?.expires_at === 'number') ends = stamp.expires_at - ahead;
}

/** @param {string} id */
async function choose(id) {
  const shown = await look(id);
  for (const column of columns) column.end();
  columns = [];
  main.replaceChildren();
  room = id;
  count = 0;
  clock(shown);
  which.value = id;
  chosen.textContent = id;
  link.href = `${SITE}/r/${id}`;
  tools.hidden = false;
  intro.hidden = true;
  announce(`Room ${id}: ${shown.members.length} of ${shown.seats} seats taken`);
}

/** @param {import('./member.js').Dialect} dialect */
function add(dialect) {
  if (columns.length >= MEMBERS) return null;
  const index = count;
  count += 1;
  const label = index < 26 ? String.fromCharCode(65 + index) : `M${index}`;
  const member = new Member({ label, dialect, url: socketOf(room), open });
  const column = new Column(member, index, description, {
    remove: () => {
      column.end();
      columns = columns.filter((one) => one !== column);
      column.element.remove();
      arranged();
    },
    another: (first) => add('json')?.begin(first),
    script: () => showScript([member], false),
  });
  member.addEventListener('entry', (event) => {
    const { value } = /** @type {CustomEvent} */ (event).detail;
    clock(value?.hello ?? value?.snapshot ?? value?.event);
  });
  columns.push(column);
  main.append(column.element);
  arranged();
  return column;
}

/** Puts the room and the members into the address, so that it leads back here. */
function arranged() {
  const dialects = columns.map(({ member }) => member.dialect).join(',');
  history.replaceState(null, '', `#room=${room}${dialects && `&members=${dialects}`}`);
  addJson.disabled = addText.disabled = columns.length >= MEMBERS;
}

/** @param {string} pasted */
async function use(pasted) {
  const id = idIn(pasted);
  if (!id) throw new Error('paste the id of a room, or a link to it');
  await choose(id);
  add('json');
  add('text');
}

async function begin() {
  const wish = wishes(location.hash);
  if (!wish.room) return;
  await choose(wish.room);
  for (const dialect of wish.members.slice(0, MEMBERS)) add(dialect)?.connect();
  if (wish.members.length === 0) add('json');
}

const addJson = button('+ JSON member', () => void add('json'));
const addText = button('+ text member', () => void add('text'));
const curl = button('Copy curl', () => void copy(`curl ${quote(`${SITE}/session/${room}/`)}`, curl), { title: 'A command that shows the room as it is now' });
const share = button('Copy link', () => void copy(location.href, share), { title: 'A link to this room with the same members' });
tools.append(
  h('span', { class: 'room' }, chosen, left), link, share, curl, h('span', { class: 'gap' }),
  addJson, addText,
  button('Connect all', () => columns.forEach((column) => column.connect())),
  button('All as…', () => showScript(columns.map(({ member }) => member), true), { title: 'What all members did, as websocat lines, a JavaScript test or a Rust test' }),
  button('Rubbish…', () => showHostile(socketOf(room), columns.map(({ member }) => member))),
);

document.body.append(
  h('header', { class: 'top' },
    h('h1', {}, 'Console'),
    h('form', { class: 'bar', onsubmit: (event) => {
      event.preventDefault();
      void attempt(() => use(which.value));
    } }, labelled('Room', which), list, h('button', {}, 'Use')),
    h('form', { class: 'bar', onsubmit: (event) => {
      event.preventDefault();
      void attempt(async () => {
        const id = await make(title.value, minutes.value);
        listRooms();
        await use(id);
      });
    } }, labelled('Title', title), labelled('Minutes', minutes), h('button', { class: 'primary' }, 'Make a room')),
    h('nav', { class: 'bar', 'aria-label': 'Documents' }, h('a', { href: `${SITE}/docs` }, 'HTTP'), h('a', { href: DESCRIPTION }, 'AsyncAPI'), h('a', { href: `${SITE}/` }, 'Tablecast')),
  ),
  problem, tools, intro, main, speaker,
);

setInterval(() => {
  const seconds = Math.max(0, Math.round((ends - performance.now()) / 1000));
  left.textContent = ends === 0 ? '' : seconds === 0 ? 'expired' : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`;
}, 1000);

listRooms();
await attempt(async () => {
  const response = await fetch(DESCRIPTION);
  if (!response.ok) throw new Error(`${DESCRIPTION}: ${response.status}. Without it there are no forms; write messages by hand.`);
  description = describe(await response.json());
});
await attempt(begin).then(() => addEventListener('hashchange', () => void attempt(async () => {
  if (wishes(location.hash).room !== room) await begin();
})));
