import { Room } from './room.js';
import type { ChangeEvent, Contribution, Menu, MenuChange, RoomOptions, Saved } from './types.js';
/**
 * A room with the lunch menu. `which` is an item's number, or its text: then it is the first equal one. Takes part in
 * draws by itself: see "The draw" in the protocol.
 * @extends {Room<Menu, MenuChange>}
 */
export declare class LunchRoom extends Room<Menu, MenuChange> {
    #private;
    /**
     * @param {string | URL} url from `roomUrl` or `createRoom`
     * @param {Omit<RoomOptions<Menu, MenuChange>, 'apply'>} [options]
     */
    constructor(url: string | URL, options?: Omit<RoomOptions<Menu, MenuChange>, 'apply'>);
    /**
     * @override
     * @returns {Saved | null}
     */
    get saved(): Saved | null;
    /** What this client contributed to the newest draw that it took part in, for `verifyDraw`. */
    get contribution(): Contribution | null;
    /** Puts an item at the end. @param {string} item */
    add(item: string): Promise<number>;
    /** Takes an item away. @param {number | string} which */
    remove(which: number | string): Promise<number>;
    /** Puts an item back that was removed, where and as it was. @param {number} number */
    restore(number: number): Promise<number>;
    /** Votes for an item. @param {number | string} which */
    vote(which: number | string): Promise<number>;
    /** Takes your vote back. @param {number | string} which */
    unvote(which: number | string): Promise<number>;
    /** Names the room; null takes the name away. @param {string | null} title */
    setTitle(title: string | null): Promise<number>;
    /** Lets the room live its whole lifetime again. */
    extend(): Promise<number>;
    /**
     * Settles it: by votes, and among several items with as many by a draw; or by a draw among all.
     * @param {'votes' | 'draw'} how
     */
    decide(how: 'votes' | 'draw'): Promise<number>;
}
/**
 * The menu after an event.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu}
 */
export declare function applyMenu(menu: Menu, { by, change }: ChangeEvent<MenuChange>): Menu;
