// Carries out a plan: the commands, the faults, and the wait until all clients are calm afterwards.

import { createRequire } from 'node:module';
import { LAST, LEASE, canonical } from './check.js';
import { deadline, pause, until, world as build } from './world.js';

/** @import { History, Person, Plan, Plant, Report, Shown, Truth } from './types.js' */
/** @typedef {import('./world.js').World} World */
/** @typedef {{ world: World, began: number, record: (report: Report) => void, client: number }} Place */

const require = createRequire(new URL('../../clients/js/package.json', import.meta.url));
/** @type {any} */
const WebSocket = require('ws');

/** All clients are calm within this time after the last fault, also on a busy machine, ms. */
const REST = 60_000;

/** The wait with a planted fault, which never becomes calm: longer than a client may wrongly show `live`, ms. */
const PLANTED_REST = 10_000;

/** A person does not wait longer than this, but presses the button, ms. */
const BORING = 3000;

/** How often the run checks whether it gets CPU time, ms. */
const PULSE = 50;

/** Between two looks at the room, ms. */
const LOOK = 400;

/**
 * @param {Plan} plan
 * @param {Plant | null} plant a run with a planted fault waits less
 * @param {(place: Place) => Promise<Person>} join
 * @returns {Promise<History>}
 */
export async function conduct(plan, plant, join) {
  /** @type {History} */
  const history = { plan, commands: [], heard: [], shown: [], excused: [], truths: [], finals: [], crashes: [], starved: 0, starvedMost: 0, final: null };
  const world = await build(plan);
  const began = Date.now();
  const now = () => Date.now() - began;
  let isOver = false;
  let beat = now();
  /** The late ones within the last lease. @type {{ at: number, late: number }[]} */
  let beats = [];
  const pulse = setInterval(() => {
    const late = Math.max(0, now() - beat - 2 * PULSE);
    beat = now();
    if (late === 0) return;
    history.starved += late;
    beats = [...beats.filter(({ at }) => at > beat - LEASE), { at: beat, late }];
    history.starvedMost = Math.max(history.starvedMost, beats.reduce((sum, one) => sum + one.late, 0));
  }, PULSE);
  /** By client. @type {(Shown | undefined)[]} */
  const latest = [];
  /** @param {Report} report */
  const record = (report) => {
    // Reports after the end do not matter.
    if (isOver) return;
    if ('command' in report) history.commands.push(report.command);
    else if ('heard' in report) history.heard.push(report.heard);
    else if ('excused' in report) history.excused.push(report.excused);
    else if ('crash' in report) history.crashes.push(report.crash);
    else if ('shown' in report) {
      history.shown.push(report.shown);
      latest[report.shown.client] = report.shown;
    } else if ('answered' in report) {
      const { client, key, outcome } = report.answered;
      const command = history.commands.find((one) => one.client === client && one.key === key);
      if (command) command.outcome = outcome;
    }
  };
  /** @returns {Promise<Truth | null>} */
  const look = async () => {
    const room = await world.look(0);
    if (!room) return null;
    const { epoch, seq, members, state } = room;
    const items = state.items.map((/** @type {{ item: string }} */ { item }) => item);
    const truth = { at: now(), epoch, seq, items, state: canonical({ members, state }) };
    history.truths.push(truth);
    return truth;
  };
  /** A busy server may have to be asked several times. @returns {Promise<Truth | null>} */
  const surely = async () => {
    /** @type {Truth | null} */
    let truth = null;
    await until('the server tells the room', () =>
      look().then(
        (is) => ((truth = is), true),
        () => false,
      ),
    );
    return truth;
  };
  /** @type {Person[]} */
  let people = [];
  try {
    people = await Promise.all(plan.clients.map((_, client) => join({ world, began, record, client })));
    const start = Date.now();
    /** @template {{ at: number }} T @param {readonly T[]} list @param {(one: T) => Promise<unknown>} does */
    const inTime = (list, does) =>
      list.map(async (one) => {
        await pause(start + one.at - Date.now());
        await does(one);
      });
    let going = true;
    const looks = (async () => {
      // A stopped process does not answer, as expected.
      for (; going; await pause(LOOK)) await look().catch(() => {});
    })();
    await Promise.all([
      pause(plan.length),
      ...inTime([...plan.steps, ...plan.mishaps], async (order) => people[order.who]?.act(order)),
      ...plan.troubles.flatMap((list, who) => inTime(list, (one) => world.trouble(who, one))),
      ...plan.storeTroubles.flatMap((list, n) => inTime(list, (one) => world.storeTrouble(n, one))),
      (async () => {
        // One after the other, however long each takes.
        for (const outage of plan.outages) await Promise.all(inTime([outage], world.befall));
      })(),
    ]);
    going = false;
    await looks;
    await world.heal();

    const isLate = deadline(plant ? PLANTED_REST : REST);
    const clients = [...plan.clients.keys()];
    /** @param {number} client */
    const isCalm = (client) => {
      const view = latest[client];
      if (history.commands.some((command) => command.client === client && !command.outcome)) return false;
      if (plan.doomed || view?.status === 'ended') return view?.status === 'ended';
      return view?.status === 'live' && !view.stale && view.store === 'up' && view.pending === 0;
    };
    /** @type {number[]} */
    const pressed = [];
    /** @param {() => boolean} is */
    const wait = async (is) => {
      while (!is() && !isLate()) {
        for (const client of clients) {
          const view = latest[client];
          if (view?.status !== 'offline' || (view.retryIn ?? 0) < BORING || Date.now() < (pressed[client] ?? 0)) continue;
          pressed[client] = Date.now() + BORING;
          people[client]?.retryNow();
        }
        await pause(30);
      }
      return is();
    };
    // A client that ended by itself is a finding already.
    await wait(() => clients.every(isCalm));
    let calm = clients.map(isCalm);
    if (!plan.doomed && calm.every(Boolean)) {
      await addLast(world);
      await wait(() => clients.every((client) => latest[client]?.last || latest[client]?.status === 'ended'));
      // Who was frozen may have given in only now what they were told before.
      await wait(() => clients.every(isCalm));
      calm = clients.map(isCalm);
      // All clients must also see who left or came back meanwhile.
      for (const end = Date.now() + BORING; Date.now() < end; await pause(30)) {
        history.final = await surely();
        const { items = [], seq } = history.final ?? {};
        const isUpToDate = clients.filter((client) => latest[client]?.status !== 'ended').map(async (client) => (latest[client]?.seq === null ? !(await people[client]?.wrong(items)) : latest[client]?.seq === seq));
        if ((await Promise.all(isUpToDate)).every(Boolean)) break;
      }
    }
    history.final ??= await surely();
    for (const client of clients) {
      const view = latest[client];
      const ended = view?.status === 'ended';
      const wrong = calm[client] && !ended && history.final ? ((await people[client]?.wrong(history.final.items)) ?? null) : null;
      if (view) history.shown.push({ ...view, at: now(), state: undefined });
      const heard = (view?.last ?? false) || ended || !calm.every(Boolean);
      history.finals.push({ client, calm: calm[client] ?? false, heard, wrong, last: JSON.stringify({ ...view, state: undefined }) });
    }
    return history;
  } catch (cause) {
    const logs = world.nodes.map(({ base, log }) => `${base()}\n${log()}`);
    throw new Error([cause instanceof Error ? cause.stack : cause, ...logs].join('\n'), { cause });
  } finally {
    isOver = true;
    clearInterval(pulse);
    await Promise.all(people.map((one) => one.close()));
    await world.close();
  }
}

/** A text member adds one more dish, without a proxy. @param {World} world */
async function addLast(world) {
  const url = `${world.nodes[0]?.base().replace('http', 'ws')}/ws/${world.id}/`;
  let last = '';
  await until(() => `the last dish is there; ${last}`, async () => {
    const socket = new WebSocket(url);
    const isThere = await new Promise((resolve) => {
      let said = false;
      setTimeout(resolve, 3000, false);
      socket.on('error', (/** @type {Error} */ error) => resolve(!(last = error.message)));
      socket.on('close', () => resolve(false));
      socket.on('message', (/** @type {Buffer} */ data) => {
        last = String(data);
        const menu = JSON.parse(last);
        if (!Array.isArray(menu)) resolve(false);
        else if (menu.includes(LAST)) resolve(true);
        else if (!said) {
          said = true;
          socket.send(`add:${LAST}`);
        }
      });
    });
    socket.close();
    return isThere;
  });
}
