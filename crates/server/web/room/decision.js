// Deciding, the decision, and the check of a draw.

import { verifyDraw } from '../client/draw.js';
import { w } from '../i18n/index.js';
import { copy, fill, h, set } from '../lib/dom.js';
import { ask, sheet } from '../lib/page.js';
import { icon } from '../lib/pictures.js';
import { candidates, isLocked, isSecret } from '../lib/rules.js';
import { link, shown } from '../lib/text.js';
import { leading } from '../lib/view.js';
import { called, nameOf } from './people.js';
import { tell } from './share.js';
import { isWall } from './watch.js';

/** @import { Contribution, Decision } from '../client/types.js' */
/** @import { App, Part } from './app.js' */

/** How the decision was made. @param {Decision} decision */
export function decisionText({ how, name, winner, draw }) {
  // Of earlier draws only the winner is kept.
  if (how === 'draw' && !draw) return w.drawnBefore;
  const alone = draw?.contributions.length === 0 ? ` ${w.serverAlone}` : '';
  // The clock has no name.
  if (name === undefined) return draw ? w.clockByDraw(draw.candidates.length) + alone : w.clockByVotes(winner.votes);
  const who = called(name);
  return draw ? w.decidedByDraw(who, draw.candidates.length) : w.decidedByVotes(who, winner.votes);
}

/**
 * The slip with the winner.
 * @param {Decision} decision
 * @param {Contribution | null} mine
 * @param {...(Node | false)} more buttons
 */
export function slip(decision, mine, ...more) {
  const { winner, draw } = decision;
  const to = link(winner.item);
  return h(
    'article',
    { class: 'slip' },
    h('p', { class: 'slip-label' }, w.weEat),
    h('p', { class: 'slip-winner' }, to ? h('a', { href: to.href, target: '_blank', rel: 'noopener noreferrer' }, to.text) : winner.item),
    h('p', { class: 'slip-text' }, decisionText(decision)),
    h(
      'div',
      { class: 'slip-buttons' },
      draw && !isWall && h('button', { type: 'button', class: 'second small', onclick: () => check(decision, mine) }, icon('check'), w.checkIt),
      ...more,
    ),
  );
}

/** The newest decision, above the menu. @param {App} app @returns {Part} */
export function decided(app) {
  const element = h('section', { class: 'decided', hidden: true, 'aria-label': w.weEat });
  return {
    element,
    update({ state }) {
      const decision = state?.decision ?? null;
      const key = JSON.stringify(decision);
      if (element.dataset['state'] === key) return;
      element.dataset['state'] = key;
      element.hidden = decision === null;
      fill(element, decision && slip(decision, app.room.contribution, !isWall && tell(app, decision, state?.title ?? null)));
    },
  };
}

/** The button, and the dialog that it opens. @param {App} app @returns {Part} */
export function decideButton(app) {
  const button = h('button', {
    type: 'button',
    class: 'decide',
    onclick: () => {
      const decision = app.view().state?.decision;
      if (decision) ask(w.decideAgainAsk, w.decideAgainText(decision.winner.item), w.decideAgain, () => choose(app));
      else choose(app);
    },
  });
  return {
    element: button,
    update(view) {
      const { state, status } = view;
      const items = state?.items ?? [];
      button.hidden = items.length === 0;
      set(button, { disabled: status !== 'live' || state?.drawing != null || isLocked(view) });
      const text = isLocked(view) ? w.hostDecides(called(nameOf(state?.host ?? 0) ?? '')) : state?.decision ? w.decideAgain : w.decide;
      if (button.textContent !== text) button.textContent = text;
    },
  };
}

