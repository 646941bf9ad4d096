// What happened: told to screen readers, and shown for a while at the bottom.

import { w } from '../i18n/index.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';

/** How long a notice is shown, ms; with a button longer, since it must be reached. */
const SHOWN = 5_000;
const SHOWN_WITH_BUTTON = 12_000;

/** As many at once. */
const MOST = 3;

/** What comes within this time is told together, ms. */
const TOGETHER = 400;

export function notices() {
  const polite = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  const urgent = h('div', { class: 'unseen', role: 'alert' });
  const toasts = h('div', { class: 'toasts' });
  /** @type {string[]} */
  let waiting = [];

  /** @param {string} text @param {boolean} [isUrgent] */
  function announce(text, isUrgent = false) {
    if (isUrgent) {
      urgent.textContent = text;
      return;
    }
    waiting.push(text);
    if (waiting.length > 1) return;
    setTimeout(() => {
      polite.textContent = waiting.join('. ');
      waiting = [];
    }, TOGETHER);
  }

  /** @param {string} text @param {{ name: string, run: () => void }} [action] */
  function toast(text, action) {
    announce(text);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const stay = () => clearTimeout(timer);
    const go = () => {
      stay();
      timer = setTimeout(() => element.remove(), action ? SHOWN_WITH_BUTTON : SHOWN);
    };
    const element = h(
      'div',
      { class: 'toast', role: 'group', 'aria-label': text, onpointerenter: stay, onpointerleave: go, onfocusin: stay, onfocusout: go },
      h('span', { class: 'toast-text' }, text),
      action &&
        h(
          'button',
          {
            type: 'button',
            class: 'link strong',
            onclick: () => {
              action.run();
              element.remove();
            },
          },
          action.name,
        ),
      h('button', { type: 'button', class: 'quiet round small', 'aria-label': w.close, onclick: () => element.remove() }, icon('close')),
    );
    toasts.append(element);
    while (toasts.children.length > MOST) toasts.firstElementChild?.remove();
    go();
  }

  return { regions: [polite, urgent], toasts, announce, toast };
}
