// The page of a room.

import { roomUrl } from './client/http.js';
import { LunchRoom } from './client/lunch.js';
import { ready, w, why } from './i18n/index.js';
import { fill, h, say } from './lib/dom.js';
import { foot } from './lib/page.js';
import * as remember from './lib/remember.js';
import { fold } from './lib/text.js';
import { adding, screenOf } from './lib/view.js';
import { table } from './lib/pictures.js';
import { addBox } from './room/add.js';
import { decideButton, decided } from './room/decision.js';
import { list } from './room/list.js';
import { askName } from './room/me.js';
import { news, notices } from './room/notices.js';
import { meet, people } from './room/people.js';
import { arrive, screen } from './room/screens.js';
import { inviteCard } from './room/share.js';
import { stage } from './room/stage.js';
import { bar, heading, trouble, warning } from './room/top.js';

/** @import { App, Part, View } from './room/app.js' */

// As it stands there: no id needs to be encoded, and what cannot be decoded is no id.
const [, , id = ''] = location.pathname.split('/');
const root = /** @type {HTMLElement} */ (document.getElementById('page'));
const { regions, toasts, announce, toast } = notices();
const saved = remember.seat(id);
/** Dishes that this page, or one before it that was closed, has not sent. */
let unsent = saved ? adding(saved.pending).map(({ item }) => item) : remember.unsent(id);
/** Of one that was closed: whether they arrived is not known. */
const left = saved ? [] : unsent;
const room = new LunchRoom(roomUrl(location.href, id), {
  name: remember.me.name,
  colour: remember.me.colour,
  saved,
});

// The connection is on its way meanwhile.
await ready;

/** @type {App} */
const app = {
  room,
  id,
  view: () => room.view,
  update: () => update(room.view),
  announce,
  toast,
  async attempt(promise) {
    try {
      await promise;
      return true;
    } catch (error) {
      app.refused(error);
      return false;
    }
  },
  refused(error) {
    const { pending } = /** @type {Partial<import('./client/errors.js').RoomError>} */ (error);
    const [dish] = adding(pending ? [pending] : []);
    if (!dish) return toast(why(error));
    // All that end at the same moment are told together.
    if (refused.push(dish.item) === 1) setTimeout(() => missing(refused.splice(0), why(error)));
  },
};

/** @type {string[]} */
const refused = [];

/** Names dishes that are not there. @param {string[]} items @param {string} reason */
function missing(items, reason) {
  toast(`${items.join(', ')}: ${reason}`, { name: w.add, run: () => items.forEach((item) => app.attempt(room.add(item))) });
}

/** The parts that are shown. @type {Part[]} */
let parts = [];
let shown = '';
/** What happened while nobody looked. */
let unseen = 0;

/** Builds the page for a screen, in the language of now. @param {ReturnType<typeof screenOf>} kind */
function build(kind) {
  shown = kind;
  const top = bar(app, kind === 'room');
  const bottom = foot(() => {
    build(kind);
    update(room.view);
  });
  if (kind !== 'room') {
    // What was opened over the table goes with it.
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    const { element, tick } = screen(kind, app);
    parts = [top, { element, update() {}, ...(tick && { tick }) }];
    fill(root, top.element, h('main', { class: 'alone' }, element, toasts), bottom, ...regions);
    if (kind !== 'arriving') arrive(app, element);
    return;
  }
  const [off, soon, head, who, ask, slip, menu, add, decide, draw] = [
    trouble(app), warning(app), heading(app), people(app), askName(app), decided(app), list(app), addBox(app), decideButton(app), stage(app),
  ];
  const empty = emptyPart();
  parts = [top, off, soon, head, who, ask, slip, empty, menu, add, decide, draw];
  fill(
    root,
    top.element,
    h('div', { class: 'strips' }, off.element, soon.element),
    h(
      'div',
      { class: 'room' },
      h('main', {}, head.element, ask.element, slip.element, empty.element, menu.element, h('div', { class: 'dock' }, toasts, add.element, decide.element)),
      h('aside', {}, who.element, inviteCard(app)),
    ),
    bottom,
    draw.element,
    ...regions,
  );
}

