export { Room } from './room.js';
export { RoomError } from './errors.js';
export { again, createRoom, roomResult, roomUrl } from './http.js';
export { newPerson } from './random.js';

/** @typedef {import('./types.js').Former} Former */
/** @typedef {import('./types.js').Member} Member */
/** @typedef {import('./types.js').NextSettings} NextSettings */
/** @typedef {import('./types.js').Remembered} Remembered */
/** @typedef {import('./types.js').Pending} Pending */
/** @typedef {import('./types.js').Saved} Saved */
/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').TransportName} TransportName */
/** @typedef {import('./types.js').Version} Version */
/** @typedef {import('./types.js').CreatedRoom} CreatedRoom */
/** @typedef {import('./types.js').RoomResult} RoomResult */
/** @typedef {import('./types.js').RoomSettings} RoomSettings */
/** @template S @typedef {import('./types.js').View<S>} View */
/** @template E @typedef {import('./types.js').ChangeEvent<E>} ChangeEvent */
/** @template S, E @typedef {import('./types.js').RoomOptions<S, E>} RoomOptions */
