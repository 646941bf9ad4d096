// The turning tray: a sector for each dish. Its stop is computed from the draw's digest, so that it turns the same for
// everybody.

import { h, s, say } from '../lib/dom.js';
import { around } from '../lib/pictures.js';
import { fewMarks, shown } from '../lib/text.js';

/** @import { Candidate } from '../client/types.js' */

/** How long it turns, ms. */
export const TURNS_FOR = 5_200;

/** The edges of a sector, and of its name, as distances from the middle. */
const EDGE = 82;
const NAME = { from: 36, to: 74 };

/** Sizes of names: no larger, and no smaller unless the sector is. */
const LARGEST = 11;
const SMALLEST = 5;

/**
 * The total turn in degrees, until the pointer, which is on the right, is in the winner's sector. Pure.
 * @param {number} winner its index among the candidates
 * @param {number} of how many there are
 * @param {string} digest of the draw
 */
export function rotation(winner, of, digest) {
  const turns = 4 + (parseInt(digest.slice(0, 2), 16) % 3);
  // Not always in the middle of a sector, but never near its edge.
  const aside = (parseInt(digest.slice(2, 4), 16) / 255 - 0.5) * 0.6;
  return turns * 360 - ((winner + aside) * 360) / of;
}

/** Fast first, then slower and slower. @param {number} t 0 to 1 */
export const slowing = (t) => 1 - (1 - t) ** 3.4;

/**
 * The sector at the pointer. Pure.
 * @param {number} degrees turned
 * @param {number} of
 */
export function atPointer(degrees, of) {
  const place = Math.round((-degrees / 360) * of) % of;
  return (place + of) % of;
}

/** Where a sector begins and ends, in degrees from the pointer, clockwise. Pure. @param {number} n @param {number} of @returns {[number, number]} */
export const bounds = (n, of) => [((n - 0.5) * 360) / of, ((n + 0.5) * 360) / of];

/** The outline of a sector. @param {number} n @param {number} of */
function outline(n, of) {
  const [from, to] = bounds(n, of).map((degrees) => around(degrees / 360 + 0.25, 1, EDGE));
  return `M100 100L${from}A${EDGE} ${EDGE} 0 ${of < 2 ? 1 : 0} 1 ${to}Z`;
}

/**
 * A name that fits into this space: smaller if it is long, cut if it is longer. Pure.
 * @param {string} name
 * @param {number} space its length
 * @param {number} most its height
 * @returns {{ text: string, size: number }}
 */
export function fitted(name, space, most) {
  // Hangul and signs are about as wide as high, other letters, which are bold, less: in the widest of common fonts
  // `Ramen` has 0.76 a letter.
  const width = (/** @type {string} */ text) => [...text].reduce((sum, c) => sum + (c > '\u1100' ? 1 : 0.78), 0);
  const least = Math.min(most, SMALLEST);
  let text = fewMarks(name);
  if (width(text) * least > space) {
    const kept = [...text];
    while (width(`${kept.join('')}…`) * least > space) kept.pop();
    text = `${kept.join('').trimEnd()}…`;
  }
  return { text, size: Math.min(most, space / width(text)) };
}

/**
 * @param {readonly Candidate[]} candidates
 * @param {(candidate: Candidate) => number | null} colour
 */
export function susan(candidates, colour) {
  const of = candidates.length;
  const isAlone = of === 1;
  const space = isAlone ? 2 * NAME.to - 10 : NAME.to - NAME.from;
  const most = isAlone ? 2 * LARGEST : Math.min(LARGEST, (2 * Math.PI * NAME.from * 1.3) / of);
  const sectors = candidates.map((candidate, n) => {
    const { text, size } = fitted(shown(candidate.item), space, most);
    const place = isAlone ? { x: 100, 'text-anchor': 'middle' } : { x: 100 + NAME.to, 'text-anchor': 'end', transform: `rotate(${(n / of) * 360} 100 100)` };
    return s(
      'g',
      { class: 'sector', 'data-number': candidate.number, 'data-colour': colour(candidate) },
      isAlone ? s('circle', { cx: 100, cy: 100, r: EDGE }) : s('path', { d: outline(n, of) }),
      s('text', { y: 100, dy: size * 0.36, 'font-size': size, ...place }, text),
    );
  });
  const tray = s('g', { class: 'susan-tray' }, ...sectors);
  const rim = s('g', { class: 'rim' });
  const name = h('span');
  const element = h(
    'div',
    { class: 'susan' },
    s(
      'svg',
      { viewBox: '0 0 200 200', 'aria-hidden': 'true' },
      s('circle', { cx: 100, cy: 100, r: 97, class: 'board' }),
      rim,
      tray,
      !isAlone && s('circle', { cx: 100, cy: 100, r: 34, class: 'hub' }),
      s('path', { d: 'M177 100l16 -7.5v15z', class: 'pointer' }),
    ),
    !isAlone && h('p', { class: 'susan-name', 'aria-hidden': 'true' }, name),
  );

  /** Who has contributed: a light at the edge for each member, beside the pointer, never under it. @param {readonly (number | null)[]} colours @param {number} all */
  function lights(colours, all) {
    const seats = Math.max(all, colours.length);
    rim.replaceChildren(
      ...Array.from({ length: seats }, (_, n) => {
        // The pointer is on the right.
        const [cx, cy] = around(n + 0.5 + seats / 4, seats, 89.5);
        return s('circle', { cx, cy, r: 4, class: n < colours.length ? 'seat' : 'seat free', 'data-colour': colours[n] ?? null });
      }),
    );
  }

  /**
   * Turns until the pointer is in the winner's sector.
   * @param {number} winner
   * @param {string} digest
   * @param {boolean} calm without motion
   * @returns {Promise<void>}
   */
  function turn(winner, digest, calm) {
    const all = rotation(winner, of, digest);
    return new Promise((done) => {
      const begun = performance.now();
      let isOver = false;
      // A hidden tab gets no frames: nobody sees it turn, but its title says what was drawn.
      const atOnce = () => document.hidden && step(begun);
      document.addEventListener('visibilitychange', atOnce);
      /** @param {number} now */
      function step(now) {
        if (isOver) return;
        const t = calm || document.hidden ? 1 : Math.min(1, Math.max(0, (now - begun) / TURNS_FOR));
        const degrees = all * slowing(t);
        tray.style.transform = `rotate(${degrees}deg)`;
        say(name, shown(candidates[atPointer(degrees, of)]?.item ?? ''));
        if (t < 1) return void requestAnimationFrame(step);
        sectors.forEach((sector, n) => sector.classList.add(n === winner ? 'won' : 'lost'));
        isOver = true;
        document.removeEventListener('visibilitychange', atOnce);
        done();
      }
      requestAnimationFrame(step);
      atOnce();
    });
  }

  return { element, lights, turn };
}
