// Adding a dish.

import { w } from '../i18n/index.js';
import { fill, h } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import * as remember from '../lib/remember.js';
import { fold } from '../lib/text.js';
import { toggleVote } from './vote.js';

/** @import { Menu, Pending } from '../client/types.js' */
/** @import { App, Part } from './app.js' */

/** How many suggestions are shown. */
const SUGGESTED = 8;

/** Added dishes without an answer, and the reason of the last refusal; these survive, too. @type {Set<string>} */
const waited = new Set();
let lastReason = '';

/** Typed text that was not added; it survives another language, and loading again. */
let draft = '';
export const typed = () => draft;

/**
 * Whether a dish that still waits to be sent is needless: it is on the menu meanwhile, or another tab, which knows it from
 * this device, has added or forgotten it.
 * @param {string} id of the room
 * @param {Pending} pending
 * @param {Menu | null} menu
 */
export function isNeedless(id, { command, content }, menu) {
  if (command !== 'add') return false;
  const { item } = /** @type {{ item: string }} */ (content);
  return isOn(menu, item) || !remember.unsent(id).includes(item);
}

/** @param {Menu | null} menu @param {string} text */
const isOn = (menu, text) => menu?.items.find(({ item }) => fold(item) === fold(text));

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
  field.value = draft ||= remember.takeTyped(app.id);
  const note = h('div', { class: 'add-note', id: 'add-note', 'aria-live': 'polite' });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': w.suggestions });
  const element = h(
    'form',
    {
      class: 'add',
      onsubmit: (event) => {
        event.preventDefault();
        take(field.value.trim());
      },
    },
    note,
    chips,
    h('div', { class: 'add-row' }, field, h('button', { class: 'main add-button', 'aria-label': w.add }, icon('plus'), h('span', {}, w.add))),
  );
  const lost = h('div', { class: 'add-note', role: 'alert' });
  element.prepend(lost);
  /** A refusal, shown until something else is typed. */
  let refusal = '';

  const items = () => app.view().state?.items ?? [];
  /** @param {string} text */
  const there = (text) => isOn(app.view().state, text);
  /** Added dishes without an answer. */
  const coming = () => app.view().pending.flatMap(({ command, content }) => (command === 'add' ? [/** @type {{ item: string }} */ (content)] : []));

  /** Adds it in place of what is typed. @param {string} item */
  function take(item) {
    if (item === '' || there(item)) {
      field.focus();
      return hint();
    }
    clear();
    void submit(item);
  }

  /** @param {string} item */
  async function submit(item) {
    if (coming().some((one) => fold(one.item) === fold(item))) return;
    const by = app.view().me?.id;
    remember.rememberUnsent(app.id, item, true);
    const added = app.room.add(item);
    const said = app.room.view.pending.at(-1);
    waited.add(item);
    hint();
    try {
      await added;
      remember.rememberUsed(item);
      remember.rememberUnsent(app.id, item, false);
    } catch (error) {
      const isNeedless = /** @type {{ code?: string }} */ (error).code === 'withdrawn';
      const reason = isNeedless ? null : await app.refusal(error, said, by);
      if (reason === null) remember.rememberUnsent(app.id, item, false);
      // Names a dish that was not added, unless its text can go back into the box.
      else if (field.value === '' && field.isConnected) {
        remember.rememberUnsent(app.id, item, false);
        field.value = draft = item;
        refusal = reason;
      } else lastReason = reason;
    }
    waited.delete(item);
    hint();
  }

  /** Dishes that were added, but are neither on the menu nor under way. */
  let missing = /** @type {string[]} */ ([]);
  function tick() {
    const { status, stale } = app.view();
    if (status !== 'live' || stale) return;
    const before = missing;
    missing = [];
    for (const item of remember.unsent(app.id)) {
      if (waited.has(item) || coming().some((one) => one.item === item)) continue;
      // It may be on the menu without an answer.
      if (there(item)) remember.rememberUnsent(app.id, item, false);
      else missing.push(item);
    }
    // An answer may come shortly before its event.
    const told = missing.filter((item) => before.includes(item));
    const state = JSON.stringify([told, lastReason]);
    if (lost.dataset['state'] === state) return;
    lost.dataset['state'] = state;
    const forget = () => {
      for (const item of told) remember.rememberUnsent(app.id, item, false);
      missing = [];
      lastReason = '';
      tick();
    };
    const addAll = () => {
      forget();
      for (const item of told) void submit(item);
    };
    fill(
      lost,
      ...(told.length
        ? [
            h('span', {}, `${w.notAdded(told.join(', '))} ${lastReason}`),
            h('button', { type: 'button', class: 'link strong', onclick: addAll }, w.addAgain),
            h('button', { type: 'button', class: 'quiet round small', 'aria-label': w.close, onclick: forget }, icon('close')),
          ]
        : []),
    );
  }

  function clear() {
    field.value = draft = refusal = '';
    field.focus();
    hint();
  }

  /** The texts above the box. */
  function hint() {
    const same = field.value.trim() && there(field.value);
    const me = app.view().me;
    const voted = same && me && same.votes.includes(me.id);
    const state = JSON.stringify(same ? [same.number, same.votes.length, voted] : refusal);
    if (note.dataset['state'] !== state) {
      note.dataset['state'] = state;
      if (same) {
        const vote = () => {
          toggleVote(app, same.number);
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
    fill(chips, ...found.map((item) => h('button', { type: 'button', class: 'chip', onclick: () => take(item) }, item)));
  }

  field.addEventListener('input', () => (refusal = ''), { capture: true });
  return { element, update: hint, tick };
}
