import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { LAST_BY_WEBSOCKET, plan } from '../plan.js';

/** @import { Kind } from '../types.js' */

const KINDS = /** @type {readonly Kind[]} */ (['js', 'page', 'terminal']);
const SEEDS = Array.from({ length: 300 }, (_, n) => n + 1);

test('a seed is one plan', () => {
  for (const kind of KINDS) {
    deepEqual(plan(7, kind), plan(7, kind));
    ok(JSON.stringify(plan(7, kind)) !== JSON.stringify(plan(8, kind)));
  }
});

test('nothing happens outside of a run, or at a node that is not there', () => {
  for (const kind of KINDS) {
    for (const seed of SEEDS) {
      const { length, nodes, clients, steps, mishaps, troubles, storeTroubles, outages } = plan(seed, kind);
      for (const { at } of [...steps, ...mishaps, ...troubles.flat(), ...storeTroubles.flat(), ...outages]) ok(at >= 0 && at <= length, `seed ${seed}`);
      for (const { who } of [...steps, ...mishaps]) ok(who < clients.length);
      for (const outage of outages) ok(!('node' in outage) || outage.node < nodes);
      equal(troubles.length, clients.length);
      equal(storeTroubles.length, nodes);
    }
  }
});

test('what a node in memory keeps is lost in no run but a doomed one', () => {
  for (const seed of SEEDS) {
    const { store, doomed, outages } = plan(seed, 'js');
    if (store === 'memory' && !doomed) ok(outages.every((outage) => outage.do === 'stopNode'));
  }
});

test('a client goes by each way, and only by WebSocket in the seeds from before there was another', () => {
  const ways = (/** @type {number} */ from) => new Set(SEEDS.map((seed) => plan(from + seed, 'js').transport));
  deepEqual(ways(0), new Set(['websocket']));
  deepEqual(ways(LAST_BY_WEBSOCKET - SEEDS.length), new Set(['websocket']));
  deepEqual(ways(LAST_BY_WEBSOCKET), new Set(['websocket', 'sse', undefined]));
});

test('a menu holds what is added', () => {
  for (const kind of KINDS) {
    for (const seed of SEEDS) {
      const dishes = plan(seed, kind).steps.map((step) => (step.do === 'add' ? step.count : 0));
      ok(dishes.reduce((sum, count) => sum + count, 0) < 100, `seed ${seed}`);
    }
  }
});

test('each kind of fault is in some run', () => {
  const plans = SEEDS.map((seed) => plan(seed, 'js'));
  const done = new Set(plans.flatMap((one) => [...one.mishaps, ...one.troubles.flat(), ...one.storeTroubles.flat(), ...one.outages].map((fault) => fault.do)));
  const all = ['freeze', 'hide', 'offline', 'clock', 'throw', 'reload', 'dieInView', 'reopen', 'retryNow', 'cut', 'end', 'halfOpen', 'loseAnswers'];
  all.push('stall', 'refuse', 'swallow', 'split', 'delay', 'stopRedis', 'killRedis', 'stopNode', 'killNode', 'endNode');
  deepEqual(all.filter((what) => !done.has(/** @type {any} */ (what))), []);
});
