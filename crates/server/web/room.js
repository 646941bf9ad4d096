// The page of a room.

import { roomUrl } from './client/http.js';
import { LunchRoom } from './client/lunch.js';
import { ready, w, why } from './i18n/index.js';
import { fill, h, say } from './lib/dom.js';
import { foot, root as site } from './lib/page.js';
import { person } from './lib/person.js';
import * as remember from './lib/remember.js';
import { UNSURE, screenOf, steady } from './lib/view.js';
import { icon, table } from './lib/pictures.js';
import { isLocked } from './lib/rules.js';
import { addBox, isNeedless, typed } from './room/add.js';
import { isDone, named } from './room/commands.js';
import { decideButton, decided } from './room/decision.js';
import { list } from './room/list.js';
import { more } from './room/more.js';
import { news, notices } from './room/notices.js';
import { askName, meet, people } from './room/people.js';
import { rules } from './room/rules.js';
import { arrive, screen } from './room/screens.js';
import { invite, inviteCard } from './room/share.js';
import { watchSpace } from './room/space.js';
import { stage } from './room/stage.js';
import { bar, heading, trouble, warning, word } from './room/top.js';
import { isWall, watching } from './room/watch.js';

/** @import { Pending } from './client/types.js' */
/** @import { App, Part, View } from './room/app.js' */

// Taken as written: no id needs encoding, and a path that cannot be decoded is not an id.
const id = location.pathname.split('/').at(-1) ?? '';
const root = /** @type {HTMLElement} */ (document.getElementById('page'));
const { regions, toasts, announce, toast } = notices();
const room = new LunchRoom(roomUrl(site, id), {
  name: remember.me.name,
  colour: remember.me.colour,
  person,
  watch: isWall ? 'only' : true,
  saved: isWall ? null : remember.seat(id),
});

// The connection opens meanwhile.
await ready;

/** @type {App} */
const app = {
  room,
  id,
  view() {
    const { view } = room;
    if (view !== seen.of) seen = { of: view, ...steady(view) };
    return seen;
  },
  update: () => update(app.view()),
  reload() {
    isReloading = true;
    remember.leaveTyped(id, typed());
    location.reload();
  },
  announce,
  toast,
  async attempt(promise) {
    // It was just sent, so it is the last one; if not, the error names the command.
    const said = room.view.pending.at(-1);
    try {
      await promise;
      return true;
    } catch (error) {
      return refused(error, said);
    }
  },
  async refusal(error, said, by = app.view().me?.id) {
    const { code, pending = said } = /** @type {{ code?: string, pending?: Pending }} */ (error ?? {});
    if (!UNSURE.includes(code ?? '')) return why(error);
    const { state, me, outdated } = await upToDate();
    // An outdated state is older than the command.
    const done = !outdated && state && pending ? isDone(pending, state, me?.id === by ? by : undefined) : null;
    return done ? null : done === false ? w.notDone : w.errors.unsure;
  },
};

/** The view as soon as it is complete or will never be. @returns {Promise<View>} */
const upToDate = () =>
  new Promise((done) => {
    const end = room.subscribe((view) => {
      if (view.status !== 'ended' && !view.outdated && (view.status !== 'live' || view.stale)) return;
      done(view);
      queueMicrotask(() => end());
    });
  });

/** Shows which command was not done, and why; returns whether it was done after all. @param {unknown} error @param {Pending} [said] */
async function refused(error, said) {
  const pending = /** @type {{ pending?: Pending }} */ (error).pending ?? said;
  const which = pending && named(pending, app.view().state);
  const reason = await app.refusal(error, pending);
  if (reason !== null) toast(which ? `${which}: ${reason}` : reason);
  return reason === null;
}

/** The newest view, with times by a clock that nobody can set, and the original view. @type {View & { of: View }} */
let seen = { of: room.view, ...steady(room.view) };
/** The shown parts. @type {Part[]} */
let parts = [];
let shown = '';
/** What happened while the page was hidden. */
let unseen = 0;

/** Builds the page for a screen, in the current language. @param {ReturnType<typeof screenOf>} kind */
function build(kind) {
  shown = kind;
  const top = bar(app, kind === 'room');
  const bottom = foot(() => {
    build(kind);
    app.update();
  });
  if (kind !== 'room') {
    // Dialogs over the table close with it.
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    // Nothing can be undone any more.
    for (const action of toasts.querySelectorAll('.toast .link')) action.closest('.toast')?.remove();
    const { element, tick } = screen(kind, app);
    parts = [top, { element, update() {}, ...(tick && { tick }) }];
    fill(root, top.element, h('main', { class: 'alone' }, element, toasts), bottom, ...regions);
    if (kind !== 'arriving') arrive(app, element);
    return;
  }
  const settings = more(app);
  const [off, soon, watch, head, special, who, ask, slip, menu, add, decide, draw] = [
    trouble(app), warning(app), watching(), heading(app, settings.element), rules(app), people(app), askName(app), decided(app), list(app), addBox(app), decideButton(app), stage(app),
  ];
  const empty = emptyPart(app);
  parts = [top, off, soon, watch, head, settings, special, who, ask, slip, empty, menu, add, decide, draw];
  fill(
    root,
    top.element,
    h('div', { class: 'strips' }, off.element, soon.element, watch.element),
    h(
      'div',
      { class: 'room' },
      h('main', {}, head.element, special.element, ask.element, slip.element, empty.element, menu.element, h('div', { class: 'dock' }, toasts, add.element, decide.element)),
      h('aside', {}, who.element, inviteCard(app)),
    ),
    bottom,
    draw.element,
    ...regions,
  );
  watchSpace(root);
}

