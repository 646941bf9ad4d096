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
  const item = menu?.items.find((one) => one.number === number)?.item ?? '';
  /** @type {Record<string, string>} */
  const names = { vote: (on ? w.vote : w.unvote)(item), remove: w.remove(item), restore: w.putBack, title: w.tableName, rename: w.yourName, extend: w.keepOpen, decide: w.decide };
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
 * @returns {string | undefined}
 */
export function told({ added, restored, voted, titled, extended }, who, item) {
  if (added) return w.said.added(who, added.item);
  if (restored) return w.said.restored(who, restored.item);
  if (voted) return (voted.on ? w.said.voted : w.said.unvoted)(who, item(voted.number));
  if (titled) return w.said.titled(who, titled.title ?? w.untitled);
  return extended && w.said.extended(who);
}
