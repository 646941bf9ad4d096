import type { CreatedRoom, RoomResult, RoomSettings } from './types.js';
/** @import { CreatedRoom, RoomResult, RoomSettings } from './types.js' */
/**
 * Where to join a room.
 * @param {string | URL} base the site's first page, such as `https://lunch.example` or `https://example.org/lunch/`:
 * with a slash at the end of its path
 * @param {string} id
 * @returns {string}
 */
export declare function roomUrl(base: string | URL, id: string): string;
/**
 * Makes a room.
 * @param {string | URL} base the site's first page, as for `roomUrl`
 * @param {RoomSettings} [settings]
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<CreatedRoom>}
 * @throws {RoomError} the server's refusal, or `disconnected`: no answer, or none that this page may read
 */
export declare function createRoom(base: string | URL, settings?: RoomSettings, init?: RequestInit): Promise<CreatedRoom>;
/**
 * What was decided last in a room, also when the room is gone.
 * @param {string | URL} base the site's first page, as for `roomUrl`
 * @param {string} id
 * @param {RequestInit} [init] for `fetch`, such as a `signal`
 * @returns {Promise<RoomResult>}
 * @throws {RoomError} the server's refusal, `not_found` if nothing is kept; or `disconnected`
 */
export declare function roomResult(base: string | URL, id: string, init?: RequestInit): Promise<RoomResult>;
