// The top: the state of the connection and of the page, the table's name, the remaining time.

import { w } from '../i18n/index.js';
import { fill, h, say, set } from '../lib/dom.js';
import { icon, table } from '../lib/pictures.js';
import { root } from '../lib/page.js';
import { isLocked } from '../lib/rules.js';
import { clock } from '../lib/text.js';
import { invite } from './share.js';

/** @import { App, Part, View } from './app.js' */

/** From this remaining time on, seconds are shown and everybody is warned, ms. */
const WARNING = 60_000;

/** A change without an answer for this long is reported, ms. */
const SLOW = 5_000;

/** The accuracy of the server's clock, ms: a table just opened for 10 minutes must not show 11. */
const UNSURE = 1_000;

/**
 * The small fixed bar.
 * @param {App} app
 * @param {boolean} isOpen there is a table
 * @returns {Part}
 */
export function bar(app, isOpen) {
  const label = h('span');
  const status = h('span', { class: 'status' }, h('span', { class: 'lamp', 'aria-hidden': 'true' }), label);
  const element = h(
    'header',
    { class: 'bar' },
    h('a', { class: 'brand', href: root, 'aria-label': w.home }, mark(), h('span', { class: 'brand-name' }, 'Tablecast')),
    isOpen && status,
    isOpen && h('button', { type: 'button', class: 'second', onclick: () => invite(app) }, icon('invite'), w.invite),
  );
  return {
    element,
    update(view) {
      set(status, { 'data-status': view.stale && view.status === 'live' ? 'connecting' : view.status });
      say(label, word(view));
    },
  };
}

/** The connection in a word. @param {View} view */
export const word = ({ status, stale, store, outdated }) =>
  status === 'offline' || status === 'ended' ? w.offline
  : outdated ? w.old
  : status === 'live' && store === 'down' ? w.notSaving
  : status === 'live' && !stale ? w.live
  : w.connecting;

export const mark = () => table({ seats: [0, 1, 4, 6, 8], class: 'mark' });

/** Says what is wrong, while something is. @param {App} app @returns {Part} */
export function trouble(app) {
  const text = h('span');
  const note = h('span', { class: 'trouble-note' });
  let isOld = false;
  const again = h('button', { type: 'button', class: 'second small', onclick: () => (isOld ? app.reload() : app.room.retryNow()) });
  const element = h('section', { class: 'trouble', hidden: true, 'aria-label': w.offline }, h('div', {}, text, note), again);
  /** The oldest unanswered change, and its time. */
  let first = 0;
  let since = 0;
  /** @param {View} view */
  function update(view) {
    const { status, stale, retryAt, reason, store, pending, outdated } = view;
    const id = pending[0]?.id ?? 0;
    if (id !== first) [first, since] = [id, performance.now()];
    element.hidden = !stale && !(id && performance.now() - since > SLOW);
    isOld = outdated !== null && status !== 'offline';
    say(again, isOld ? w.loadNew : w.tryNow);
    again.hidden = status !== 'offline' && !isOld;
    const offline = retryAt === null ? w.offline : `${w.offline}. ${w.nextTry(clock(retryAt - performance.now()))}`;
    if (status === 'offline') say(text, reason?.code === 'restarting' ? w.restarting : offline);
    else if (isOld) say(text, w.tooOld);
    else if (store === 'down') say(text, w.storeDown);
    else say(text, status !== 'live' ? w.connecting : stale ? w.checking : w.slow);
    say(note, pending.length && status !== 'live' ? `${w.stale} ${w.waiting(pending.length)}` : w.stale);
    note.hidden = isOld || (status === 'live' && (store === 'down' || !stale));
  }
  return { element, update, tick: () => update(app.view()) };
}

/** The table's name, changed in place, its time, and more. @param {App} app @param {Element} more @returns {Part} */
export function heading(app, more) {
  const name = h('span', { class: 'title-text' });
  const button = h('button', { type: 'button', class: 'title-button', onclick: edit }, name, icon('pencil'));
  const title = h('h1', { class: 'title' }, button);
  const left = h('span', { class: 'time-left' });
  const keep = h('button', { type: 'button', class: 'link', onclick: () => extend(app) }, w.keepOpen);
  const place = h('div', { class: 'title-place' }, title);
  const element = h('div', { class: 'heading' }, place, h('div', { class: 'heading-row' }, h('p', { class: 'time' }, left, keep), more));

  function edit() {
    const field = h('input', { 'aria-label': w.tableName, maxlength: 200, enterkeyhint: 'done', placeholder: w.tableNameHint });
    field.value = app.view().state?.title ?? '';
    const done = () => {
      fill(place, title);
      button.focus();
    };
    const form = h(
      'form',
      {
        class: 'title-form',
        onsubmit: async (event) => {
          event.preventDefault();
          if (await app.attempt(app.room.setTitle(field.value.trim() || null))) done();
        },
        onkeydown: (event) => event.key === 'Escape' && !event.isComposing && done(),
      },
      field,
      h('button', { class: 'main' }, w.save),
      h('button', { type: 'button', class: 'quiet round', 'aria-label': w.cancel, onclick: done }, icon('close')),
    );
    fill(place, form);
    field.select();
  }

  function tick() {
    const { expiresAt, state } = app.view();
    // Once something is decided, nobody needs the table for long.
    const isShown = expiresAt !== null && !state?.decision;
    element.querySelector('.time')?.toggleAttribute('hidden', !isShown);
    if (!isShown) return;
    const ms = expiresAt - performance.now();
    // Only minutes while there are many: a running clock is distracting.
    say(left, ms > 2 * WARNING ? w.timeLeft(Math.ceil((ms - UNSURE) / 60_000)) : w.closesIn(clock(ms)));
  }

  return {
    element,
    tick,
    update(view) {
      const { state } = view;
      const named = state?.title ?? null;
      say(name, named ?? w.untitled);
      set(button, { 'aria-label': named === null ? `${w.untitled}. ${w.nameTable}` : w.renameTable(named), 'data-unnamed': named === null, disabled: view.watching || isLocked(view) });
      keep.hidden = view.watching;
      tick();
    },
  };
}

/** @param {App} app */
async function extend(app) {
  if (await app.attempt(app.room.extend())) app.toast(w.keptOpen);
}

/** Warns while the last minute runs, unless something is decided. @param {App} app @returns {Part} */
export function warning(app) {
  const left = h('strong');
  const keep = h('button', { type: 'button', class: 'main', onclick: () => extend(app) }, w.keepOpen);
  const element = h('section', { class: 'warning', hidden: true, 'aria-label': w.closesSoon }, left, keep);
  let warned = false;
  function tick() {
    const { expiresAt, status, state } = app.view();
    const ms = expiresAt === null ? Infinity : expiresAt - performance.now();
    const isSoon = ms <= WARNING && status !== 'ended' && !state?.decision;
    element.hidden = !isSoon;
    if (isSoon) say(left, w.closesIn(clock(ms)));
    if (isSoon && !warned) app.announce(w.closesSoon, true);
    warned = isSoon;
  }
  return { element, update: tick, tick };
}
