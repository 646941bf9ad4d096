// The few icons, drawn as strokes in the colour of the text.

import { s } from './dom.js';

const PATHS = {
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  pencil: 'M4 20l1-4L16.5 4.5a2.1 2.1 0 013 3L8 19zM14.5 6.5l3 3',
  invite: 'M9.5 11.5a4 4 0 100-8 4 4 0 000 8zM2.5 20.5c0-4 3-6 7-6s7 2 7 6M19 8v6M16 11h6',
  copy: 'M9 9h10.5v11.5H9zM5.5 15H4.5V3.5H15V5.5',
  send: 'M12 15V3.5M7.5 7.5L12 3l4.5 4.5M5 12.5V20.5h14v-8',
  again: 'M4.5 12a7.5 7.5 0 112.5 5.6M4.5 19v-4.5H9',
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return s('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, s('path', { d: PATHS[name] }));
}
