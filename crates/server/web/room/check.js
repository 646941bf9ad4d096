// A draw, calculated again in front of everybody who wants to know.

import { w } from '../i18n/index.js';
import { copy, fill, h } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import { sheet } from '../lib/page.js';
import { called } from './people.js';

/** @import { Contribution, Decision } from '../client/types.js' */

/**
 * Opens the receipt.
 * @param {Decision} decision of a draw
 * @param {Contribution | null} mine
 */
export async function check(decision, mine) {
  const { draw, winner } = decision;
  if (!draw) return;
  const body = h('div', { class: 'receipt' }, h('p', {}, w.checkRuns));
  sheet(w.check, [body], 'check');
  const { verifyDraw } = await import('../client/draw.js');
  const { commitmentHolds, mineCounted, winner: follows, digest, transcript } = verifyDraw(draw, mine);
  const wins = follows?.number === winner.number;
  const holds = commitmentHolds && wins && mineCounted !== false;
  const command = `printf '%s' '${transcript}' | sha256sum`;
  const rest = draw.candidates.findIndex(({ number }) => number === follows?.number);
  const said = h('span', {}, w.copyTranscript);
  const copyIt = async () => {
    said.textContent = (await copy(command)) ? w.copied : w.errors.copy;
  };
  fill(
    body,
    h('p', { class: holds ? 'verdict' : 'verdict bad', role: 'status' }, holds ? w.checkIntro : w.checkFailed),
    h(
      'ul',
      { class: 'steps' },
      step(commitmentHolds, w.checking1),
      mine?.draw === draw.number ? step(commitmentHolds, w.checkSeen) : step(null, w.checkUnseen),
      step(mineCounted, mineCounted === null ? w.checkMineNone : mineCounted ? w.checkMine : w.checkMineNot),
      step(wins, w.checkWinner(follows?.item ?? '–')),
    ),
    h(
      'dl',
      { class: 'facts' },
      fact(w.commitment, h('code', {}, draw.commitment)),
      fact(w.secret, h('code', {}, draw.secret)),
      fact(w.candidates, h('ol', { start: 0 }, ...draw.candidates.map(({ item, number }) => h('li', { class: number === winner.number ? 'is-winner' : null }, item)))),
      fact(
        w.chances,
        h('ul', {}, ...draw.contributions.map(({ name, value }) => h('li', {}, called(name), value === mine?.value && h('em', {}, ` (${w.you})`), h('code', {}, value)))),
      ),
      fact(w.hash, h('code', {}, digest), h('span', {}, w.remainder(draw.candidates.length, rest))),
    ),
    h('p', { class: 'note' }, w.transcriptNote),
    h('pre', { class: 'transcript', tabindex: 0, 'aria-label': w.transcript }, command),
    h('button', { type: 'button', class: 'second wide', onclick: copyIt }, icon('copy'), said),
  );
}

/** @param {boolean | null} holds null: it cannot be known @param {string} text */
function step(holds, text) {
  const kind = holds === null ? 'unknown' : holds ? 'good' : 'bad';
  const sign = holds === null ? h('span', { class: 'dash', 'aria-hidden': 'true' }, '–') : icon(holds ? 'check' : 'close');
  return h('li', { class: kind }, sign, h('span', {}, text));
}

/** @param {string} name @param {...Node} value */
const fact = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, ...value));
