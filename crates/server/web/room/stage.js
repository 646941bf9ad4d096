// Deciding, as everybody sees it at the same moment: the tray turns, and what it was is told.

import { w } from '../i18n/index.js';
import { fill, h, isCalm, say } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import { check, decisionText } from './decision.js';
import { called, colourOf } from './people.js';
import { susan } from './susan.js';

/** @import { Candidate, Decision, Drawing, Item } from '../client/types.js' */
/** @import { App, Part, View } from './app.js' */

/** Chances are seen coming in for so long at least, ms. */
const GATHERING = 900;

/**
 * What votes were counted of: the menu, with what won.
 * @param {Candidate} winner
 * @param {readonly Item[]} items
 * @returns {Candidate[]}
 */
function onTable(winner, items) {
  const all = items.map((item) => ({ ...item, votes: item.votes.length }));
  return all.some(({ number }) => number === winner.number) ? all : [winner];
}

/** @param {App} app @returns {Part} */
export function stage(app) {
  /** What was there last, to see what is new. @type {{ drawing: Drawing | null, decision: Decision | null } | undefined} */
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
    // What had happened before we came is told by the page; the moment is over.
    const isNews = was !== undefined && status === 'live' && document.visibilityState === 'visible';
    if (drawing) {
      if (shown?.number !== drawing.number) {
        shown?.dialog.close();
        shown = open(drawing.candidates, drawing.number, called(drawing.name));
      }
      shown.gather(drawing.contributions.map(({ member }) => colourOf(member)), members.filter(({ away }) => !away).length);
      return;
    }
    if (!decision || JSON.stringify(decision) === JSON.stringify(was?.decision)) return;
    if (decision.draw && shown?.number === decision.draw.number) shown.tell(decision);
    else {
      shown?.dialog.close();
      shown = null;
      if (isNews && !decision.draw) open(onTable(decision.winner, state.items), 0, called(decision.name)).tell(decision);
    }
  }

  /**
   * @param {readonly Candidate[]} candidates
   * @param {number} number
   * @param {string} who
   */
  function open(candidates, number, who) {
    const begun = performance.now();
    const items = app.view().state?.items ?? [];
    const colour = (/** @type {Candidate} */ { number }) => colourOf(items.find((item) => item.number === number)?.by ?? 0) ?? number % 12;
    const tray = susan(candidates, colour);
    const title = h('h2', { id: 'stage-title', class: 'stage-title' }, number ? w.drawing : w.weEat);
    const text = h('p', { class: 'stage-text' }, number ? w.drawBy(who) : '');
    const winner = h('p', { class: 'stage-winner', tabindex: -1, hidden: true });
    const buttons = h('div', { class: 'stage-buttons' }, h('button', { type: 'button', class: 'second', onclick: () => dialog.close() }, w.close));
    const dialog = h('dialog', { class: 'stage', 'aria-labelledby': 'stage-title' }, h('div', { class: 'stage-top' }, title, winner), tray.element, h('div', { class: 'stage-foot' }, text, buttons));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    // A sheet that is open would cover it.
    for (const other of document.querySelectorAll('dialog.sheet')) /** @type {HTMLDialogElement} */ (other).close();
    dialog.showModal();

    /** @param {Decision} decision */
    async function tell(decision) {
      const { draw } = decision;
      const place = candidates.findIndex((candidate) => candidate.number === decision.winner.number);
      if (draw) {
        const { verifyDraw } = await import('../client/draw.js');
        const calm = isCalm();
        const wait = begun + GATHERING - performance.now();
        if (wait > 0 && !calm) await new Promise((done) => setTimeout(done, wait));
        const { digest } = verifyDraw(draw);
        await tray.turn(place, digest, calm);
      } else await tray.turn(place, '0080', true);
      say(title, w.weEat);
      say(winner, decision.winner.item);
      winner.hidden = false;
      say(text, decisionText(decision));
      fill(
        buttons,
        draw && h('button', { type: 'button', class: 'second', onclick: () => check(decision, app.room.contribution) }, icon('check'), w.checkIt),
        h('button', { type: 'button', class: 'main', onclick: () => dialog.close() }, w.enjoy),
      );
      dialog.classList.add('told');
      app.update();
      app.announce(w.said.decided(decision.winner.item));
      winner.focus({ preventScroll: true });
    }

    return {
      dialog,
      number,
      tell,
      /** @param {readonly (number | null)[]} colours @param {number} all */
      gather(colours, all) {
        tray.lights(colours, all);
        say(text, `${w.drawBy(who)}. ${w.contributed(colours.length, Math.max(all, colours.length))}`);
      },
    };
  }

  return { element: h('div', { hidden: true }), update };
}
