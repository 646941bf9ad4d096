import type { Hello, Replica, RoomEvent, RoomOptions, Whole } from './types.js';
/** @import { ChangeEvent, Hello, Member, Replica, RoomEvent, RoomOptions, Whole } from './types.js' */
/** What an event can be. @type {readonly (keyof import('./types.js').RoomEvents<any>)[]} */
export declare const KINDS: readonly (keyof import('./types.js').RoomEvents<any>)[];
/**
 * @template S
 * @param {Replica<S>} replica
 * @param {Whole<S>} whole
 * @returns {Replica<S>}
 */
export declare function replace<S>(replica: Replica<S>, { now, ...whole }: Whole<S>): Replica<S>;
/**
 * A resumed hello has no state: the events behind it lead on from the one that is known.
 * @template S
 * @param {Replica<S> | null} replica
 * @param {Hello<S>} hello
 * @returns {Replica<S>}
 */
export declare function greet<S>(replica: Replica<S> | null, { seat, ...hello }: Hello<S>): Replica<S>;
/**
 * @template S, E
 * @param {Replica<S>} replica
 * @param {RoomEvent<E>} event the next one
 * @param {RoomOptions<S, E>['apply']} apply
 * @returns {Replica<S>}
 */
export declare function happen<S, E>(replica: Replica<S>, event: RoomEvent<E>, apply: RoomOptions<S, E>['apply']): Replica<S>;