/** For a menu without dishes. @param {App} app @returns {Part} */
function emptyPart(app) {
  const call = h('button', { type: 'button', class: 'main call', onclick: () => invite(app) }, icon('invite'), w.share);
  const element = h('section', { class: 'empty' }, table({ seats: [0, 1, 4, 6, 8, null, null, null], dishes: [null, null, null] }), h('h2', {}, w.emptyTitle), h('p', {}, w.emptyText), call);
  return {
    element,
    update({ state, pending, members }) {
      element.hidden = (state?.items.length ?? 0) > 0 || pending.some(({ command }) => command === 'add');
      // Alone, the others come first.
      call.hidden = members.length > 1;
    },
  };
}

/** @param {View} view */
function update(view) {
  meet(view);
  const kind = screenOf(view);
  if (kind !== shown) build(kind);
  root.dataset['stale'] = String(view.stale && kind === 'room');
  root.dataset['may'] = view.me === null ? 'look' : isLocked(view) ? 'vote' : 'change';
  root.dataset['wall'] = String(isWall);
  for (const part of parts) part.update(view);
  tabTitle(view);
}

/** The title of the tab. @param {View} view */
function tabTitle(view) {
  const { state } = view;
  const name = state?.title ?? w.untitled;
  const sign =
    word(view) !== w.live && shown !== 'gone' ? `${word(view)} · `
    : state?.drawing || document.querySelector('dialog.stage:not(.told)') ? `${w.drawing} · `
    : state?.decision ? `✓ ${state.decision.winner.item} · `
    : '';
  say(document.querySelector('title') ?? document.head, `${unseen ? `(${unseen}) ` : ''}${sign}${name} – Tablecast`);
}

/** Saves the data that outlives the page. @param {View} view */
function keep({ state, expiresAt }) {
  // A wall has no seat, and must not take the place of the one of this browser's person.
  if (!isWall) remember.rememberSeat(id, room.saved);
  // A state from before a reload says nothing new.
  if (!state || expiresAt === null) return;
  const items = state.items.slice(0, 4).map(({ item }) => item);
  remember.rememberVisit({ id, title: state.title, items, expiresAt, winner: state.decision?.winner.item ?? null });
}

/** The server's codes for a refused name. */
const NAME_REFUSED = ['empty', 'too_long', 'bad_item'];

/** If a stored name is refused now, the person joins as a guest and is asked again. @param {View} view */
function isRefused({ status, reason }) {
  if (status !== 'ended' || room.saved?.seat || !NAME_REFUSED.includes(reason?.code ?? '')) return false;
  remember.me.name = undefined;
  toast(w.nameRefused(why(reason)));
  // After all parts have seen the end.
  queueMicrotask(() => room.retryNow());
  return true;
}

let isReloading = false;
/** Undefined until the first connection. @type {boolean | undefined} */
let wasLive;
room.subscribe((view) => {
  if (isRefused(view)) return;
  // Before it is sent. What follows is done for the view without it.
  if (view.pending.some((one) => isNeedless(id, one, view.state) && room.withdraw(one.id))) return;
  keep(view);
  // Once for each version of the server: what comes may be as old, for example from another server.
  if (view.outdated && !isReloading && remember.firstRenewal(view.outdated)) app.reload();
  if (isReloading) return;
  app.update();
  const isLive = view.status === 'live' && !view.stale;
  if (isLive === wasLive) return;
  // At the first connection nothing was lost before.
  // The screen that follows shows an end.
  if (wasLive !== undefined && view.status !== 'ended') announce(view.outdated ? w.tooOld : isLive ? w.said.live : w.said.lost);
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
// A command that was saved over a reload, and given up: nobody else waits for it. Dishes are shown at the box.
room.addEventListener('refused', (event) => {
  const { detail } = /** @type {CustomEvent} */ (event);
  if (named(detail.pending, room.view.state)) void refused(detail, detail.pending);
});
news(app);
setInterval(() => {
  for (const part of parts) part.tick?.();
}, 1_000);
