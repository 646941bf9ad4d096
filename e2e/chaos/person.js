// A worker: one person with the JavaScript client. It has its own thread, so that its clock can be set and its time
// can stop, as in a tab that the system has frozen.

import { parentPort, workerData } from 'node:worker_threads';
import { LAST, canonical } from './check.js';
import { Clock } from './clock.js';

/** @import { Command, Mishap, Outcome, Plan, Plant, Report, Shown, Step } from './types.js' */

/** @typedef {Step | Mishap | { do: 'show' | 'online' }} Order */
/** @typedef {{ base: string, id: string, client: number, tempo: number, transport: Plan['transport'], began: number, plant: Plant | null }} Given */

/** @type {Given} */
const { base, id, client, tempo, transport, began, plant } = workerData;
const clock = new Clock(tempo);
clock.install();

// Parts of a browser that Node does not have.
const device = new EventTarget();
const tab = Object.assign(new EventTarget(), { visibilityState: 'visible' });
Object.assign(globalThis, {
  document: tab,
  addEventListener: device.addEventListener.bind(device),
  removeEventListener: device.removeEventListener.bind(device),
});

// Only after the clock and the device are installed.
const { LunchRoom } = await import('../../clients/js/src/lunch.js');
const { fetchesEndWith, socketClass } = await import('./socket.js');

/** @param {Report | { ready: true }} message */
const tell = (message) => parentPort?.postMessage(message);
const now = () => clock.real() - began;

const PLANNED = 'thrown as planned';
process.on('uncaughtException', (error) => {
  if (error.message !== PLANNED) tell({ crash: `client ${client}: ${error.stack}` });
});

/** The planted fault is at this command. */
const PLANTED_AT = 3;

/** `said`: the saved form. Its number may change with a new seat. @typedef {{ key: number, said: string | undefined, settled: boolean }} Waiting */

/** Keys of the unanswered commands of a page that is gone. @type {Map<string, number>} */
const again = new Map();

/**
 * @typedef {object} Page
 * @property {boolean} dead it sends and receives nothing any more
 * @property {boolean} stuck by a planted fault: it shows nothing new
 * @property {Waiting[]} waiting
 * @property {Set<any>} sockets
 * @property {AbortController} gone ends what it has requested by `fetch`
 */

/** @param {{ command: string, content: object | null } | undefined} pending */
const said = (pending) => pending && canonical([pending.command, pending.content]);

/** The browser's storage for this tab. @type {string | null} */
let storage = null;
let life = 0;
let keys = 0;
let additions = 0;
let throws = 0;
let dies = false;
/** Delayed by a planted fault. @type {(() => void) | null} */
let held = null;

/** @returns {ReturnType<typeof open>} */
function reopened() {
  const saved = storage === null ? null : JSON.parse(storage);
  // Without a seat it is a new member.
  if (!saved) life += 1;
  return open(saved);
}

/** @param {any} saved */
function open(saved) {
  /** @type {Page} */
  const page = { dead: false, stuck: false, waiting: [], sockets: new Set(), gone: new AbortController() };
  const room = new LunchRoom(`ws://${base}/ws/${id}/`, {
    name: `c${client}`,
    saved,
    transport,
    sse: fetchesEndWith(page, tempo, `http://${base}/sse/${id}/`),
    WebSocket: socketClass(page, tempo, plant === 'false-end'),
  });
  let place = '';
  room.subscribe((view) => {
    if (page.dead || page.stuck) return;
    storage = room.saved === null ? null : JSON.stringify(room.saved);
    const { status, stale, store, reason, retryAt, position, pending, members, state } = view;
    const changed = position && place !== `${position.epoch} ${position.seq}`;
    if (position) place = `${position.epoch} ${position.seq}`;
    /** @type {Shown} */
    const shown = {
      client,
      life,
      at: now(),
      status,
      stale,
      store,
      reason: reason?.code ?? null,
      retryIn: retryAt === null ? null : Math.round((retryAt - Date.now()) / tempo),
      epoch: position?.epoch ?? null,
      seq: position?.seq ?? null,
      pending: pending.length,
      last: state?.items.some(({ item }) => item === LAST) ?? false,
      state: changed ? canonical({ members, state }) : undefined,
    };
    tell({ shown });
    if (plant === 'false-live' && status === 'live' && !stale && (state?.items.length ?? 0) >= PLANTED_AT) page.stuck = true;
    if (dies) {
      dies = false;
      end(page, false);
      queueMicrotask(() => (current = reopened()));
    }
  });
  room.addEventListener('view', () => {
    if (throws-- > 0 && !page.dead) throw new Error(PLANNED);
  });
  for (const kind of /** @type {const} */ (['joined', 'back', 'away', 'left', 'renamed', 'change'])) {
    room.listen(kind, ({ expires_at: _, seq, ...event }) => {
      const epoch = room.view.position?.epoch;
      if (!page.dead && epoch) tell({ heard: { client, at: now(), epoch, seq, event: canonical(event) } });
    });
  }
  room.listen('refused', ({ code, pending }) => {
    const key = again.get(said(pending) ?? '');
    if (!page.dead && key !== undefined) tell({ answered: { client, key, outcome: { ok: false, code } } });
  });
  return { page, room };
}

