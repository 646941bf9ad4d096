// The time at which the votes decide by themselves.

import { spoken, w } from '../i18n/index.js';
import { h, say, set } from '../lib/dom.js';
import { isLocked, nextTime } from '../lib/rules.js';
import { clock } from '../lib/text.js';
import { options } from './options.js';

/** @import { App, Part, View } from './app.js' */

/** The offered times from now, in minutes. */
const SOON = [10, 20, 30, 60];

/** From this remaining time on seconds are shown, and everybody is told, ms. */
const LAST = 60_000;

/** A time of day, as it is written here. @param {number} at ms by this device's clock */
export const timeOfDay = (at) => new Date(at).toLocaleTimeString(spoken(), { hour: 'numeric', minute: '2-digit' });

/** The time by this device's clock. @param {App} app @param {View} view */
function deadlineOf(app, { state }) {
  return state?.deadline && app.room.localTime(state.deadline.at);
}

/** Counts down, for all. @param {App} app @returns {Part} */
export function countdown(app) {
  const element = h('p', { class: 'deadline', hidden: true });
  let told = false;
  function tick() {
    const at = deadlineOf(app, app.view());
    element.hidden = at === undefined;
    if (at === undefined) return void (told = false);
    const left = at - Date.now();
    const isLast = left <= LAST;
    set(element, { 'data-last': isLast });
    // Only minutes while there are many: a running clock is distracting.
    say(element, left > 2 * LAST ? w.decidesAt(timeOfDay(at), w.minutesLeft(Math.ceil(left / 60_000))) : w.decidesIn(clock(left)));
    if (isLast && !told) app.announce(w.decidesSoon);
    told = isLast;
  }
  return { element, update: tick, tick };
}

/** Sets it. @param {App} app @returns {Part} */
export function deadlineForm(app) {
  const note = h('p', { class: 'note' });
  const quick = options(w.deadline, SOON.map((minutes) => [w.minutes(minutes), minutes]), (minutes) => void app.attempt(app.room.decideIn(minutes * 60_000)));
  const field = h('input', { type: 'time', 'aria-label': w.deadlineAt, required: true });
  const set_ = h('button', { class: 'second small' }, w.setDeadline);
  const off = h('button', { type: 'button', class: 'link', onclick: () => app.attempt(app.room.setDeadline(null)) }, w.noDeadline);
  const form = h(
    'form',
    {
      class: 'deadline-at',
      onsubmit: (event) => {
        event.preventDefault();
        const at = nextTime(field.value, Date.now());
        if (at !== null) app.attempt(app.room.setDeadline(at));
      },
    },
    field,
    set_,
    off,
  );
  return {
    element: h('section', { class: 'setting' }, h('h3', {}, w.deadline), note, quick.element, form),
    update(view) {
      const at = deadlineOf(app, view);
      const locked = isLocked(view);
      say(note, at === undefined ? w.deadlineText : w.decidesAt(timeOfDay(at), w.minutesLeft(Math.max(1, Math.ceil((at - Date.now()) / 60_000)))));
      quick.update(undefined, locked);
      set(field, { disabled: locked });
      set(set_, { disabled: locked });
      set(off, { disabled: locked });
      off.hidden = at === undefined;
    },
  };
}
