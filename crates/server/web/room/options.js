// A choice between a few options, which takes effect at once.

import { h, set } from '../lib/dom.js';

/**
 * @template T
 * @param {string} name
 * @param {readonly (readonly [label: string, value: T])[]} all
 * @param {(value: T) => void} choose
 */
export function options(name, all, choose) {
  const buttons = all.map(([label, value]) => h('button', { type: 'button', class: 'second small', onclick: () => choose(value) }, label));
  return {
    element: h('div', { class: 'options', role: 'group', 'aria-label': name }, ...buttons),
    /** @param {T | undefined} chosen @param {boolean} [disabled] */
    update(chosen, disabled = false) {
      for (const [n, button] of buttons.entries()) set(button, { 'aria-pressed': String(all[n]?.[1] === chosen), disabled });
    },
  };
}
