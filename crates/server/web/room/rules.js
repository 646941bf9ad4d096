// What is special at this table, in a few lines under its name: the deadline, the rules of the vote, who has voted.

import { w } from '../i18n/index.js';
import { fill, h, say, set } from '../lib/dom.js';
import { isLocked, rulesOf, silent } from '../lib/rules.js';
import { countdown } from './deadline.js';
import { options } from './options.js';
import { called, disc, nameOf } from './people.js';

/** @import { App, Part, View } from './app.js' */

/** A room may be reminded once in this time, ms. */
const NUDGES = 60_000;

/** @param {App} app @returns {Part} */
export function rules(app) {
  const [time, votes] = [countdown(app), voted(app)];
  const tags = h('p', { class: 'rule-tags' });
  return {
    element: h('section', { class: 'rules', 'aria-label': w.rules }, time.element, tags, votes.element),
    update(view) {
      const { state } = view;
      const { hidden_votes, votes_each } = rulesOf(state);
      const host = called(nameOf(state?.host ?? 0) ?? '');
      const all = [hidden_votes && w.secretBallot, votes_each !== null && w.votesEach(votes_each), state?.locked === true && (isLocked(view) ? w.lockedBy(host) : w.lockedForOthers)].filter((one) => one !== false);
      if (tags.dataset['state'] !== all.join()) {
        tags.dataset['state'] = all.join();
        fill(tags, ...all.flatMap((text) => [h('span', { class: 'rule' }, text), ' ']));
      }
      time.update(view);
      votes.update(view);
    },
    tick() {
      time.tick?.();
      votes.tick?.();
    },
  };
}

/** How many have voted, who, and a word to those who have not. @param {App} app @returns {Part} */
function voted(app) {
  const count = h('span', { class: 'voted-count' });
  const discs = h('span', { class: 'voted-discs' });
  const missing = h('strong', {}, w.voteMissing);
  const nudge = h('button', { type: 'button', class: 'link', onclick: async () => (await app.attempt(app.room.nudge())) && app.toast(w.nudgeSent) }, w.nudge);
  const element = h('div', { class: 'voted' }, discs, count, h('span', { class: 'voted-more' }, missing, nudge));
  /** @param {View} view */
  function update(view) {
    const { state, members, me } = view;
    // Before anybody can vote, and once it is decided, nobody waits for votes. A node of before the rules does not say who has.
    element.hidden = !state?.voted || state.items.length === 0 || members.length < 2 || state.decision !== null || state.drawing !== null;
    if (element.hidden || !state) return;
    const not = silent(view);
    const some = members.filter((member) => !not.includes(member));
    const names = (/** @type {typeof not} */ all) => all.map(({ name }) => called(name)).join(', ');
    say(count, w.votedOf(some.length, members.length));
    const isMissing = some.length > 0 && not.some(({ id }) => id === me?.id);
    // Both keep their space: the menu below must not move when somebody votes.
    set(missing, { 'data-off': !isMissing });
    const nudged = state.nudged_at === undefined ? -Infinity : app.room.localTime(state.nudged_at);
    set(nudge, { 'data-off': me === null || isMissing || not.length === 0 || Date.now() - nudged < NUDGES });
    const key = JSON.stringify([some, not]);
    if (discs.dataset['state'] === key) return;
    discs.dataset['state'] = key;
    const one = (/** @type {boolean} */ has) => (/** @type {typeof not[0]} */ { colour, name }) => {
      const shown = disc(colour, name);
      shown.classList.toggle('silent', !has);
      shown.title = called(name);
      return shown;
    };
    const text = [some.length > 0 && w.haveVoted(names(some)), not.length > 0 && w.haveNotVoted(names(not))].filter(Boolean).join(' ');
    fill(discs, ...some.map(one(true)), ...not.map(one(false)), h('span', { class: 'unseen' }, text));
  }
  return { element, update, tick: () => update(app.view()) };
}

/** Sets the rules of the vote. @param {App} app @returns {Part} */
export function rulesForm(app) {
  const secret = options(w.ballot, [[w.open_, false], [w.secretBallot, true]], (hiddenVotes) => void app.attempt(app.room.setRules({ hiddenVotes })));
  const each = options(
    w.votesPerPerson,
    [[w.anyVotes, null], ...[1, 3].map((n) => /** @type {[string, number]} */ ([w.votes(n), n]))],
    (votesEach) => void app.attempt(app.room.setRules({ votesEach })),
  );
  return {
    element: h('section', { class: 'setting' }, h('h3', {}, w.ballot), h('p', { class: 'note' }, w.secretText), secret.element, h('h3', {}, w.votesPerPerson), each.element),
    update(view) {
      const { hidden_votes, votes_each } = rulesOf(view.state);
      secret.update(hidden_votes, isLocked(view));
      each.update(votes_each, isLocked(view));
    },
  };
}
