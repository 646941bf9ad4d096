// Notices: announced to screen readers, and shown for a while at the bottom.

import { w } from '../i18n/index.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import { silent } from '../lib/rules.js';
import { told } from './commands.js';
import { timeOfDay } from './deadline.js';
import { called } from './people.js';

/** @import { App } from './app.js' */

/** How long a notice is shown, ms; longer with a button, which must be reached. */
const SHOWN = 5_000;
const SHOWN_WITH_BUTTON = 12_000;

/** How many are shown at once. */
const MOST = 3;

/** Events within this time are announced together, ms. */
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

  /** @param {string} text @param {{ name: string, run: () => void, item: number }} [action] for a dish that is gone */
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
      { class: 'toast', role: 'group', 'aria-label': text, 'data-item': action?.item ?? null, onpointerenter: stay, onpointerleave: go, onfocusin: stay, onfocusout: go },
      h('span', { class: 'toast-text' }, text),
      h(
        'span',
        { class: 'toast-buttons' },
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
      ),
    );
    // An open sheet covers the others, and they are asked for something that can wait.
    const sheet = action ? null : document.querySelector('dialog.sheet[open] .sheet-body');
    sheet?.querySelector('.toast')?.remove();
    (sheet ?? toasts).append(element);
    while (toasts.children.length > MOST) toasts.firstElementChild?.remove();
    go();
  }

  return { regions: [polite, urgent], toasts, announce, toast };
}

/**
 * Announces what others do, and shows it if the guest can do something about it. Listens as long as the room lasts.
 * Texts are looked up at the event, in the language of that moment.
 * @param {App} app
 */
export function news(app) {
  const { room } = app;
  /** The view before the newest event, which still has removed names and dishes. */
  let before = app.view();
  let now = before;
  /** An event may come before or after the view with its effect. */
  const look = () => {
    const view = app.view();
    if (view !== now) [before, now] = [now, view];
  };
  room.subscribe(look);
  /** @type {typeof room.listen} */
  const listen = (type, then) =>
    room.listen(type, (event) => {
      look();
      then(event);
    });

  /** @param {number | undefined} id */
  const name = (id) => called([...now.members, ...before.members].find((member) => member.id === id)?.name ?? '');
  const isMe = (/** @type {number | undefined} */ id) => id !== undefined && now.me?.id === id;
  /** @param {number} number */
  const item = (number) => [...(now.state?.items ?? []), ...(before.state?.items ?? [])].find((item) => item.number === number)?.item ?? '';
  /** Missed events are not announced one by one. */
  const tell = (/** @type {number | undefined} */ id, /** @type {string} */ text) => !isMe(id) && now.status === 'live' && app.announce(text);

  listen('joined', ({ joined }) => tell(joined.member, w.said.joined(called(joined.name))));
  listen('back', ({ back }) => tell(back.member, w.said.back(name(back.member))));
  listen('away', ({ away }) => tell(away.member, w.said.away(name(away.member))));
  listen('left', ({ left }) => {
    const who = name(left.member);
    // Nobody, if they never had a seat.
    if (who) tell(left.member, w.said.left(who));
  });
  listen('renamed', ({ by, renamed }) => {
    const was = before.members.find(({ id }) => id === by)?.name;
    if (was !== undefined && was !== renamed.name) tell(by, w.said.renamed(called(was), called(renamed.name)));
  });
  const time = (/** @type {number} */ at) => timeOfDay(room.localTime(at));
  listen('change', ({ by, change }) => {
    const { removed, restored, nudged, hosted, reinstated } = change;
    const who = name(by);
    const text = told(change, who, item, name, time);
    const isNews = !isMe(by) && now.status === 'live';
    if (nudged && isNews && now.me && silent(now).includes(now.me)) app.toast(w.said.nudgedYou(who));
    else if (hosted && isNews && isMe(hosted.member)) app.toast(w.said.hostedYou);
    else if (reinstated && isNews) app.toast(w.said.reinstated(who, now.state?.decision?.winner.item ?? ''));
    else if (text) tell(by, text);
    if (removed && isNews) {
      app.toast(w.removedBy(who, item(removed.number)), {
        name: w.putBack,
        run: () => app.attempt(room.restore(removed.number)),
        item: removed.number,
      });
    }
    // It is there again: nothing can be put back any more.
    if (restored) for (const one of document.querySelectorAll(`.toast[data-item="${restored.number}"]`)) one.remove();
  });
}
