// One member, a server that follows the protocol, and all faults between them, in any order: no command is lost,
// doubled, reordered or left without an answer. The test controls time and randomness: a seed that fails once fails
// always.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from 'tablecast-client';
import { fakeFetch, settled } from './support/events.js';
import { fakes } from './support/fakes.js';
import { Model } from './support/model.js';
import { generator } from './support/random.js';

/** @typedef {import('tablecast-client').TransportName} TransportName */

const SEEDS = process.env['SEED'] ? [Number(process.env['SEED'])] : Array.from({ length: 40 }, (_, n) => n);
const STEPS = 250;

/** One page: it dies when it is left, and the next page gets what it saved. */
class Page {
  lives = true;
  /** A refusal is reported in the same turn in which the command is no longer saved. */
  hears = true;
  /** What is stored, as a browser does. */
  stored = 'null';

  /**
   * @param {Model} model
   * @param {TransportName} transport
   * @param {string} url
   * @param {string} stored
   * @param {() => boolean} dies whether the page dies while it stores
   * @param {() => unknown} told called when it gets a view
   */
  constructor(model, transport, url, stored, dies, told) {
    this.url = url;
    this.stored = stored;
    const WebSocket = model.socketClass(() => this.lives);
    this.room = new Room(`ws://127.0.0.1:8000${url}`, {
      apply: (/** @type {string[]} */ state, { change }) => [...state, /** @type {{ item?: string }} */ (change).item ?? 'hidden'],
      saved: JSON.parse(stored),
      transport,
      WebSocket,
    });
    this.room.subscribe(() => {
      if (!this.lives) return;
      this.stored = JSON.stringify(this.room.saved);
      if (dies()) this.lives = false;
      else told();
    });
  }
}

/**
 * @param {import('node:test').TestContext} t
 * @param {number} seed
 * @param {boolean} takesInOrder
 * @param {readonly TransportName[]} ways each page takes one of them
 */
async function run(t, seed, takesInOrder, ways) {
  const { pass, chance } = fakes(t);
  const random = generator(seed);
  const model = new Model(random, takesInOrder);
  /** The outcome that the application got for each added item; '' if none yet. @type {Map<string, string>} */
  const told = new Map();
  /** The seq of each change event. @type {Set<number>} */
  const heard = new Set();
  let storm = true;
  /** @type {Page | undefined} */
  let newest;
  let pages = 0;
  // A page that died hears nothing more.
  fakeFetch(t, (asked) => newest?.lives && asked.url.endsWith(newest.url.replace('ws', 'sse')) && model.take(asked));
  const open = () => {
    const before = newest;
    if (before) before.hears = false;
    // Nothing that it sends now arrives.
    before?.room.close();
    let isOpen = false;
    const dies = () => storm && random(150) === 0;
    // A listener may send a command.
    const says = () => isOpen &&  storm && random(30) === 0 && add();
    const page = new Page(model, ways[random(ways.length)] ?? 'websocket', `/ws/x${pages++}/`, before?.stored ?? 'null', dies, says);
    page.room.listen('change', ({ seq }) => page.lives && heard.add(seq));
    page.room.listen('refused', ({ code, pending }) => {
      if (pending?.command === 'add' && page.hears) told.set(/** @type {any} */ (pending.content).item, code);
    });
    isOpen = true;
    return (newest = page);
  };
  let count = 0;
  const add = () => {
    // Its listeners may still be at work when a page dies.
    if (!newest?.lives) return;
    const item = `${count++}`;
    told.set(item, '');
    const here = newest;
    here?.room.send('add', { item, secret: random(3) === 0 }).then(
      () => here.hears && told.set(item, 'done'),
      ({ code }) => here.hears && told.set(item, code),
    );
  };
  // Streams need more than a microtask.
  const rest = async () => ways.includes('sse') && settled();
  let page = open();
  t.after(() => page.room.close());
  /** @param {Promise<unknown>} answer */
  const ignore = (answer) => void answer.catch(() => {});

  for (let step = 0; step < STEPS; step++) {
    chance(random(1000) / 1000);
    if (!page.lives) page = open();
    const which = random(40);
    if (which < 18) model.move();
    else if (which < 26) add();
    else if (which < 28) ignore(page.room.send('noop', {}));
    else if (which < 30) ignore(page.room.send('bad', {}));
    else if (which < 34) pass(10 + random(1500));
    else if (which < 35) model.store(!model.down);
    else if (which < 36) model.other();
    else if (which < 37) model.cut(random(6) === 0);
    else if (which < 38) page.room.retryNow();
    else if (random(4) === 0) page.lives = false;
    await rest();
  }

  storm = false;
  model.calm = true;
  model.store(false);
  if (!page.lives) page = open();
  for (let turn = 0; turn < 2_000; turn++) {
    let moves = 0;
    while (model.move()) {
      moves++;
      await rest();
    }
    const { pending, stale } = page.room.view;
    if (!moves && !pending.length && !stale) break;
    pass(100);
    await rest();
  }
  await settled();

  const { status, pending, state, position } = page.room.view;
  assert.deepEqual([status, pending], ['live', []]);
  assert.equal(position?.seq, model.events.length);
  assert.deepEqual(state, model.state());
  const there = model.applied.map(({ item }) => item);
  assert.deepEqual(there, [...new Set(there)], 'doubled');
  assert.deepEqual(there, [...there].sort((a, b) => Number(a) - Number(b)), 'reordered');
  if (takesInOrder) assert.deepEqual(model.wrong, [], 'outdated');
  for (const { seq, change } of model.events) if (change && seq > model.toldAt) assert.ok(heard.has(seq), `${seq} was not heard`);
  for (const [item, what] of told) {
    // A client that lost its seat cannot know.
    if (what === 'unsure') continue;
    // A dead page gets no answer; then the command was applied, or the next page gets the answer.
    if (what === 'done' || what === '') assert.ok(there.includes(item), `${item} is lost: ${what}`);
    else {
      assert.ok(!there.includes(item), `${item} is there, but was refused: ${what}`);
      assert.ok(what === 'outdated' && !takesInOrder, `${item}: ${what}`);
    }
  }
}

/** @type {[string, boolean, TransportName[]][]} */
const SERVERS = [
  ['takes commands in order', true, ['websocket']],
  ['takes what it can', false, ['websocket']],
  ['answers POSTs', true, ['sse']],
  ['can be reached either way', true, ['websocket', 'sse']],
];

for (const [name, takesInOrder, ways] of SERVERS) {
  test(`with a server that ${name} nothing is lost, doubled, reordered or left without a word`, async (t) => {
    // Streams take their time.
    for (const seed of SEEDS.slice(ways.includes('sse') ? -20 : 0)) await t.test(`SEED=${seed}`, (t) => run(t, seed, takesInOrder, ways));
  });
}
