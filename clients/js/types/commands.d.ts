import { RoomError } from './errors.js';
import type { Hello, Pending, Position } from './types.js';
export type Entry = {
    pending: Pending;
    /**
     * exactly what is sent, each time
     */
    text: string;
    /**
     * not the application's: only to be answered, over this connection
     */
    quiet: boolean;
    /**
     * to be sent, for the first time or again
     */
    due: boolean;
    /**
     * how often it was sent over this connection without an answer
     */
    open: number;
    resolve: (seq: number) => void;
    reject: (reason: RoomError) => void;
};
export declare class Commands {
    #private;
    /** The number of the next one; never used twice for a seat. */
    nextId: number;
    /** The highest number that was sent: up to it a command may have been applied. */
    sentId: number;
    /**
     * @param {(text: string) => void} say
     * @param {() => void} changed before it is said: `sentId` did, and is to be saved first
     */
    constructor(say: (text: string) => void, changed: () => void);
    /** Without an answer, in order. */
    get pending(): Pending[];
    /** Whether something is on its way. */
    get busy(): boolean;
    /**
     * @param {Pending} pending
     * @param {boolean} [quiet]
     * @returns {Promise<number>}
     */
    add(pending: Pending, quiet?: boolean): Promise<number>;
    /**
     * Sends what is due, as far as the server's rate allows.
     * @returns {boolean} whether `changed` was called
     */
    flush(): boolean;
    /**
     * Connected: all that was not answered is sent again.
     * @param {Hello<any>['limits']} limits
     */
    greeted(limits: Hello<any>['limits']): void;
    /** Not connected: nothing is sent, and all that was not answered is due. */
    lost(): void;
    /** Waits no more. @returns {boolean} as `flush` */
    hurry(): boolean;
    /** The seat is lost, and with it the way to find out what became of the commands that were sent. */
    forget(): void;
    /**
     * @param {number} id
     * @param {Position} position
     */
    acknowledged(id: number, { epoch, seq }: Position): void;
    /**
     * Without an id it answers one of those that were sent, which will not be answered otherwise.
     * @param {RoomError} reason
     * @param {number} [id]
     * @param {number} [after] the server takes this one first
     * @returns {'refused' | 'passing' | 'stuck'} `stuck`: it waits for one that was settled, until the next connection
     */
    refused(reason: RoomError, id?: number, after?: number): 'refused' | 'passing' | 'stuck';
    /**
     * The replica is there: whoever waited for their command sees what it did.
     * @param {Position} position
     */
    reached({ epoch, seq }: Position): void;
    /** @param {RoomError} reason */
    end(reason: RoomError): void;
}
