// The turning tray: its stop is computed from the draw's digest, so that it turns the same for everybody.

import { h, s, say } from '../lib/dom.js';
import { around } from '../lib/pictures.js';
import { initial } from '../lib/text.js';

/** @import { Candidate } from '../client/types.js' */

/** How long it turns, ms. */
export const TURNS_FOR = 5_200;

/** With more plates than this they show no letters. */
const LETTERS = 16;

/**
 * The total turn in degrees, until the winner is on top. Pure.
 * @param {number} winner its index among the candidates
 * @param {number} of how many there are
 * @param {string} digest of the draw
 */
export function rotation(winner, of, digest) {
  const turns = 4 + (parseInt(digest.slice(0, 2), 16) % 3);
  // Not always in the middle of a plate, but never between two.
  const aside = (parseInt(digest.slice(2, 4), 16) / 255 - 0.5) * 0.6;
  return turns * 360 - ((winner + aside) * 360) / of;
}

/** Fast first, then slower and slower. @param {number} t 0 to 1 */
export const slowing = (t) => 1 - (1 - t) ** 3.4;

/**
 * The plate on top. Pure.
 * @param {number} degrees turned
 * @param {number} of
 */
export function onTop(degrees, of) {
  const place = Math.round((-degrees / 360) * of) % of;
  return (place + of) % of;
}

/**
 * @param {readonly Candidate[]} candidates
 * @param {(candidate: Candidate) => number | null} colour
 */
export function susan(candidates, colour) {
  const of = candidates.length;
  const radius = of === 1 ? 34 : Math.min(15, (Math.PI * 60) / of - 1.5);
  const plates = candidates.map((candidate, n) => {
    const [x, y] = around(n, of, of === 1 ? 0 : 60);
    const turned = `rotate(${(n / of) * 360} ${x} ${y})`;
    return s(
      'g',
      { class: 'susan-plate' },
      s('circle', { cx: x, cy: y, r: radius, class: 'plate' }),
      s('circle', { cx: x, cy: y, r: radius * 0.72, class: 'food', 'data-colour': colour(candidate) }),
      of <= LETTERS && s('text', { x, y, dy: radius * 0.3, 'font-size': radius * 0.8, transform: turned }, initial(candidate.item)),
    );
  });
  const tray = s('g', { class: 'susan-tray' }, s('circle', { cx: 100, cy: 100, r: 80, class: 'tray-edge' }), ...plates);
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
      s('circle', { cx: 100, cy: 100, r: of === 1 ? 0 : 40, class: 'hub' }),
      s('path', { d: 'M100 26l-6 -13h12z', class: 'pointer' }),
    ),
    of > 1 && h('p', { class: 'susan-name', 'aria-hidden': 'true' }, name),
  );

  /** Who has contributed: a light at the edge for each member, beside the pointer, never under it. @param {readonly (number | null)[]} colours @param {number} all */
  function lights(colours, all) {
    const seats = Math.max(all, colours.length);
    rim.replaceChildren(
      ...Array.from({ length: seats }, (_, n) => {
        const [cx, cy] = around(n + 0.5, seats, 88.5);
        return s('circle', { cx, cy, r: 4.5, class: n < colours.length ? 'seat' : 'seat free', 'data-colour': colours[n] ?? null });
      }),
    );
  }

  /**
   * Turns until the winner is on top.
   * @param {number} winner
   * @param {string} digest
   * @param {boolean} calm without motion
   * @returns {Promise<void>}
   */
  function turn(winner, digest, calm) {
    const all = rotation(winner, of, digest);
    return new Promise((done) => {
      const begun = performance.now();
      /** @param {number} now */
      function step(now) {
        const t = calm ? 1 : Math.min(1, Math.max(0, (now - begun) / TURNS_FOR));
        const degrees = all * slowing(t);
        tray.style.transform = `rotate(${degrees}deg)`;
        const top = onTop(degrees, of);
        say(name, candidates[top]?.item ?? '');
        if (t < 1) return void requestAnimationFrame(step);
        plates.forEach((plate, n) => plate.classList.add(n === winner ? 'won' : 'lost'));
        element.classList.add('done');
        done();
      }
      requestAnimationFrame(step);
    });
  }

  return { element, lights, turn };
}
