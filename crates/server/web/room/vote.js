// Voting, by the table's rule of how many votes each has.

import { w } from '../i18n/index.js';
import { rulesOf } from '../lib/rules.js';
import { rows } from '../lib/view.js';

/** @import { App } from './app.js' */

/** Votes for an item, or takes the vote back. If each has one vote, it moves here. @param {App} app @param {number} number */
export async function toggleVote(app, number) {
  const { me, state, pending } = app.view();
  if (!me || !state) return;
  const mine = rows(state.items, pending, me).filter(({ votes }) => votes.includes(me.id)).map((row) => row.number);
  if (mine.includes(number)) return void app.attempt(app.room.unvote(number));
  const { votes_each: each } = rulesOf(state);
  const moves = each === 1 ? mine : [];
  if (each !== null && each > 1 && mine.length >= each) return app.toast(w.errors.votes_spent);
  for (const other of moves) void app.attempt(app.room.unvote(other));
  const isDone = await app.attempt(app.room.vote(number));
  // It could not move, so it stays where it was.
  if (!isDone && app.view().status !== 'ended') for (const other of moves) void app.attempt(app.room.vote(other));
}
