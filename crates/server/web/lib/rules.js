// What the rules of a table mean for who looks at it. Pure.

/** @import { Item, Menu, View } from '../client/types.js' */

/** Before anything is known, and from a node of before the rules, which does not say them. */
const NONE = { hidden_votes: false, votes_each: null };

/** @param {Menu | null} state */
export const rulesOf = (state) => state?.rules ?? NONE;

/** Whether the votes of others are a secret at the moment: once it was decided, those counted then are shown. @param {Menu | null} state */
export const isSecret = (state) => rulesOf(state).hidden_votes && !state?.decision;

/** Whether only somebody else may change the menu. @param {Pick<View<Menu>, 'state' | 'me'>} view */
export const isLocked = ({ state, me }) => state?.locked === true && state.host !== me?.id;

/** @param {Pick<View<Menu>, 'state' | 'me'>} view */
export const isHost = ({ state, me }) => me !== null && state?.host === me.id;

/**
 * The items that may win: nobody has said that they cannot eat them.
 * @template {Pick<Item, 'vetoes'>} T
 * @param {readonly T[]} items
 */
export const candidates = (items) => items.filter(({ vetoes }) => !vetoes?.length);

/** Who is at the table and has not voted. @param {Pick<View<Menu>, 'state' | 'members'>} view */
export const silent = ({ state, members }) => members.filter(({ id }) => !state?.voted?.includes(id));

/**
 * The next time that a clock on the wall shows `HH:MM`.
 * @param {string} text
 * @param {number} now ms
 * @returns {number | null} ms; null if the text is no time
 */
export function nextTime(text, now) {
  const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(text) ?? [];
  if (hours === undefined) return null;
  const time = new Date(now);
  time.setHours(Number(hours), Number(minutes), 0, 0);
  if (time.getTime() <= now) time.setDate(time.getDate() + 1);
  return time.getTime();
}
