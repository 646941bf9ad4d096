import type { ChangeEvent, Menu, MenuChange } from './types.js';
/**
 * The menu after an event.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu}
 */
export declare function applyMenu(menu: Menu, { by, change }: ChangeEvent<MenuChange>): Menu;
