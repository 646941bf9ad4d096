export { Room } from './room.js';
export { RoomError } from './errors.js';
export { createRoom, roomResult, roomUrl } from './http.js';
export type Member = import('./types.js').Member;
export type Pending = import('./types.js').Pending;
export type Saved = import('./types.js').Saved;
export type Status = import('./types.js').Status;
export type CreatedRoom = import('./types.js').CreatedRoom;
export type RoomResult = import('./types.js').RoomResult;
export type RoomSettings = import('./types.js').RoomSettings;
export type View<S> = import('./types.js').View<S>;
export type ChangeEvent<E> = import('./types.js').ChangeEvent<E>;
export type RoomOptions<S, E> = import('./types.js').RoomOptions<S, E>;
/** @typedef {import('./types.js').Member} Member */
/** @typedef {import('./types.js').Pending} Pending */
/** @typedef {import('./types.js').Saved} Saved */
/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').CreatedRoom} CreatedRoom */
/** @typedef {import('./types.js').RoomResult} RoomResult */
/** @typedef {import('./types.js').RoomSettings} RoomSettings */
/** @template S @typedef {import('./types.js').View<S>} View */
/** @template E @typedef {import('./types.js').ChangeEvent<E>} ChangeEvent */
/** @template S, E @typedef {import('./types.js').RoomOptions<S, E>} RoomOptions */
