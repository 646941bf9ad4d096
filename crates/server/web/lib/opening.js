// The rules that a table may be opened with.

import { w } from '../i18n/index.js';
import { h } from './dom.js';
import { nextTime } from './rules.js';

/** The offered times until the votes decide, in minutes. */
const SOON = [20, 30, 60];

/**
 * A choice of one, as on the rest of the first page.
 * @param {string} title
 * @param {string} name of the field
 * @param {readonly (readonly [value: string | number, label: string])[]} all the first is chosen
 * @param {...Node} more
 */
function choice(title, name, all, ...more) {
  const one = ([value, label] = /** @type {typeof all[0]} */ (['', '']), n = 0) => {
    const input = h('input', { type: 'radio', name, value });
    input.checked = n === 0;
    return h('label', { class: 'length' }, input, h('span', {}, label));
  };
  return h('fieldset', {}, h('legend', { class: 'label' }, title), h('div', { class: 'lengths' }, ...all.map(one)), ...more);
}

/** The fields, and what they say. */
export function opening() {
  const time = h('input', { type: 'time', name: 'time', id: 'decide-time' });
  const at = h('p', { class: 'decides-at' }, h('label', { class: 'note', for: 'decide-time' }, w.orAt), time);
  const element = h(
    'div',
    { class: 'opening' },
    choice(w.deadline, 'decide', [['', w.byHand], ...SOON.map((n) => /** @type {const} */ ([n, w.minutes(n)]))], at),
    choice(w.ballot, 'ballot', [['', w.open_], ['secret', w.secretBallot]]),
    choice(w.votesPerPerson, 'each', [['', w.anyVotes], ...[1, 3].map((n) => /** @type {const} */ ([n, w.votes(n)]))]),
  );
  // The choice that was made last counts.
  const soon = /** @type {HTMLInputElement[]} */ ([...element.querySelectorAll('input[name=decide]')]);
  for (const input of soon) input.addEventListener('change', () => (time.value = ''));
  time.addEventListener('input', () => soon.forEach((input, n) => (input.checked = time.value === '' && n === 0)));
  return {
    element,
    /** @param {FormData} data of the form */
    settings(data) {
      const at = nextTime(String(data.get('time') ?? ''), Date.now());
      // As a length of time, which does not depend on this device's clock being right: a minute or more.
      const decideIn = at === null ? Number(data.get('decide')) || null : Math.max(1, (at - Date.now()) / 60_000);
      return { decideIn, hiddenVotes: data.get('ballot') === 'secret' || null, votesEach: Number(data.get('each')) || null };
    },
  };
}
