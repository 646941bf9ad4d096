// The people at the table, and your own name and colour.

import { w } from '../i18n/index.js';
import { fill, h, say, set, show } from '../lib/dom.js';
import { sheet } from '../lib/page.js';
import { icon } from '../lib/pictures.js';
import * as remember from '../lib/remember.js';
import { initial } from '../lib/text.js';
import { invite } from './share.js';

/** @import { Former } from '../client/types.js' */
/** @import { App, Part, View } from './app.js' */

/** Members, and those who left: their dishes and votes stay. @type {Map<number, Former>} */
const known = new Map();

/** @param {Pick<View, 'members' | 'former'>} view */
export function meet({ members, former }) {
  for (const one of [...former, ...members]) known.set(one.id, one);
}

/** @param {number} id of a member @returns {number | null} null if nobody knows them any more */
export const colourOf = (id) => known.get(id)?.colour ?? null;

/** The name they have, or had last. @param {number} id of a member @returns {string | undefined} */
export const nameOf = (id) => known.get(id)?.name;

/** A name as it is shown: names made by the server are translated. @param {string} name */
export function called(name) {
  const guest = /^guest (\d+)$/.exec(name)?.[1];
  return guest ? w.guest(guest) : name;
}

/**
 * A disc for a member. The letter is decoration, not text: the name is beside it, or is announced.
 * @param {number | null} colour
 * @param {string} name
 */
export function disc(colour, name) {
  return h('span', { class: 'disc', 'data-colour': colour, 'data-initial': initial(called(name)), 'aria-hidden': 'true' });
}

/** A name with its disc. @param {number | null} colour @param {string} name */
export const withDisc = (colour, name) => h('span', { class: 'guest' }, disc(colour, name), h('span', { class: 'person-name' }, called(name)));

/** @param {App} app @returns {Part} */
export function people(app) {
  const list = h('ul', { class: 'people-list' });
  const free = h('button', { type: 'button', class: 'free-seats', onclick: () => invite(app) });
  const heading = h('h2', { class: 'part-title' }, w.people);
  const count = h('span', { class: 'part-note' });
  const element = h(
    'section',
    { class: 'people', 'aria-label': w.people },
    h('div', { class: 'part-head' }, heading, count),
    h('div', { class: 'people-row' }, list, free),
  );
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map();
  return {
    element,
    update({ members, seats, me, state }) {
      const away = members.filter((member) => member.away).length;
      set(element, { 'data-many': members.length > 3 });
      say(count, w.peopleHere(members.length - away, away));
      // Yourself first, where you look for your own name.
      const order = [...members].sort((a, b) => Number(b.id === me?.id) - Number(a.id === me?.id));
      show(
        list,
        order,
        {
          key: ({ id }) => `${id} ${id === me?.id}`,
          make: ({ id }) =>
            h(
              'li',
              {},
              id === me?.id ? h('button', { type: 'button', class: 'person me', onclick: () => changeMe(app) }) : h('span', { class: 'person' }),
              h('span', { class: 'tag host' }, w.host),
            ),
          update: (li, { id, name, colour, away }) => {
            const isMe = id === me?.id;
            const person = /** @type {HTMLElement} */ (li.firstElementChild);
            set(person, { 'data-away': away, 'aria-label': isMe ? w.changeMe(called(name)) : null });
            set(/** @type {HTMLElement} */ (li.lastElementChild), { hidden: state?.host !== id });
            const key = JSON.stringify([name, colour, away]);
            if (person.dataset['state'] === key) return;
            person.dataset['state'] = key;
            fill(
              person,
              disc(colour, name),
              h('span', { class: 'person-name' }, called(name)),
              ' ',
              isMe && h('span', { class: 'tag' }, w.you, icon('pencil')),
              !isMe && away && h('span', { class: 'tag' }, w.away),
            );
          },
        },
        shown,
      );
      const left = Math.max(0, (seats ?? 0) - members.length);
      free.hidden = left === 0;
      set(free, { 'aria-label': `${w.seatsFree(left)}: ${w.invite}` });
      if (free.dataset['left'] !== String(left)) {
        free.dataset['left'] = String(left);
        fill(free, h('span', { class: 'disc free', 'aria-hidden': 'true' }, icon('plus')), h('span', { class: 'person-name' }, w.seatsFree(left)));
      }
    },
  };
}

/** @param {App} app @param {string} name @param {number} [colour] */
async function take(app, name, colour) {
  if (!(await app.attempt(app.room.rename(name, colour)))) return false;
  remember.me.name = name;
  if (colour !== undefined) remember.me.colour = colour;
  return true;
}

/** The name, unless the server made it. @param {App} app */
function ownName(app) {
  const name = app.view().me?.name ?? '';
  return /^guest \d+$/.test(name) ? '' : name;
}

/** @param {App} app */
export function changeMe(app) {
  const { me, members } = app.view();
  if (!me) return;
  const others = new Map(members.filter(({ id }) => id !== me.id).map(({ colour, name }) => [colour, name]));
  const field = h('input', { id: 'my-name', name: 'name', autocomplete: 'nickname', maxlength: 80, enterkeyhint: 'done' });
  field.value = ownName(app);
  const colours = w.colours.map((name, colour) => {
    const taken = others.has(colour);
    const input = h('input', { type: 'radio', name: 'colour', value: colour, 'aria-label': taken ? `${name} (${w.taken})` : name });
    input.checked = colour === me.colour;
    return h('label', { class: 'swatch', 'data-colour': colour, 'data-taken': taken, title: name }, input, icon('check'));
  });
  const form = h(
    'form',
    {
      class: 'me-form',
      onsubmit: async (event) => {
        event.preventDefault();
        const chosen = new FormData(form).get('colour');
        const name = field.value.trim() || me.name;
        if (await take(app, name, chosen === null ? undefined : Number(chosen))) dialog.close();
      },
    },
    h('label', { class: 'label', for: 'my-name' }, w.yourName),
    field,
    h('fieldset', {}, h('legend', { class: 'label' }, w.yourColour), h('div', { class: 'swatches' }, ...colours)),
    h('button', { class: 'main wide' }, w.save),
  );
  const dialog = sheet(w.aboutYou, [form], 'narrow');
  if (matchMedia('(hover: hover)').matches) field.select();
}

/** Asks a guest for a name, in place. @param {App} app @returns {Part} */
export function askName(app) {
  const field = h('input', { 'aria-label': w.yourName, placeholder: w.yourName, autocomplete: 'nickname', maxlength: 80, enterkeyhint: 'done' });
  // The name they used last, at this table or another.
  field.value = remember.me.name ?? '';
  let dismissed = false;
  const hide = () => {
    dismissed = true;
    element.hidden = true;
  };
  const element = h(
    'form',
    {
      class: 'ask-name',
      hidden: true,
      onsubmit: async (event) => {
        event.preventDefault();
        if (field.value.trim() && (await take(app, field.value.trim()))) hide();
      },
    },
    h('p', {}, w.whoAreYou),
    h('div', { class: 'ask-row' }, field, h('button', { class: 'main' }, w.save), h('button', { type: 'button', class: 'quiet', onclick: hide }, w.later)),
  );
  return {
    element,
    update({ me }) {
      element.hidden = dismissed || !me || !/^guest \d+$/.test(me.name);
    },
  };
}