/** For a menu without dishes. @returns {Part} */
function emptyPart() {
  const element = h('section', { class: 'empty' }, table({ seats: [0, 1, 4, 6, 8, null, null, null], dishes: [null, null, null] }), h('h2', {}, w.emptyTitle), h('p', {}, w.emptyText));
  return {
    element,
    update({ state, pending }) {
      element.hidden = (state?.items.length ?? 0) > 0 || adding(pending).length > 0;
    },
  };
}

/** @param {View} view */
function update(view) {
  meet(view.members);
  const kind = screenOf(view);
  if (kind !== shown) build(kind);
  root.dataset['stale'] = String(view.stale && kind === 'room');
  for (const part of parts) part.update(view);
  tabTitle(view);
}

/** What the tab says. @param {View} view */
function tabTitle({ status, state, stale }) {
  const name = state?.title ?? w.untitled;
  const sign =
    status === 'offline' || (status === 'ended' && shown !== 'gone') ? `${w.offline} · `
    : stale ? `${w.connecting} · `
    : state?.drawing || document.querySelector('dialog.stage:not(.told)') ? `${w.drawing} · `
    : state?.decision ? `✓ ${state.decision.winner.item} · `
    : '';
  say(document.querySelector('title') ?? document.head, `${unseen ? `(${unseen}) ` : ''}${sign}${name} – Tablecast`);
}

/** Keeps what outlives the page. @param {View} view */
function keep({ state, expiresAt, pending }) {
  remember.rememberSeat(id, room.saved);
  if (!state) return;
  const items = state.items.slice(0, 4).map(({ item }) => item);
  // Another tab may have its own.
  const others = remember.unsent(id).filter((item) => !unsent.includes(item));
  unsent = adding(pending).map(({ item }) => item);
  remember.rememberVisit({ id, unsent: [...others, ...unsent], title: state.title, items, expiresAt: expiresAt ?? 0, winner: state.decision?.winner.item ?? null });
}

/** What the server says of a name that it does not take. */
const NAME_REFUSED = ['empty', 'too_long', 'bad_item'];

/** A name that was kept, and is refused now, keeps nobody out: they sit down as a guest, and are asked anew. @param {View} view */
function isRefused({ status, reason }) {
  if (status !== 'ended' || room.saved?.seat || !NAME_REFUSED.includes(reason?.code ?? '')) return false;
  remember.me.name = undefined;
  toast(w.nameRefused(why(reason)));
  // After all have seen that it ended.
  queueMicrotask(() => room.retryNow());
  return true;
}

/** Nothing, until it was so once. @type {boolean | undefined} */
let wasLive;
room.subscribe((view) => {
  if (isRefused(view)) return;
  update(view);
  keep(view);
  const isLive = view.status === 'live' && !view.stale;
  if (isLive === wasLive) return;
  // The first time nothing was lost before.
  // And of an end the screen tells that follows.
  if (wasLive !== undefined && view.status !== 'ended') announce(isLive ? w.said.live : w.said.lost);
  else if (isLive) {
    for (const item of remember.takeFor(id)) app.attempt(room.add(item));
    const lost = left.filter((item) => !view.state?.items.some((one) => fold(one.item) === fold(item)));
    if (lost.length) missing(lost, w.errors.unsure);
  }
  if (isLive || wasLive) wasLive = isLive;
});
room.listen('change', ({ by }) => {
  if (document.visibilityState === 'hidden' && by !== room.view.me?.id) unseen += 1;
  tabTitle(room.view);
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') unseen = 0;
  tabTitle(room.view);
});
news(app);
room.listen('refused', app.refused);
setInterval(() => {
  for (const part of parts) part.tick?.();
}, 1_000);
