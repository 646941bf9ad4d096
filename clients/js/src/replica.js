// The room as this client knows it. Pure: what happens makes a new replica.

/** @import { ChangeEvent, Hello, Member, Replica, RoomEvent, RoomOptions, Whole } from './types.js' */

/** What an event can be. @type {readonly (keyof import('./types.js').RoomEvents<any>)[]} */
export const KINDS = ['joined', 'back', 'away', 'left', 'renamed', 'change'];

/**
 * @template S
 * @param {Replica<S>} replica
 * @param {Whole<S>} whole
 * @returns {Replica<S>}
 */
export function replace(replica, { now, ...whole }) {
  return { ...replica, ...whole, offset: now - Date.now() };
}

/**
 * A resumed hello has no state: the events behind it lead on from the one that is known.
 * @template S
 * @param {Replica<S> | null} replica
 * @param {Hello<S>} hello
 * @returns {Replica<S>}
 */
export function greet(replica, { seat, ...hello }) {
  const next = /** @type {Replica<S>} */ ({ ...replica, ...hello });
  return hello.resumed ? next : replace(next, hello);
}

/**
 * @template S, E
 * @param {Replica<S>} replica
 * @param {RoomEvent<E>} event the next one
 * @param {RoomOptions<S, E>['apply']} apply
 * @returns {Replica<S>}
 */
export function happen(replica, event, apply) {
  const { seq, expires_at, joined, back, away, left, renamed } = event;
  let { members, state } = replica;
  /** @type {(id: number, news: Partial<Member>) => void} */
  const update = (id, news) => (members = members.map((m) => (m.id === id ? { ...m, ...news } : m)));
  if (joined) members = [...members, { id: joined.member, name: joined.name, colour: joined.colour, away: false }];
  if (back) update(back.member, { away: false });
  if (away) update(away.member, { away: true });
  if (left) members = members.filter((m) => m.id !== left.member);
  if (renamed) update(renamed.member, { name: renamed.name, colour: renamed.colour });
  if (event.change) state = apply(state, /** @type {ChangeEvent<E>} */ (event));
  return { ...replica, seq, expires_at, members, state };
}
