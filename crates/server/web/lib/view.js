// The visible part of a room: the screen, and the menu in its order, with the guest's own unanswered changes. Pure.

/** @import { Item, Menu, Pending, View } from '../client/types.js' */

/** @typedef {'room' | 'arriving' | 'full' | 'dismissed' | 'closed' | 'restarting' | 'unreachable' | 'unknown' | 'gone' | 'taken' | 'failed'} Screen */

/**
 * What to show: a room, or the reason why there is none.
 * @param {Pick<View<Menu>, 'status' | 'reason' | 'state'>} view
 * @returns {Screen}
 */
export function screenOf({ status, reason, state }) {
  const code = reason?.code;
  if (status === 'ended') {
    if (code === 'not_found') return state ? 'gone' : 'unknown';
    if (code === 'gone') return 'gone';
    return code === 'taken_over' ? 'taken' : code === 'dismissed' || code === 'closed' ? code : 'failed';
  }
  if (code === 'room_full') return 'full';
  if (state) return 'room';
  if (code === 'restarting' || code === 'unavailable') return 'restarting';
  return status === 'offline' || reason ? 'unreachable' : 'arriving';
}

/**
 * A view with times by `performance.now()`, because this device's clock may be set while the view is shown. Must be
 * made together with the view.
 * @template {Pick<View<Menu>, 'expiresAt' | 'retryAt'>} T
 * @param {T} view
 * @returns {T}
 */
export function steady(view) {
  const ahead = Date.now() - performance.now();
  const by = (/** @type {number | null} */ time) => (time === null ? null : time - ahead);
  return { ...view, expiresAt: by(view.expiresAt), retryAt: by(view.retryAt) };
}

/** Refusals after which the outcome is unknown. */
export const UNSURE = ['unsure', 'outdated', 'conflict'];

/** A placeholder for the number of a new dish: after all others. */
export const LATE = Number.MAX_SAFE_INTEGER;

/**
 * A line of the menu as it is shown.
 * @typedef {Item & { key: string, waits: boolean, leaves: boolean }} Row `waits`: a change of it is unanswered
 */

/**
 * @param {readonly Item[]} items
 * @param {readonly Pending[]} pending
 * @param {{ id: number, name: string } | null} me
 * @returns {Row[]}
 */
export function rows(items, pending, me) {
  /** @type {Row[]} */
  const shown = items.map((item) => ({ ...item, key: String(item.number), waits: false, leaves: false }));
  for (const { id, command, content } of pending) {
    const { number, item, on } = /** @type {{ number?: number, item?: string, on?: boolean }} */ (content);
    if (command === 'add' && item !== undefined) {
      const late = { number: LATE, by: me?.id ?? 0, name: me?.name ?? '', votes: [] };
      shown.push({ ...late, item, key: `new ${id}`, waits: true, leaves: false });
      continue;
    }
    const row = shown.find((row) => row.number === number);
    if (!row) continue;
    if (command === 'remove') row.waits = row.leaves = true;
    if (command === 'veto' && me) {
      const others = row.vetoes?.filter((member) => member !== me.id) ?? [];
      shown[shown.indexOf(row)] = { ...row, vetoes: on ? [...others, me.id] : others, waits: true };
    }
    if (command === 'vote' && me) {
      const others = row.votes.filter((member) => member !== me.id);
      shown[shown.indexOf(row)] = { ...row, votes: on ? [...others, me.id] : others, waits: true };
    }
  }
  return shown;
}

/**
 * Most votes first; with equal votes in order of adding.
 * @template {Pick<Item, 'number' | 'votes'>} T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
export function byVotes(items) {
  return [...items].sort((a, b) => b.votes.length - a.votes.length || a.number - b.number);
}

/**
 * The order while somebody touches the list: shown dishes keep their places, new ones come last.
 * @template {Pick<Item, 'number' | 'votes'>} T
 * @param {readonly T[]} items
 * @param {readonly number[]} shown the numbers in the shown order
 * @returns {T[]}
 */
export function held(items, shown) {
  const places = new Map(shown.map((number, place) => [number, place]));
  const place = (/** @type {T} */ item) => places.get(item.number) ?? shown.length + item.number;
  return [...items].sort((a, b) => place(a) - place(b));
}

/**
 * The items with most votes, if anybody has voted.
 * @template {Pick<Item, 'number' | 'votes'>} T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
export function leading(items) {
  const most = Math.max(0, ...items.map((item) => item.votes.length));
  return most ? items.filter((item) => item.votes.length === most) : [];
}
