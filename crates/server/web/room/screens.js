// The screens without a table.

import { roomResult } from '../client/http.js';
import { spoken, w, why } from '../i18n/index.js';
import { copy, fill, h, say } from '../lib/dom.js';
import { openAgain } from '../lib/open.js';
import { root } from '../lib/page.js';
import * as remember from '../lib/remember.js';
import { table } from '../lib/pictures.js';
import { clock, shown } from '../lib/text.js';
import { typed } from './add.js';
import { slip } from './decision.js';
import { called } from './people.js';
import { tell } from './share.js';

/** @import { Remembered, RoomResult } from '../client/types.js' */
/** @import { Screen } from '../lib/view.js' */
/** @import { App } from './app.js' */

/**
 * @typedef {object} Shown
 * @property {SVGElement} picture
 * @property {string} title
 * @property {string} [text]
 * @property {(Node | false)[]} buttons
 * @property {(Node | false)[]} [more]
 */

/** @param {Shown} shown */
function page({ picture, title, text, buttons, more = [] }) {
  return h(
    'section',
    { class: 'screen' },
    picture,
    h('h1', { tabindex: -1 }, title),
    text !== undefined && h('p', { class: 'screen-text' }, text),
    h('div', { class: 'screen-buttons' }, ...buttons),
    ...more,
  );
}

/** @param {string} text @param {() => void} onclick */
const main = (text, onclick) => h('button', { type: 'button', class: 'main', onclick }, text);
const home = (kind = 'main') => h('a', { class: `button ${kind}`, href: root }, w.openOwn);

/** A button to try again, and the time until the next automatic try. @param {App} app */
function retry(app) {
  const left = h('span', { class: 'screen-wait' });
  const tick = () => {
    const { retryAt, status } = app.view();
    say(left, status === 'connecting' ? w.connecting : retryAt === null ? '' : w.nextTry(clock(retryAt - performance.now())));
  };
  tick();
  return { buttons: [main(w.tryNow, () => app.room.retryNow()), left], tick };
}

const FREE = Array(8).fill(null);

/**
 * @param {Exclude<Screen, 'room'>} kind
 * @param {App} app
 * @returns {{ element: HTMLElement, tick?: () => void }}
 */
export function screen(kind, app) {
  const { reason, seats } = app.view();
  switch (kind) {
    case 'arriving':
      return { element: page({ picture: table({ seats: [0, 1, null, 4, 6, null, 8, null], dishes: [1, 4, 0], class: 'turning' }), title: w.arriving, buttons: [] }) };
    case 'full': {
      const { buttons, tick } = retry(app);
      const all = Array.from({ length: seats ?? 10 }, (_, n) => n % 12);
      return { element: page({ picture: table({ seats: all, dishes: [1, 4, 0, 7] }), title: w.fullTitle, text: w.fullText, buttons: [...buttons], more: [h('a', { href: root }, w.openOwn)] }), tick };
    }
    case 'restarting': {
      const { buttons, tick } = retry(app);
      return { element: page({ picture: table({ seats: FREE, dishes: [null, null, null], class: 'turning' }), title: w.restartTitle, text: w.restartText, buttons }), tick };
    }
    case 'unreachable': {
      const { buttons, tick } = retry(app);
      return { element: page({ picture: table({ seats: FREE, dishes: [null] }), title: w.unreachableTitle, text: w.unreachableText, buttons }), tick };
    }
    case 'dismissed':
      return { element: page({ picture: table({ seats: FREE }), title: w.dismissedTitle, text: w.dismissedText, buttons: [home()], more: [unsent(app)] }) };
    case 'closed':
      return { element: page({ picture: table({ seats: FREE }), title: w.closedTitle, text: w.closedText, buttons: [home()], more: [unsent(app)] }) };
    case 'taken':
      return { element: page({ picture: table({ seats: [app.view().me?.colour ?? 0, ...FREE.slice(1)], dishes: [1, 4] }), title: w.takenTitle, text: w.takenText, buttons: [main(w.useHere, () => app.room.retryNow())] }) };
    case 'failed':
      return { element: page({ picture: table({ seats: FREE }), title: w.failedTitle, text: why(reason), buttons: [main(w.tryAgain, () => app.room.retryNow()), home('second')] }) };
    case 'unknown':
    case 'gone':
      return { element: closed(app, kind) };
  }
}

/** Announces the screen by its heading, and moves the focus there, unless it is elsewhere already. @param {App} app @param {Element} element */
export function arrive(app, element) {
  const heading = element.querySelector('h1');
  if (!heading) return;
  app.announce(heading.textContent);
  if (document.activeElement === document.body) heading.focus({ preventScroll: true });
}

