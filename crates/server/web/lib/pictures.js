// Drawings: the few icons, and the round table seen from above, which is the site's symbol.

import { s } from './dom.js';

/** Strokes in the colour of the text. */
const PATHS = {
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  pencil: 'M4 20l1-4L16.5 4.5a2.1 2.1 0 013 3L8 19zM14.5 6.5l3 3',
  invite: 'M9.5 11.5a4 4 0 100-8 4 4 0 000 8zM2.5 20.5c0-4 3-6 7-6s7 2 7 6M19 8v6M16 11h6',
  copy: 'M9 9h10.5v11.5H9zM5.5 15H4.5V3.5H15V5.5',
  send: 'M12 15V3.5M7.5 7.5L12 3l4.5 4.5M5 12.5V20.5h14v-8',
  open: 'M10 5H5v14h14v-5M14 4h6v6M20 4l-9 9',
  no: 'M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17M6 6l12 12',
  again: 'M4.5 12a7.5 7.5 0 112.5 5.6M4.5 19v-4.5H9',
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return s('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, s('path', { d: PATHS[name] }));
}

/**
 * @typedef {object} Setting
 * @property {(number | null)[]} seats a colour for each seat, null for a free one
 * @property {(number | null)[]} [dishes] dishes on the turning tray
 * @property {string} [class]
 */

/** The food on a dish: noodles, leaves, slices, grains. Strokes relative to its middle. */
const GARNISHES = [
  'm-4.5 -2q2.2 -2 4.5 0t4.5 0m-9 4q2.2 -2 4.5 0t4.5 0',
  'm0 4.500v-9m0 3l3 -3m-3 3l-3 -3m3 6l3 -3m-3 3l-3 -3',
  'm-4.6 0h9.200m-4.6 -4.600v9.2',
  'm-3 -2h.1m5.5 -.5h.1m-3 2.500h.1m-4.5 2h.1m5.5 0h.1',
  'm-4 2.500a4 4 0 018 -5',
];

/** @param {number} n @param {number} of @param {number} radius @returns {[number, number]} */
export function around(n, of, radius) {
  const angle = (n / of) * 2 * Math.PI - Math.PI / 2;
  const round = (/** @type {number} */ x) => Math.round(x * 100) / 100;
  return [round(100 + radius * Math.cos(angle)), round(100 + radius * Math.sin(angle))];
}

/** @param {Setting} setting */
export function table({ seats, dishes = [], class: kind = '' }) {
  return s(
    'svg',
    { viewBox: '0 0 200 200', class: `table ${kind}`, 'aria-hidden': 'true' },
    ...seats.map((colour, n) => {
      const [cx, cy] = around(n, seats.length, 87);
      return s('circle', { cx, cy, r: 9, class: colour === null ? 'seat free' : 'seat', 'data-colour': colour });
    }),
    s('circle', { cx: 100, cy: 100, r: 70, class: 'board' }),
    s(
      'g',
      { class: 'tray' },
      s('circle', { cx: 100, cy: 100, r: 52, class: 'tray-edge' }),
      s('circle', { cx: 100, cy: 100, r: 5, class: 'knob' }),
      ...dishes.flatMap((colour, n) => {
        const [cx, cy] = around(n, dishes.length, 31);
        const plate = s('circle', { cx, cy, r: 13, class: colour === null ? 'plate free' : 'plate' });
        if (colour === null) return [plate];
        const food = s('circle', { cx, cy, r: 8, class: 'food', 'data-colour': colour });
        return [plate, food, s('path', { d: `M${cx} ${cy}${GARNISHES[n % GARNISHES.length]}`, class: 'garnish' })];
      }),
    ),
  );
}
