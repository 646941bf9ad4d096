// Voting, by the table's rule of how many votes each has.

import { w } from '../i18n/index.js';
import { rulesOf } from '../lib/rules.js';
import { rows } from '../lib/view.js';

/** @import { App } from './app.js' */

/** Votes for an item, or takes the vote back. If each has one vote, it moves here. @param {App} app @param {number} number */
export function toggleVote(app, number) {
  const { me, state, pending } = app.view();
  if (!me || !state) return;
  const mine = rows(state.items, pending, me).filter(({ votes }) => votes.includes(me.id)).map((row) => row.number);
  if (mine.includes(number)) return void app.attempt(app.room.unvote(number));
  const { votes_each: each } = rulesOf(state);
  if (each === 1) for (const other of mine) app.attempt(app.room.unvote(other));
  else if (each !== null && mine.length >= each) return app.toast(w.errors.votes_spent);
  app.attempt(app.room.vote(number));
}
