// The moment of the decision, at the same time for everybody: the tray turns, and the winner is shown.

import { verifyDraw } from '../client/draw.js';
import { w } from '../i18n/index.js';
import { fill, h, isCalm, say } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import { rulesOf } from '../lib/rules.js';
import { shown as asShown } from '../lib/text.js';
import { check, decisionText } from './decision.js';
import { called, colourOf } from './people.js';
import { susan } from './susan.js';
import { isWall } from './watch.js';

/** @import { Candidate, Decision, Drawing, Item } from '../client/types.js' */
/** @import { App, Part, View } from './app.js' */

/** Nobody closes it on the wall: it is shown this long, ms. */
const ON_THE_WALL = 20_000;

/** Contributions are shown at least this long, ms. */
const GATHERING = 900;

/** Whether somebody is typing just now, or has filled in a form that is open: a dialog would take that away. */
function isTyping() {
  if (document.querySelector('dialog.sheet[open][data-changed]')) return true;
  const field = document.activeElement;
  return field instanceof HTMLInputElement && field.type !== 'radio' && !field.readOnly && field.value !== '';
}

/**
 * The counted votes: the menu, if all that could win are on it.
 * @param {readonly Candidate[]} those
 * @param {readonly Item[]} items
 * @returns {readonly (Candidate & Pick<Item, 'vetoes'>)[]}
 */
function onTable(those, items) {
  const all = items.map((item) => ({ ...item, votes: item.votes.length }));
  return those.every(({ number }) => all.some((item) => item.number === number)) ? all : those;
}

/** Who began a draw, or why the clock did. @param {Drawing} drawing */
function startedBy({ name, candidates }) {
  if (name !== undefined) return w.drawBy(called(name));
  return candidates.some(({ votes }) => votes > 0) ? w.drawByClock : w.drawByClockNone;
}

/** @param {readonly Candidate[]} candidates */
const counted = (candidates) => [...candidates].sort((a, b) => b.votes - a.votes).map(({ item, votes }) => `${asShown(item)}\u00a0${votes}`).join(', ');

/** @param {App} app @returns {Part} */
export function stage(app) {
  /** The last state, to see what is new. @type {{ drawing: Drawing | null, decision: Decision | null } | undefined} */
  let before;
  /** @type {ReturnType<typeof open> | null} */
  let shown = null;

  /** @param {View} view */
  function update(view) {
    const { state, status, members } = view;
    if (!state) return;
    const { drawing, decision } = state;
    const was = before;
    before = { drawing, decision };
    // An earlier decision is shown by the page; its moment is over.
    const isNews = was !== undefined && status === 'live' && document.visibilityState === 'visible';
    if (drawing) {
      if (shown?.number !== drawing.number) {
        shown?.dialog.close();
        shown = isTyping() ? null : open(drawing.candidates, drawing.number, startedBy(drawing), onTable(drawing.candidates, state.items));
      }
      shown?.gather(drawing.contributions.map(({ member }) => colourOf(member)), members.filter(({ away }) => !away).length);
      return;
    }
    if (!decision || JSON.stringify(decision) === JSON.stringify(was?.decision)) return;
    if (decision.draw && shown?.number === decision.draw.number) shown.tell(decision);
    else {
      shown?.dialog.close();
      shown = null;
      if (!isNews) return;
      if (isTyping() || decision.draw) app.toast(w.said.decided(asShown(decision.winner.item)));
      else {
        const all = onTable([decision.winner], state.items);
        open(all.filter(({ number, vetoes }) => number === decision.winner.number || !vetoes?.length), 0, '', all).tell(decision);
      }
    }
  }

  /**
   * @param {readonly Candidate[]} candidates
   * @param {number} number
   * @param {string} started
   * @param {readonly Candidate[]} all those whose votes are told: also what somebody cannot eat
   */
  function open(candidates, number, started, all) {
    const begun = performance.now();
    const items = app.view().state?.items ?? [];
    const colour = (/** @type {Candidate} */ { number }) => colourOf(items.find((item) => item.number === number)?.by ?? 0) ?? number % 12;
    const tray = susan(candidates, colour);
    const title = h('h2', { id: 'stage-title', class: 'stage-title' }, number ? w.drawing : w.weEat);
    const text = h('p', { class: 'stage-text' }, started);
    const winner = h('p', { class: 'stage-winner', tabindex: -1, hidden: true });
    const buttons = h('div', { class: 'stage-buttons' }, h('button', { type: 'button', class: 'second', onclick: () => dialog.close() }, w.close));
    const dialog = h('dialog', { class: 'stage', 'aria-labelledby': 'stage-title' }, h('div', { class: 'stage-top' }, title, winner), tray.element, h('div', { class: 'stage-foot' }, text, buttons));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    // An open sheet would cover it.
    for (const other of document.querySelectorAll('dialog.sheet')) /** @type {HTMLDialogElement} */ (other).close();
    dialog.showModal();

    /** @param {Decision} decision */
    async function tell(decision) {
      const { draw } = decision;
      const place = candidates.findIndex((candidate) => candidate.number === decision.winner.number);
      if (draw) {
        const calm = isCalm();
        const wait = begun + GATHERING - performance.now();
        if (wait > 0 && !calm) await new Promise((done) => setTimeout(done, wait));
        const { digest } = verifyDraw(draw);
        await tray.turn(place, digest, calm);
      } else await tray.turn(place, '0080', true);
      say(title, w.weEat);
      say(winner, asShown(decision.winner.item));
      winner.hidden = false;
      say(text, decisionText(decision));
      // What was a secret until now.
      if (rulesOf(app.view().state).hidden_votes) text.before(h('p', { class: 'stage-votes' }, w.voteCounts(counted(all))));
      fill(
        buttons,
        draw && h('button', { type: 'button', class: 'second', onclick: () => check(decision, app.room.contribution) }, icon('check'), w.checkIt),
        h('button', { type: 'button', class: 'main', onclick: () => dialog.close() }, w.enjoy),
      );
      dialog.classList.add('told');
      app.update();
      app.announce(w.said.decided(asShown(decision.winner.item)));
      winner.focus({ preventScroll: true });
      if (isWall) setTimeout(() => dialog.close(), ON_THE_WALL);
    }

    return {
      dialog,
      number,
      tell,
      /** @param {readonly (number | null)[]} colours @param {number} all */
      gather(colours, all) {
        tray.lights(colours, all);
        say(text, `${started}. ${w.contributed(colours.length, Math.max(all, colours.length))}`);
      },
    };
  }

  return { element: h('div', { hidden: true }), update };
}
