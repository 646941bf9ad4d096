// Adding a dish.

import { w, why } from '../i18n/index.js';
import { fill, h } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import * as remember from '../lib/remember.js';
import { fold } from '../lib/text.js';
import { adding } from '../lib/view.js';

/** @import { App, Part } from './app.js' */

/** As many suggestions are shown. */
const SUGGESTED = 8;

/** What was typed and not added; it survives that the page is made again in another language. */
let draft = '';

/** @param {App} app @returns {Part} */
export function addBox(app) {
  const field = h('input', {
    id: 'add',
    'aria-label': w.addLabel,
    placeholder: w.addHint,
    autocomplete: 'off',
    autocapitalize: 'off',
    enterkeyhint: 'send',
    maxlength: 500,
    'aria-describedby': 'add-note',
    oninput: () => {
      draft = field.value;
      hint();
    },
  });
  field.value = draft;
  const note = h('div', { class: 'add-note', id: 'add-note', 'aria-live': 'polite' });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': w.suggestions });
  const element = h(
    'form',
    {
      class: 'add',
      onsubmit: (event) => {
        event.preventDefault();
        submit(field.value.trim());
      },
    },
    note,
    chips,
    h('div', { class: 'add-row' }, field, h('button', { class: 'main add-button', 'aria-label': w.add }, icon('plus'), h('span', {}, w.add))),
  );
  /** A refusal that is shown until something else is typed. */
  let refusal = '';

  const items = () => app.view().state?.items ?? [];
  /** @param {string} text */
  const there = (text) => items().find(({ item }) => fold(item) === fold(text));
  /** What was added and is not answered yet. */
  const coming = () => adding(app.view().pending);

  /** @param {string} item */
  async function submit(item) {
    if (item === '' || there(item)) {
      field.focus();
      return hint();
    }
    clear();
    if (coming().some((one) => fold(one.item) === fold(item))) return;
    try {
      const added = app.room.add(item);
      remember.rememberUsed(item);
      hint();
      await added;
    } catch (error) {
      // It is where it can be sent again; or named, if something else is being typed already.
      if (field.value || !field.isConnected) return app.refused(error);
      field.value = draft = item;
      refusal = why(error);
      hint();
    }
  }

  function clear() {
    field.value = draft = refusal = '';
    field.focus();
    hint();
  }

  /** What is shown above the box. */
  function hint() {
    const same = field.value.trim() && there(field.value);
    const me = app.view().me;
    const voted = same && me && same.votes.includes(me.id);
    const state = JSON.stringify(same ? [same.number, same.votes.length, voted] : refusal);
    if (note.dataset['state'] !== state) {
      note.dataset['state'] = state;
      if (same) {
        const vote = () => {
          app.attempt(app.room.vote(same.number));
          clear();
        };
        fill(
          note,
          h('span', {}, voted ? w.isThereVoted(same.item) : w.isThere(same.item, same.votes.length)),
          !voted && h('button', { type: 'button', class: 'link strong', onclick: vote }, w.voteForIt),
        );
      } else fill(note, refusal && h('span', {}, refusal));
    }
    const found = remember.suggestions(remember.used(), [...items(), ...coming()], field.value, SUGGESTED);
    const list = JSON.stringify(found);
    if (chips.dataset['state'] === list) return;
    chips.dataset['state'] = list;
    chips.hidden = found.length === 0;
    fill(chips, ...found.map((item) => h('button', { type: 'button', class: 'chip', onclick: () => submit(item) }, item)));
  }

  field.addEventListener('input', () => (refusal = ''), { capture: true });
  return { element, update: hint };
}
