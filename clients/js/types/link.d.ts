import { RoomError } from './errors.js';
import type { WebSocketClass } from './types.js';
export type Ends = {
    /**
     * the socket is open: introduce yourself
     */
    opened: () => void;
    heard: (text: string) => void;
    /**
     * say something that the server answers, unless an answer is due anyway
     */
    probe: () => void;
    /**
     * whether to come back after a close that is final otherwise
     */
    lost: (closeCode: number) => boolean;
    /**
     * `status`, `retryAt` or `reason` did
     */
    changed: () => void;
};
/**
 * This device's clock minus the one that durations are measured by, which nobody can set. Changes when the clock is set,
 * and when the device slept, since some browsers stop the other one meanwhile.
 */
export declare function ahead(): number;
export declare class Link {
    #private;
    /** @type {'connecting' | 'live' | 'offline' | 'ended'} */
    status: 'connecting' | 'live' | 'offline' | 'ended';
    /** By `performance.now()`, as all times here. @type {number | null} */
    retryAt: number | null;
    /** @type {RoomError | null} */
    reason: RoomError | null;
    /** The network went, or nobody looked for long: the connection may be dead until it says something. */
    doubtful: boolean;
    /** What the server complained of, which a close may follow. @type {RoomError | null} */
    complaint: RoomError | null;
    /**
     * @param {string | URL} url
     * @param {WebSocketClass} WebSocket
     * @param {Ends} ends
     */
    constructor(url: string | URL, WebSocket: WebSocketClass, ends: Ends);
    /** Connects, now. */
    open(): void;
    /**
     * The hello came.
     * @param {number} interval after so much silence the server pings, ms
     * @param {number} grace how long it keeps the seat of a lost connection, ms
     */
    greeted(interval: number, grace: number): void;
    /** Says it, unless the connection is closing: then that will be told in a moment. @param {string} text */
    send(text: string): void;
    /** An answer is due: its absence means that the connection is dead. */
    asked(patience?: number): void;
    /** Finds out whether the connection lives. */
    ask(patience?: number): void;
    /**
     * Gives the connection up, not the seat.
     * @param {string} text why
     */
    drop(text: string): void;
    /**
     * Stays away. By default it says goodbye; with another code the seat is kept for a while.
     * @param {RoomError} [reason]
     * @param {number} [closeCode]
     */
    close(reason?: RoomError, closeCode?: number): void;
    /** Connects at once, if it does not already. */
    retryNow(): void;
}
