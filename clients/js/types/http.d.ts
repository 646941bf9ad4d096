import type { CreatedRoom } from './types.js';
/** @import { CreatedRoom } from './types.js' */
/**
 * Where to join a room.
 * @param {string | URL} base any address of the server, such as `location.href`
 * @param {string} id
 * @returns {string}
 */
export declare function roomUrl(base: string | URL, id: string): string;
/**
 * Makes a room.
 * @param {string | URL} base any address of the server, such as `location.href`
 * @param {object} [settings] of the room, if the server has any
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<CreatedRoom>}
 * @throws {RoomError} the server's refusal, or `disconnected`
 */
export declare function createRoom(base: string | URL, settings?: object, init?: RequestInit): Promise<CreatedRoom>;
