// The host: locks the menu, hands over, asks somebody to leave.

import { w } from '../i18n/index.js';
import { fill, h, say, show } from '../lib/dom.js';
import { isHost } from '../lib/rules.js';
import { options } from './options.js';
import { called, nameOf, withDisc } from './people.js';

/** @import { Member } from '../client/types.js' */
/** @import { App, Part } from './app.js' */

/** @param {App} app @returns {Part} */
export function hostForm(app) {
  const note = h('p', { class: 'note' });
  const lock = options(w.menu, [[w.openToAll, false], [w.locked, true]], (on) => void app.attempt(on ? app.room.lock() : app.room.unlock()));
  const list = h('ul', { class: 'guests' });
  const element = h('section', { class: 'setting' }, h('h3', {}, w.host), note, lock.element, list);
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map();
  return {
    element,
    update(view) {
      const { state, members, me } = view;
      const host = state?.host;
      element.hidden = host === undefined;
      if (host === undefined) return;
      const mine = isHost(view);
      say(note, mine ? w.hostText : w.hostIs(called(nameOf(host) ?? '')));
      lock.element.hidden = list.hidden = !mine;
      lock.update(state?.locked === true);
      show(
        list,
        mine ? members.filter(({ id }) => id !== me?.id) : [],
        {
          key: ({ id }) => String(id),
          make: (member) => guest(app, member),
          update: (li, { colour, name }) => {
            li.firstElementChild?.replaceWith(withDisc(colour, name));
          },
        },
        shown,
      );
    },
  };
}

/** @param {App} app @param {Member} member */
function guest(app, { id }) {
  const { room } = app;
  const name = () => called(nameOf(id) ?? '');
  const buttons = h('span', { class: 'guest-buttons' });
  const offer = () =>
    fill(
      buttons,
      h('button', { type: 'button', class: 'second small', onclick: () => app.attempt(room.makeHost(id)) }, w.makeHost),
      h('button', { type: 'button', class: 'second small', onclick: ask }, w.dismiss),
    );
  function ask() {
    const yes = h('button', { type: 'button', class: 'main small', onclick: () => app.attempt(room.dismiss(id)) }, w.dismiss);
    const no = h('button', { type: 'button', class: 'second small', onclick: offer }, w.cancel);
    fill(buttons, h('span', { class: 'guest-sure', role: 'alert' }, w.dismissSure(name())), yes, no);
    no.focus();
  }
  offer();
  return h('li', {}, h('span'), buttons);
}
