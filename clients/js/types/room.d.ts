import type { Listened, RoomOptions, Saved, View } from './types.js';
/**
 * A seat in a room, and the room as seen from it. Connects when made, and comes back by itself.
 *
 * Events: `view` after each change of `view` or `saved`; and, as they come from the server, `joined`, `back`, `away`,
 * `left`, `renamed` and `change` (the application's), each with the event as `detail`; and `refused`, of a command in
 * `saved` that was given up, with a `RoomError` as `detail`.
 * @template S the application's state
 * @template E the application's events
 */
export declare class Room<S, E> extends EventTarget {
    #private;
    /**
     * @param {string | URL} url from `roomUrl` or `createRoom`
     * @param {RoomOptions<S, E>} [options]
     */
    constructor(url: string | URL, { apply, name, colour, saved, WebSocket }?: RoomOptions<S, E>);
    /** The room as it is known now. */
    get view(): View<S>;
    /**
     * What to keep to have the same seat again after a reload, and to say what was not answered; null if there is neither,
     * and after `close`. Changes with `view`.
     * @returns {Saved | null}
     */
    get saved(): Saved | null;
    /**
     * Calls with the view, now and whenever there is another. Needs no `this`.
     * @param {(view: View<S>) => void} listener
     * @returns {() => void} ends it
     */
    subscribe: (listener: (view: View<S>) => void) => () => void;
    /**
     * Listens to one type of event, typed.
     * @template {keyof Listened<E>} K
     * @param {K} type
     * @param {(event: Listened<E>[K]) => void} listener
     * @returns {() => void} ends it
     */
    listen<K extends keyof Listened<E>>(type: K, listener: (event: Listened<E>[K]) => void): () => void;
    /**
     * Says a command; it is kept until there is an answer, over as many connections as that takes.
     * @param {string} command
     * @param {object | null} [content] anything that JSON can carry; it is taken as it is now
     * @returns {Promise<number>} its place in the room's history, once `view` shows what it did
     * @throws {RoomError} the server's refusal; `unsure` if the seat was lost; the room's end; `bad_command` if it cannot
     *   be said
     */
    send(command: string, content?: object | null): Promise<number>;
    /**
     * Takes another name, and another colour if there is one.
     * @param {string} name
     * @param {number} [colour] 0 to 11
     */
    rename(name: string, colour?: number): Promise<number>;
    /**
     * Tries to connect now, also when it has ended. Does nothing while it is connected. If a name was refused, it joins
     * without one.
     */
    retryNow(): void;
    /** Leaves the room: the seat is given up. */
    close(): void;
    /**
     * A time of the store as this device's clock will show it, ms.
     * @param {number} time
     * @returns {number}
     */
    localTime(time: number): number;
}
