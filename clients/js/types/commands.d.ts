import { RoomError } from './errors.js';
import type { Hello, Pending, Position } from './types.js';
export type Entry = {
    pending: Pending;
    /**
     * exactly what is sent, each time
     */
    text: string;
    /**
     * over this connection
     */
    sent: boolean;
    /**
     * sent at all: it may have been applied
     */
    tried: boolean;
    resolve: (seq: number) => void;
    reject: (reason: RoomError) => void;
};
export declare class Commands {
    #private;
    /** The number of the next one; never used twice for a seat. */
    nextId: number;
    /** @param {(text: string) => void} say */
    constructor(say: (text: string) => void);
    /** Without an answer, in order. */
    get pending(): Pending[];
    /** Whether something is on its way. */
    get busy(): boolean;
    /**
     * @param {Pending} pending
     * @param {boolean} [tried]
     * @returns {Promise<number>}
     */
    add(pending: Pending, tried?: boolean): Promise<number>;
    /** Sends what is not sent yet, as far as the server's rate allows. */
    flush(): void;
    /**
     * Connected: all that was not answered is sent again.
     * @param {Hello<any>['limits']} limits
     */
    greeted(limits: Hello<any>['limits']): void;
    /** Not connected: nothing is sent. */
    lost(): void;
    /** Waits no more. */
    hurry(): void;
    /** The seat is lost, and with it the way to find out what became of the commands that were sent. */
    forget(): void;
    /**
     * @param {number} id
     * @param {Position} position
     */
    acknowledged(id: number, { epoch, seq }: Position): void;
    /**
     * @param {number} id
     * @param {RoomError} reason
     * @returns {boolean} whether that was the answer
     */
    refused(id: number, reason: RoomError): boolean;
    /**
     * The replica is there: whoever waited for their command sees what it did.
     * @param {Position} position
     */
    reached({ epoch, seq }: Position): void;
    /** @param {RoomError} reason */
    end(reason: RoomError): void;
}
