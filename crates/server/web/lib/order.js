// In which order dishes are shown. Pure.

/** @import { Item } from '../client/types.js' */

/**
 * Most wanted first; as many votes: in order of adding.
 * @template {Pick<Item, 'number' | 'votes'>} T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
export function byVotes(items) {
  return [...items].sort((a, b) => b.votes.length - a.votes.length || a.number - b.number);
}

/**
 * The order while somebody touches the list: what was there keeps its place, what is new comes last.
 * @template {Pick<Item, 'number' | 'votes'>} T
 * @param {readonly T[]} items
 * @param {readonly number[]} shown the numbers as they stand
 * @returns {T[]}
 */
export function held(items, shown) {
  const places = new Map(shown.map((number, place) => [number, place]));
  const place = (/** @type {T} */ item) => places.get(item.number) ?? shown.length + item.number;
  return [...items].sort((a, b) => place(a) - place(b));
}

/**
 * Those with most votes, if anybody voted.
 * @template {Pick<Item, 'number' | 'votes'>} T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
export function leading(items) {
  const most = Math.max(0, ...items.map((item) => item.votes.length));
  return most ? items.filter((item) => item.votes.length === most) : [];
}
