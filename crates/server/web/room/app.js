// Shared by the parts of the room's page.

/** @import { LunchRoom } from '../client/lunch.js' */
/** @import { Menu, Pending, View as AnyView } from '../client/types.js' */
/** @typedef {AnyView<Menu>} View */

/**
 * @typedef {object} App
 * @property {LunchRoom} room
 * @property {string} id of the room
 * @property {() => View} view with times by `performance.now()`
 * @property {() => void} update shows the current view
 * @property {() => void} reload loads the page again; seat and unanswered changes are stored already
 * @property {(promise: Promise<unknown>) => Promise<boolean>} attempt shows which command was refused, and why;
 *   resolves to whether it was done
 * @property {(error: unknown, said?: Pending, by?: number) => Promise<string | null>} refusal why a command was
 *   refused, once that is known; null if it was done after all. `by`: the member who sent it
 * @property {(text: string, action?: { name: string, run: () => void, item: number }) => void} toast
 * @property {(text: string, urgent?: boolean) => void} announce tells screen readers
 */

/**
 * A part of the page.
 * @typedef {object} Part
 * @property {HTMLElement} element
 * @property {(view: View) => void} update
 * @property {() => void} [tick] each second
 */

export {};
