// What the parts of the room's page share.

/** @import { LunchRoom } from '../client/lunch.js' */
/** @import { Menu, View as AnyView } from '../client/types.js' */
/** @typedef {AnyView<Menu>} View */

/**
 * @typedef {object} App
 * @property {LunchRoom} room
 * @property {string} id of the room
 * @property {() => View} view
 * @property {() => void} update shows the view as it is now
 * @property {(promise: Promise<unknown>) => Promise<boolean>} attempt says why a command was refused; whether it was not
 * @property {(error: unknown) => void} refused says why a command was refused, and what was to be added by it
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
