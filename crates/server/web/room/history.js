// What was removed and what was decided, to look at and to put back.

import { w } from '../i18n/index.js';
import { fill, h, set } from '../lib/dom.js';
import { isLocked } from '../lib/rules.js';
import { timeOfDay } from './deadline.js';
import { decisionText } from './decision.js';
import { called, nameOf } from './people.js';

/** @import { App, Part } from './app.js' */

/**
 * @template T
 * @param {App} app
 * @param {string} title
 * @param {(view: ReturnType<App['view']>) => readonly T[]} all
 * @param {(one: T) => HTMLElement} line
 * @returns {Part}
 */
function part(app, title, all, line) {
  const list = h('ul', { class: 'past' });
  const element = h('section', { class: 'setting' }, h('h3', {}, title), list);
  return {
    element,
    update(view) {
      const items = all(view);
      const key = JSON.stringify(items);
      element.hidden = items.length === 0;
      if (list.dataset['state'] !== key) fill(list, ...items.map(line));
      list.dataset['state'] = key;
      for (const button of list.querySelectorAll('.put-back')) set(button, { disabled: isLocked(view) });
    },
  };
}

/** @param {App} app */
export const removed = (app) =>
  part(app, w.removedDishes, ({ state }) => state?.removed ?? [], ({ number, item, by, name }) =>
    h(
      'li',
      {},
      h('span', { class: 'past-text' }, h('span', { class: 'old-item' }, item), h('span', { class: 'note' }, w.addedBy(called(nameOf(by) ?? name)))),
      h('button', { type: 'button', class: 'second small put-back', 'aria-label': `${w.putBack}: ${item}`, onclick: () => app.attempt(app.room.restore(number)) }, w.putBack),
    ),
  );

/** @param {App} app */
export const earlier = (app) =>
  part(app, w.earlier, ({ state }) => state?.past ?? [], (decision) => {
    const { number, at, winner } = decision;
    const when = at === undefined ? '' : `${timeOfDay(app.room.localTime(at))} · `;
    return h(
      'li',
      {},
      h('span', { class: 'past-text' }, h('span', { class: 'old-item' }, winner.item), h('span', { class: 'note' }, when + decisionText(decision))),
      h('button', { type: 'button', class: 'second small put-back', 'aria-label': `${w.takeAgain}: ${winner.item}`, onclick: () => app.attempt(app.room.reinstate(number)) }, w.takeAgain),
    );
  });
