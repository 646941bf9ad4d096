// What happens in a run, and when. Pure: a seed and a kind of client give one plan.

import { generator } from './random.js';

/** @import { Kind, Mishap, Outage, Plan, Step, Trouble } from './types.js' */
/** @typedef {import('./random.js').Random} Random */

/** No run adds more dishes than a menu holds, so `menu_full` is never a valid reason. */
const MOST_DISHES = 90;

/** Either seats are lost during a run, or never, however busy the machine is, ms. */
const SHORT_GRACE = 1500;
export const LONG_GRACE = 3_600_000;

/** Runs with these seeds are by WebSocket, as they were when the client knew nothing else; those after them by any way. */
export const LAST_BY_WEBSOCKET = 1000;

/** The length of a run, ms: longer for clients that take longer to start. */
const LENGTH = { js: [2500, 4500], page: [5000, 8000], terminal: [3500, 5500] };

/**
 * @param {number} seed
 * @param {Kind} kind
 * @returns {Plan}
 */
export function plan(seed, kind) {
  const random = generator(seed);
  const { between, chance, one } = random;
  const [short, long] = /** @type {[number, number]} */ (LENGTH[kind]);
  const length = between(short, long);
  const store = chance(75) ? 'redis' : 'memory';
  const nodes = store === 'redis' ? one([1, 2, 2, 2, 3]) : 1;
  const doomed = store === 'memory' && chance(10);
  const count = kind === 'page' ? 2 : between(2, 3);
  const clients = Array.from({ length: count }, () => random.below(nodes));
  const grace = kind === 'js' && chance(20) ? SHORT_GRACE : LONG_GRACE;
  const pingInterval = one([300, 1000, 25_000]);
  const options = ['--seats', '40', '--seat-grace', `${grace}ms`, '--ping-interval', `${pingInterval}ms`];
  options.push('--pong-timeout', one(['300ms', '1s', '10s']), '--outbox-seconds', one(['1s', '5s']));
  options.push('--create-rate', '0', '--join-rate', '0');
  if (chance(40)) options.push('--command-rate', '0');
  const parts = { seed, kind, length, random, nodes, count };
  return {
    seed,
    kind,
    store,
    nodes,
    doomed,
    options,
    grace,
    pingInterval,
    tempo: kind === 'js' ? 4 : 1,
    transport: transport(seed),
    clients,
    length,
    steps: steps(parts),
    mishaps: mishaps(parts),
    troubles: clients.map(() => troubles(random, length, one([0, 1, 1, 2, 3]))),
    storeTroubles: Array.from({ length: nodes }, () => (store === 'redis' ? troubles(random, length, one([0, 0, 0, 1])) : [])),
    outages: outages(parts, store, doomed),
  };
}

/** @param {number} seed @returns {Plan['transport']} */
function transport(seed) {
  if (seed <= LAST_BY_WEBSOCKET) return 'websocket';
  // Apart from all else, which is as it would be by WebSocket.
  return generator(-seed).one(/** @type {const} */ (['websocket', 'sse', undefined]));
}

/** @typedef {{ kind: Kind, length: number, random: Random, nodes: number, count: number }} Parts */

/** @template {{ at: number }} T @param {T[]} list */
const inTime = (list) => list.sort((a, b) => a.at - b.at);

/** @param {Parts} parts @returns {Step[]} */
function steps({ kind, length, random, count }) {
  const { between, below, chance, one } = random;
  /** @type {Step[]} */
  const list = [];
  let left = MOST_DISHES;
  const pause = kind === 'js' ? [60, 500] : [300, 900];
  for (let who = 0; who < count; who++) {
    for (let at = between(0, 300); at < length; at += between(pause[0] ?? 0, pause[1] ?? 0)) {
      const lot = below(100);
      const of = below(1000);
      if (lot < 62 || kind === 'terminal') {
        const wanted = kind === 'js' && chance(12) ? between(2, 6) : 1;
        const dishes = Math.min(wanted, left);
        left -= dishes;
        if (dishes > 0) list.push({ at, who, do: 'add', count: dishes });
      } else if (lot < 80 || kind === 'page') list.push({ at, who, do: 'vote', of });
      else if (lot < 84) list.push({ at, who, do: 'unvote', of });
      else if (lot < 90) list.push({ at, who, do: 'remove', of });
      else if (lot < 98) list.push({ at, who, do: one(['title', 'rename', 'extend']) });
      else list.push({ at, who, do: 'decide', how: one(['votes', 'draw']) });
    }
  }
  return inTime(list);
}

