// Your own name and colour.

import { w } from '../i18n/index.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import * as remember from '../lib/remember.js';
import { sheet } from '../lib/page.js';

/** @import { App, Part } from './app.js' */

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
