import { Room } from './room.js';
import type { ChangeEvent, Menu, MenuChange, RoomOptions } from './types.js';
/** @import { ChangeEvent, Menu, MenuChange, RoomOptions } from './types.js' */
/**
 * The menu after an event.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu}
 */
export declare function applyMenu(menu: Menu, { by, change: { added, removed, voted } }: ChangeEvent<MenuChange>): Menu;
/**
 * A room with the lunch menu. `which` is an item's number, or its text: then it is the first equal one.
 * @extends {Room<Menu, MenuChange>}
 */
export declare class LunchRoom extends Room<Menu, MenuChange> {
    /**
     * @param {string | URL} url from `roomUrl` or `createRoom`
     * @param {Omit<RoomOptions<Menu, MenuChange>, 'apply'>} [options]
     */
    constructor(url: string | URL, options?: Omit<RoomOptions<Menu, MenuChange>, 'apply'>);
    /** Puts an item at the end. @param {string} item */
    add(item: string): Promise<number>;
    /** Takes an item away. @param {number | string} which */
    remove(which: number | string): Promise<number>;
    /** Votes for an item. @param {number | string} which */
    vote(which: number | string): Promise<number>;
    /** Takes your vote back. @param {number | string} which */
    unvote(which: number | string): Promise<number>;
}