/** @param {Parts} parts @returns {Mishap[]} */
function mishaps({ kind, length, random, count }) {
  const { between, chance, one } = random;
  /** @type {Mishap[]} */
  const list = [];
  const known = /** @type {const} */ (['freeze', 'hide', 'offline', 'clock', 'reload']);
  const pressed = /** @type {const} */ (['freeze', 'retryNow']);
  const more = /** @type {const} */ (['throw', 'dieInView', 'reopen', 'retryNow']);
  for (let who = 0; who < count; who++) {
    let from = 300;
    for (let left = one([0, 0, 1, 1, 2]); left > 0 && from < length; left--) {
      const at = between(from, length);
      const lasts = between(100, 2500);
      const what = one({ js: [...known, ...more], page: known, terminal: pressed }[kind]);
      const base = { at, who };
      switch (what) {
        case 'freeze':
          list.push({ ...base, do: what, for: lasts });
          break;
        case 'hide':
        case 'offline':
          list.push({ ...base, do: what, for: lasts });
          break;
        case 'clock':
          list.push({ ...base, do: what, by: one([-3_600_000, -3_600_000, 3_600_000, -2000, 86_400_000]) });
          break;
        case 'throw':
          list.push({ ...base, do: what, count: between(1, 4) });
          break;
        case 'reload':
          list.push({ ...base, do: what, goodbye: chance(50) });
          break;
        default:
          list.push({ ...base, do: what });
      }
      // One after another: a frozen client is not reloaded meanwhile.
      from = at + lasts + 50;
    }
  }
  return inTime(list);
}

/**
 * The faults of one way, one after another.
 * @param {Random} random
 * @param {number} length
 * @param {number} count
 * @returns {Trouble[]}
 */
function troubles({ between, one }, length, count) {
  /** @type {Trouble[]} */
  const list = [];
  let from = 200;
  for (; count > 0 && from < length; count--) {
    const at = between(from, length);
    const what = one(/** @type {const} */ (['cut', 'cut', 'end', 'halfOpen', 'loseAnswers', 'stall', 'stall', 'refuse', 'swallow', 'split', 'delay']));
    const lasts = between(100, 2500);
    from = at + 50;
    if (what === 'cut' || what === 'end' || what === 'halfOpen' || what === 'loseAnswers') list.push({ at, do: what });
    else if (what === 'delay') list.push({ at, do: what, for: lasts, by: between(5, 300) });
    else list.push({ at, do: what, for: lasts });
    if (what !== 'cut' && what !== 'end') from += lasts;
  }
  return list;
}

/**
 * @param {Parts} parts
 * @param {'memory' | 'redis'} store
 * @param {boolean} doomed
 * @returns {Outage[]}
 */
function outages({ length, random, nodes }, store, doomed) {
  const { between, below, chance, one } = random;
  /** @type {Outage[]} */
  const list = [];
  let from = 300;
  const latest = length - 200;
  for (let left = doomed ? 1 : one([0, 0, 1, 1, 2]); left > 0 && from < latest; left--) {
    const at = between(from, latest);
    const node = below(nodes);
    const balanced = chance(50);
    if (store === 'memory') {
      list.push({ at, for: between(100, 2500), do: doomed ? 'killNode' : 'stopNode', node, balanced: false });
    } else {
      const what = one(/** @type {const} */ (['stopRedis', 'stopRedis', 'killRedis', 'stopNode', 'killNode', 'endNode']));
      if (what === 'stopRedis') list.push({ at, for: between(200, 4600), do: what });
      else if (what === 'killRedis') list.push({ at, for: between(0, 1500), do: what });
      else list.push({ at, for: between(100, 3000), do: what, node, balanced });
    }
    from = at + /** @type {Outage} */ (list.at(-1)).for + 100;
  }
  return list;
}