/** @param {App} app */
function choose(app) {
  const { state } = app.view();
  const items = candidates(state?.items ?? []);
  if (items.length === 0) return app.toast(w.allVetoed);
  const first = leading(items);
  const by = isSecret(state) ? w.bySecretVotes : first.length === 0 ? w.byVotesNone : first.length > 1 ? w.byVotesTie(first.length) : w.byVotesLead(first[0]?.item ?? '', first[0]?.votes.length ?? 0);
  const decide = (/** @type {'votes' | 'draw'} */ how) => () => {
    dialog.close();
    app.attempt(app.room.decide(how));
  };
  const way = (/** @type {'votes' | 'draw'} */ how, /** @type {string} */ name, /** @type {string} */ text) =>
    h('button', { type: 'button', class: 'way', 'data-way': how, onclick: decide(how) }, h('strong', {}, name), h('span', {}, text));
  const dialog = sheet(w.decideTitle, [
    h('div', { class: 'ways' }, way('votes', w.byVotes, by), way('draw', w.byDraw, w.byDrawText(items.length))),
    h('p', { class: 'note' }, w.fair),
  ]);
}

/**
 * Opens the receipt of a draw.
 * @param {Decision} decision of a draw
 * @param {Contribution | null} mine
 */
export function check(decision, mine) {
  const { draw, winner } = decision;
  if (!draw) return;
  const { commitmentHolds, mineCounted, winner: follows, digest, transcript, serverAlone } = verifyDraw(draw, mine);
  const wins = follows?.number === winner.number;
  const holds = commitmentHolds && wins && mineCounted !== false;
  const command = `printf '%s' '${transcript}' | sha256sum`;
  const rest = draw.candidates.findIndex(({ number }) => number === follows?.number);
  const said = h('span', {}, w.copyTranscript);
  const copyIt = async () => {
    said.textContent = (await copy(command)) ? w.copied : w.errors.copy;
  };
  const numbers = h(
    'details',
    {},
    h('summary', {}, w.numbers),
    h(
      'dl',
      { class: 'facts' },
      fact(w.commitment, h('code', {}, draw.commitment)),
      fact(w.secret, h('code', {}, draw.secret)),
      fact(w.candidates, h('ol', { start: 0 }, ...draw.candidates.map(({ item, number }) => h('li', { class: number === winner.number ? 'is-winner' : null }, h('span', {}, item))))),
      fact(
        w.chances,
        h('ul', {}, ...draw.contributions.map(({ name, value }) => h('li', {}, h('span', {}, called(name)), value === mine?.value && h('em', {}, ` (${w.you})`), h('code', {}, value)))),
      ),
      fact(w.hash, h('code', {}, digest), h('span', {}, w.remainder(draw.candidates.length, rest))),
    ),
    h('p', { class: 'note' }, w.transcriptNote),
    h('pre', { class: 'transcript', tabindex: 0, 'aria-label': w.transcript }, command),
    h('button', { type: 'button', class: 'second wide', onclick: copyIt }, icon('copy'), said),
  );
  const body = h(
    'div',
    { class: 'receipt' },
    h('p', { class: holds ? 'verdict' : 'verdict bad', role: 'status' }, holds ? w.checkIntro : w.checkFailed),
    h('p', {}, w.checkHow),
    serverAlone && h('p', {}, w.serverAlone),
    h(
      'ul',
      { class: 'steps' },
      step(commitmentHolds, w.checking1),
      mine?.draw === draw.number ? step(commitmentHolds, w.checkSeen) : step(null, w.checkUnseen),
      step(mineCounted, mineCounted === null ? w.checkMineNone : mineCounted ? w.checkMine : w.checkMineNot),
      step(wins, w.checkWinner(shown(follows?.item ?? '–'))),
    ),
    numbers,
  );
  sheet(w.check, [body], 'check');
}

/** @param {boolean | null} holds null: it cannot be known @param {string} text */
function step(holds, text) {
  const kind = holds === null ? 'unknown' : holds ? 'good' : 'bad';
  const sign = holds === null ? h('span', { class: 'dash', 'aria-hidden': 'true' }, '–') : icon(holds ? 'check' : 'close');
  return h('li', { class: kind }, sign, h('span', {}, text));
}

/** @param {string} name @param {...Node} value */
const fact = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, ...value));
