import { Room } from './room.js';

/** @import { ChangeEvent, Menu, MenuChange, RoomOptions } from './types.js' */

/**
 * The menu after an event.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu}
 */
export function applyMenu(menu, { by, change: { added, removed, voted } }) {
  let { items } = menu;
  if (added) items = [...items, { ...added, by, votes: [] }];
  if (removed) items = items.filter((item) => item.number !== removed.number);
  if (voted) {
    items = items.map((item) => {
      if (item.number !== voted.number) return item;
      const votes = item.votes.filter((member) => member !== by);
      return { ...item, votes: voted.on ? [...votes, by] : votes };
    });
  }
  return { ...menu, items };
}

/** @type {(which: number | string) => { number: number } | { item: string }} */
const target = (which) => (typeof which === 'number' ? { number: which } : { item: which });

/**
 * A room with the lunch menu. `which` is an item's number, or its text: then it is the first equal one.
 * @extends {Room<Menu, MenuChange>}
 */
export class LunchRoom extends Room {
  /**
   * @param {string | URL} url from `roomUrl` or `createRoom`
   * @param {Omit<RoomOptions<Menu, MenuChange>, 'apply'>} [options]
   */
  constructor(url, options) {
    super(url, { ...options, apply: applyMenu });
  }

  /** Puts an item at the end. @param {string} item */
  add(item) {
    return this.send('add', { item });
  }

  /** Takes an item away. @param {number | string} which */
  remove(which) {
    return this.send('remove', target(which));
  }

  /** Votes for an item. @param {number | string} which */
  vote(which) {
    return this.send('vote', { ...target(which), on: true });
  }

  /** Takes your vote back. @param {number | string} which */
  unvote(which) {
    return this.send('vote', { ...target(which), on: false });
  }
}
