// What the page knows of each command: what it is called, whether it came true, and how others hear of it.

import { w } from '../i18n/index.js';
import { fold } from '../lib/text.js';

/** @import { Menu, MenuChange, Pending } from '../client/types.js' */

/** The name of a command; empty if the page sent it by itself.
 * @param {Pending} pending
 * @param {Menu | null} menu
 * @returns {string | undefined}
 */
export function named({ command, content }, menu) {
  const { number, on } = /** @type {{ number?: number, on?: boolean }} */ (content);
  // It may be refused because it was removed.
  const item = [...(menu?.items ?? []), ...(menu?.removed ?? [])].find((one) => one.number === number)?.item ?? '';
  /** @type {Record<string, string>} */
  const names = { vote: (on ? w.vote : w.unvote)(item), remove: w.remove(item), restore: w.putBack, title: w.tableName, rename: w.yourName, extend: w.keepOpen, decide: w.decide, deadline: w.deadline, nudge: w.nudge, veto: (on ? w.veto : w.unveto)(item), rules: w.ballot, lock: w.locked, host: w.makeHost, dismiss: w.dismiss, reinstate: w.takeAgain };
  return names[command];
}

/**
 * Whether the table is as a command wanted it: this shows the outcome of a command without a clear answer.
 * @param {Pending} pending
 * @param {Pick<Menu, 'items' | 'title'>} menu
 * @param {number} [me] me the member's id when it was sent; without it, the member's own votes are unknown
 * @returns {boolean | undefined} undefined: it cannot be seen
 */
export function isDone({ command, content }, { items, title }, me) {
  const said = /** @type {{ number?: number, item?: string, on?: boolean, title?: string | null }} */ (content);
  const row = items.find(({ number }) => number === said.number);
  switch (command) {
    case 'add':
      return items.some(({ item }) => fold(item) === fold(said.item ?? ''));
    case 'remove':
      return !row;
    case 'restore':
      return !!row;
    case 'vote':
      return row && me !== undefined ? row.votes.includes(me) === said.on : undefined;
    case 'veto':
      return row && me !== undefined ? (row.vetoes?.includes(me) ?? false) === said.on : undefined;
    case 'title':
      return title === said.title;
  }
  return undefined;
}

/**
 * What others are told of a change; nothing if it is shown in another way.
 * @param {MenuChange} change
 * @param {string} who
 * @param {(number: number) => string} item the dish with this number
 * @param {(id: number) => string} name of a member
 * @param {(at: number) => string} time of the store, in words
 * @returns {string | undefined}
 */
export function told(change, who, item, name, time) {
  const { said } = w;
  const { voted, vetoed, deadline } = change;
  if (change.added) return said.added(who, change.added.item);
  if (change.restored) return said.restored(who, change.restored.item);
  if (voted) return voted.hidden ? said.votedSecretly(who) : (voted.on ? said.voted : said.unvoted)(who, item(voted.number));
  if (vetoed) return (vetoed.on ? said.vetoed : said.unvetoed)(who, item(vetoed.number));
  if (change.titled) return said.titled(who, change.titled.title ?? w.untitled);
  // Without a name the clock did it.
  if (deadline) return deadline.name === undefined ? undefined : deadline.at === null ? said.noDeadline(who) : said.deadline(who, time(deadline.at));
  if (change.nudged) return said.nudged(who);
  if (change.ruled) return said.ruled(who);
  if (change.locked) return (change.locked.on ? said.locked : said.unlocked)(who);
  if (change.hosted?.member !== undefined) return said.hosted(name(change.hosted.member));
  if (change.dismissed) return said.dismissed(name(change.dismissed.member));
  return change.extended && said.extended(who);
}