/** The room is gone; its result may still exist. @param {App} app @param {'unknown' | 'gone'} kind */
function closed(app, kind) {
  const { reason, state } = app.view();
  // A guest who was there until the end knows whether there was a decision.
  if (reason?.code === 'gone' && state && !state.decision) return last(app);
  const element = h('div', { class: 'closed' }, h('p', { class: 'screen-text' }, w.loading));
  /** @param {HTMLElement} screen */
  const show = (screen) => {
    fill(element, screen);
    arrive(app, element);
  };
  roomResult(root, app.id).then(
    (result) => show(kept(app, result)),
    () => show(kind === 'unknown' ? nothing(app) : last(app)),
  );
  return element;
}

/** Dishes that never reached the server. Shown on one page, in whichever language. @type {Set<string>} */
const lost = new Set();

/** What never reached the server, and what was being typed: to be used elsewhere. @param {App} app */
function unsent(app) {
  for (const item of remember.unsent(app.id)) {
    lost.add(item);
    remember.rememberUnsent(app.id, item, false);
  }
  const text = [...lost, typed().trim()].filter(Boolean).join(', ');
  const button = h('button', { type: 'button', class: 'link', onclick: async () => (await copy(text)) && say(button, w.copied) }, w.copyText);
  return text !== '' && h('p', { class: 'note' }, h('span', {}, w.notAdded(text)), ' ', button);
}

/** A device knows the end of a table about as well as messages are fast, ms. */
const DELAY = 60_000;

/** Whether the table should surely be there still, as far as this device knows. @param {App} app */
const isLost = (app) => remember.visits().some(({ id, expiresAt }) => id === app.id && expiresAt > Date.now() + DELAY);

/** @param {App} app */
function nothing(app) {
  const [title, text] = isLost(app) ? [w.goneTitle, w.goneLost] : [w.unknownTitle, w.unknownText];
  return page({ picture: table({ seats: FREE }), title, text, buttons: [home()], more: [unsent(app)] });
}

/** @param {App} app what is known of it was seen here */
function last(app) {
  const { state, reason } = app.view();
  const items = state?.items ?? [];
  const cause = reason?.code === 'not_found' && isLost(app) ? w.goneLost : w.goneTime;
  const lines = items.map(({ item, name, votes }) => line(item, name, votes.length));
  return page({
    picture: table({ seats: FREE, dishes: [null, null, null] }),
    title: w.goneTitle,
    text: items.length ? `${cause} ${w.goneList}` : cause,
    buttons: [items.length > 0 && againButton(app, { title: state?.title ?? null, menu: items }), home(items.length ? 'second' : 'main')],
    more: [unsent(app), items.length > 0 && h('ol', { class: 'old-menu' }, ...lines)],
  });
}

/** @param {App} app @param {RoomResult} result */
function kept(app, { title, decision, menu, decided_at, kept_until }) {
  const date = (/** @type {number} */ at) => new Date(app.room.localTime(at)).toLocaleString(spoken(), { dateStyle: 'long', timeStyle: 'short' });
  const sorted = [...menu].sort((a, b) => b.votes - a.votes || a.number - b.number);
  return h(
    'section',
    { class: 'screen result' },
    h('h1', { tabindex: -1 }, title ?? w.resultTitle),
    title !== null && h('p', { class: 'screen-text' }, w.resultTitle),
    h('div', { class: 'decided' }, slip(decision, app.room.contribution, tell(app, decision, title))),
    h('p', { class: 'note' }, w.decidedOn(date(decided_at))),
    unsent(app),
    h('h2', { class: 'part-title' }, w.wholeMenu),
    h('ol', { class: 'old-menu' }, ...sorted.map(({ item, name, votes }) => line(item, name, votes))),
    h('div', { class: 'screen-buttons' }, againButton(app, { title, menu }), home('second')),
    h('p', { class: 'note' }, w.resultKept(date(kept_until))),
  );
}

/** @param {string} item @param {string} name @param {number} votes */
const line = (item, name, votes) =>
  h('li', {}, h('span', { class: 'old-item' }, shown(item)), h('span', { class: 'note' }, `${w.addedBy(called(name))} · ${w.votes(votes)}`));

/** Opens another table with the same dishes: the same one for all. @param {App} app @param {Remembered} known */
function againButton(app, known) {
  const button = main(w.againSame, async () => {
    button.disabled = true;
    try {
      const { id, page } = await openAgain(app.id, known);
      remember.leaveTyped(id, typed());
      location.assign(page);
    } catch (error) {
      button.disabled = false;
      app.toast(why(error));
    }
  });
  return button;
}