/**
 * The page is gone.
 * @param {Page} page
 * @param {boolean} goodbye whether the browser closes its sockets
 */
function end(page, goodbye) {
  page.dead = true;
  for (const socket of page.sockets) goodbye ? socket.close(1001) : socket.terminate();
  page.gone.abort();
  // Commands of this turn are known only after it.
  queueMicrotask(() => {
    const kept = new Set(storage === null ? [] : JSON.parse(storage).pending.map(said));
    for (const one of page.waiting.filter(({ settled }) => !settled)) {
      if (one.said !== undefined) again.set(one.said, one.key);
      tell({ answered: { client, key: one.key, outcome: { gone: true, kept: one.said !== undefined && kept.has(one.said) } } });
    }
  });
}

/** @type {ReturnType<typeof open>} */
let current = open(null);

/**
 * Sends a command.
 * @param {string} what
 * @param {() => Promise<number>} give
 * @param {Partial<Command>} [more]
 */
function give(what, give, more = {}) {
  const { page, room } = current;
  /** @type {Waiting} */
  const one = { key: keys++, said: undefined, settled: false };
  page.waiting.push(one);
  /** @type {Command} */
  const command = { client, life, key: one.key, do: what, at: now(), ...more };
  tell({ command });
  const isPlanted = what === 'add' && ++additions === PLANTED_AT;
  /** @param {Outcome} outcome */
  const settle = (outcome) => {
    if (page.dead || one.settled || (isPlanted && plant === 'never-answers')) return;
    one.settled = true;
    tell({ answered: { client, key: one.key, outcome } });
  };
  const go = () => {
    const answer = give();
    one.said = said(room.view.pending.at(-1));
    answer.then(
      (seq) => settle({ ok: true, seq }),
      ({ code, message }) => settle({ ok: false, code: code ?? message }),
    );
  };
  if (isPlanted && plant === 'lose') return settle({ ok: true, seq: null });
  if (isPlanted && plant === 'reorder') return void (held = go);
  if (isPlanted && plant === 'double') void give().catch(() => {});
  go();
  if (what === 'add' && held) {
    held();
    held = null;
  }
}

/** An item on the menu, if there is one. @param {number} of */
const item = (of) => {
  const items = current.room.view.state?.items ?? [];
  return items[of % Math.max(1, items.length)];
};

/** @param {Order} order */
function obey(order) {
  const { room } = current;
  switch (order.do) {
    case 'add':
      for (let n = 0; n < order.count; n++) {
        const name = `c${client} ${keys}`;
        give('add', () => room.add(name), { item: name });
      }
      return;
    case 'vote':
    case 'unvote':
    case 'remove': {
      const one = item(order.of);
      if (!one) return;
      return give(order.do, () => room[order.do](one.number), { of: one.number, named: one.item });
    }
    case 'title':
      return give('title', () => room.setTitle(`title c${client} ${keys}`));
    case 'rename':
      return give('rename', () => room.rename(`c${client} ${keys}`));
    case 'extend':
      return give('extend', () => room.extend());
    case 'decide':
      return give('decide', () => room.decide(order.how));
    case 'freeze':
      tell({ excused: { client, from: now(), to: now() + order.for } });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.for);
      return;
    case 'hide':
    case 'show':
      tab.visibilityState = order.do === 'hide' ? 'hidden' : 'visible';
      tab.dispatchEvent(new Event('visibilitychange'));
      return;
    case 'offline':
    case 'online':
      device.dispatchEvent(new Event(order.do));
      return;
    case 'clock':
      return clock.set(order.by);
    case 'throw':
      throws = order.count;
      return;
    case 'reload':
      end(current.page, order.goodbye);
      current = reopened();
      return;
    case 'dieInView':
      dies = true;
      return;
    case 'reopen':
      room.close();
      life += 1;
      current = open(null);
      return;
    case 'retryNow':
      return room.retryNow();
  }
}

parentPort?.on('message', obey);
tell({ ready: true });
