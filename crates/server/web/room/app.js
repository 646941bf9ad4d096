// What the parts of the room's page share.

/** @import { LunchRoom } from '../client/lunch.js' */
/** @import { Menu, Pending, View as AnyView } from '../client/types.js' */
/** @typedef {AnyView<Menu>} View */

/**
 * @typedef {object} App
 * @property {LunchRoom} room
 * @property {string} id of the room
 * @property {() => View} view its times are by `performance.now()`
 * @property {() => void} update shows the view as it is now
 * @property {(promise: Promise<unknown>) => Promise<boolean>} attempt says which command was refused, and why; whether it was not
 * @property {(error: unknown, said?: Pending, by?: number) => Promise<string | null>} refusal why a command was refused, once that is known; null if it was done all the same. `by`: who said it
 * @property {(text: string, action?: { name: string, run: () => void }) => void} toast
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
