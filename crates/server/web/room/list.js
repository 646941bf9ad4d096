// The menu: most wanted first, but nothing moves under a finger.

import { w } from '../i18n/index.js';
import { fill, h, say, set, show } from '../lib/dom.js';
import { ask, sheet } from '../lib/page.js';
import { icon } from '../lib/pictures.js';
import { candidates, isSecret } from '../lib/rules.js';
import { link } from '../lib/text.js';
import { LATE, byVotes, held, leading, rows } from '../lib/view.js';
import { called, colourOf, disc, nameOf, withDisc } from './people.js';
import { toggleVote } from './vote.js';

/** @import { Row } from '../lib/view.js' */
/** @import { App, Part, View } from './app.js' */

/** The list keeps its order until nobody has touched it for this long, ms. */
const LEFT_ALONE = 2_000;

/** While lines glide, a tap would hit the wrong one, ms. */
const GLIDING = 350;

/** How many voters are shown as discs. */
const DISCS = 8;

/** @param {App} app @returns {Part} */
export function list(app) {
  const ol = h('ol', { class: 'dishes', 'aria-label': w.menu });
  const count = h('span', { class: 'part-note' });
  const element = h(
    'section',
    { class: 'menu', 'aria-label': w.menu },
    h('div', { class: 'part-head' }, h('h2', { class: 'part-title' }, w.menu), count),
    ol,
    h('p', { class: 'veto-hint' }, icon('no'), w.vetoHint),
  );
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map();
  /** @type {number[]} */
  let order = [];
  let touchedAt = -Infinity;
  let isDown = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;

  const touched = () => (touchedAt = performance.now());
  for (const type of ['pointerdown', 'pointermove', 'keydown', 'focusin']) ol.addEventListener(type, touched);
  ol.addEventListener('pointerdown', () => (isDown = true));
  for (const type of ['pointerup', 'pointercancel']) {
    addEventListener(type, () => {
      if (isDown) touched();
      isDown = false;
    });
  }

  /** @param {Row[]} all @param {boolean} secret */
  function inOrder(all, secret) {
    // The order must not tell what is secret.
    const wanted = secret ? all : byVotes(all);
    const kept = held(all, order);
    if (wanted.every((row, place) => row === kept[place])) return wanted;
    const wait = isDown ? LEFT_ALONE : touchedAt + LEFT_ALONE - performance.now();
    clearTimeout(later);
    if (wait > 0) {
      later = setTimeout(app.update, wait);
      return kept;
    }
    if (order.length) {
      ol.classList.add('gliding');
      setTimeout(() => ol.classList.remove('gliding'), GLIDING);
    }
    return wanted;
  }

  /** @param {View} view */
  function update({ state, pending, me, status, store }) {
    if (!state) return;
    const coming = status === 'live' && store === 'up' ? w.sending : w.waits;
    const secret = isSecret(state);
    const all = rows(state.items, pending, me).map((row) => (secret ? { ...row, votes: row.votes.filter((id) => id === me?.id) } : row));
    const first = new Set(secret ? [] : leading(candidates(all)).map(({ number }) => number));
    const lines = inOrder(all, secret);
    order = lines.map(({ number }) => number);
    say(count, w.dishes(state.items.length));
    element.hidden = all.length === 0;
    const place = [...ol.children].findIndex((line) => line.contains(document.activeElement));
    show(
      ol,
      lines,
      { key: ({ key }) => key, make: () => line(app), update: (li, row) => fillLine(li, row, me?.id, first.has(row.number), secret, coming) },
      shown,
    );
    // The focused line was removed: the focus goes to the line at its place.
    if (place >= 0 && !ol.contains(document.activeElement)) {
      const next = ol.children[Math.min(place, ol.children.length - 1)]?.querySelector('button') ?? document.getElementById('add');
      /** @type {HTMLElement | null} */ (next)?.focus({ preventScroll: true });
    }
  }

  return { element, update };
}

/** @param {readonly number[]} ids of members */
const namesOf = (ids) => ids.map((id) => called(nameOf(id) ?? '?')).join(', ');

/** @param {HTMLElement} li */
const focusOn = (li) => li.querySelector('button')?.focus({ preventScroll: true });

/** A part of a line that the name of its first button tells, too. @param {string} name @param {string} [text] */
const told = (name, text) => h('span', { class: name, 'aria-hidden': 'true' }, text);

/** The row with which a line was last filled. @type {WeakMap<HTMLElement, Row>} */
const filled = new WeakMap();

/** @param {App} app */
function line(app) {
  const row = () => /** @type {Row} */ (filled.get(li));
  const voters = h('button', {
    type: 'button',
    class: 'voters',
    onclick: () => {
      const { item, votes } = row();
      const names = votes.map((id) => h('li', {}, withDisc(colourOf(id), nameOf(id) ?? '?')));
      const dialog = sheet(w.wanted(link(item)?.text ?? item), [h('ul', { class: 'guests' }, ...names)]);
      // The last vote may have been taken back meanwhile.
      dialog.addEventListener('close', () => voters.hidden && focusOn(li));
    },
  });
  const li = h(
    'li',
    { class: 'dish' },
    h(
      'button',
      {
        type: 'button',
        class: 'dish-vote',
        onclick: () => {
          const { number, leaves } = row();
          if (number !== LATE && !leaves) toggleVote(app, number);
        },
      },
      h('span', { class: 'plate-count', 'aria-hidden': 'true' }, h('span', { class: 'number' }), icon('plus')),
    ),
    h(
      'div',
      { class: 'dish-text' },
      told('dish-name'),
      ' ',
      h('div', { class: 'dish-note' }, told('dish-by'), told('dish-lead', w.mostWanted), told('dish-veto'), voters),
    ),
    h('a', { class: 'button quiet round dish-link', target: '_blank', rel: 'noopener noreferrer', hidden: true }, icon('open')),
    h(
      'button',
      {
        type: 'button',
        class: 'quiet round veto',
        onclick: () => {
          const { number, vetoes, leaves } = row();
          const me = app.view().me;
          if (!me || number === LATE || leaves) return;
          app.attempt(vetoes?.includes(me.id) ? app.room.unveto(number) : app.room.veto(number));
        },
      },
      icon('no'),
    ),
    h(
      'button',
      {
        type: 'button',
        class: 'quiet round remove',
        onclick: () => {
          const { number, item, by, votes, leaves } = row();
          if (number === LATE || leaves) return;
          const me = app.view().me?.id;
          const remove = async () => {
            if (!(await app.attempt(app.room.remove(number)))) return;
            app.toast(w.removed(item), { name: w.undo, run: () => app.attempt(app.room.restore(number)), item: number });
          };
          const others = votes.filter((member) => member !== me).length;
          if (by === me || others === 0) remove();
          else ask(w.removeAsk(item), w.removeText(others), w.removeYes, remove);
        },
      },
      icon('close'),
    ),
  );
  return li;
}

/**
 * @param {HTMLElement} li
 * @param {Row} row
 * @param {number | undefined} me
 * @param {boolean} isFirst
 * @param {boolean} secret only one's own vote is shown
 * @param {string} coming the text for lines that the server does not have yet
 */
function fillLine(li, row, me, isFirst, secret, coming) {
  const before = filled.get(li);
  filled.set(li, row);
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (li.getElementsByClassName(name)[0]);
  const by = called(nameOf(row.by) ?? row.name);
  const mine = me !== undefined && row.votes.includes(me);
  const to = link(row.item);
  const item = to?.text ?? row.item;
  // The visible parts, in the visible order.
  const vetoes = row.vetoes ?? [];
  const veto = vetoes.length ? w.cannotEat(namesOf(vetoes)) : '';
  const isNew = row.number === LATE;
  const name = [w.vote(item), isNew ? coming : w.addedBy(by), isFirst && w.mostWanted, veto, !secret && w.votes(row.votes.length)].filter(Boolean);
  // Not `disabled`, which would lose the focus.
  const isSettled = !isNew && !row.leaves;
  set(li, { 'data-colour': colourOf(row.by), 'data-number': isNew ? null : row.number, 'data-first': isFirst, 'data-waits': row.waits, 'data-leaves': row.leaves, 'data-vetoed': vetoes.length > 0 });
  say(part('dish-veto'), veto);
  set(part('dish-vote'), { 'aria-pressed': String(mine), 'aria-label': name.join(', '), 'data-colour': me === undefined ? null : colourOf(me), 'aria-disabled': isSettled ? null : 'true' });
  set(part('dish-link'), { href: to?.href, hidden: !to, 'aria-label': to && w.openLink(to.host) });
  const isMine = me !== undefined && vetoes.includes(me);
  set(part('veto'), { 'aria-pressed': String(isMine), 'aria-label': w.veto(item), 'aria-disabled': isSettled ? null : 'true' });
  set(part('remove'), { 'aria-label': w.remove(item), 'aria-disabled': isSettled ? null : 'true' });
  say(part('dish-name'), item);
  say(part('dish-by'), isNew ? coming : w.addedBy(by));
  part('dish-lead').hidden = !isFirst;
  set(part('number'), { 'data-votes': secret ? '✓' : row.votes.length });
  set(part('plate-count'), { 'data-none': row.votes.length === 0 });
  const state = JSON.stringify([row.votes.map((id) => [id, colourOf(id), nameOf(id)]), secret]);
  const box = part('voters');
  if (box.dataset['state'] !== state) {
    const known = new Set(before?.votes);
    const voters = row.votes.slice(0, DISCS);
    const more = row.votes.length - voters.length;
    fill(
      box,
      ...voters.map((id) => {
        const one = disc(colourOf(id), nameOf(id) ?? '·');
        // Only a new vote is animated.
        if (before && !known.has(id)) one.classList.add('arrives');
        return one;
      }),
      more > 0 && h('span', { class: 'more', 'data-initial': `+${more}` }),
    );
    // A disc has only an initial.
    const names = namesOf(row.votes);
    if ((!names || secret) && box === document.activeElement) focusOn(li);
    // In a secret ballot one's own vote is all that is known.
    set(box, { hidden: !names, disabled: secret, 'aria-label': secret ? names : `${w.wanted(item)}: ${names}` });
    box.dataset['state'] = state;
  }
}
