// The properties of every history, whatever faults there were. Pure.

import { LONG_GRACE } from './plan.js';

/** @import { Command, Finding, History, Outcome, Shown } from './types.js' */

/** How long the server, and so the client, waits after a ping, ms: a client may wrongly show `live` for this long. */
const PATIENCE = 10_000;

/** The dish that is added after all others. */
export const LAST = 'last';

/** How much a busy machine may add, ms. */
const SLACK = 5000;

/**
 * The lease of a node, ms. It asks for it four times in this time; when the lease has ended it is taken for dead, and its
 * members lose their seats. That may happen on a machine that stood still for half of it.
 */
export const LEASE = 12_000;

/** The valid reasons for a refusal, by command, as long as nobody has lost a seat. */
const REASONS = /** @type {Readonly<Record<string, readonly string[]>>} */ ({
  add: [],
  // It had no effect, and the answer was lost with a connection.
  vote: ['outdated'],
  unvote: ['outdated'],
  title: ['outdated'],
  rename: ['outdated'],
  extend: ['outdated'],
  remove: ['outdated'],
  decide: ['outdated', 'nothing_to_decide', 'drawing'],
});

/** JSON in which equal values are equal texts. @param {unknown} value @returns {string} */
export function canonical(value) {
  return JSON.stringify(value, (_, part) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** @param {Outcome | undefined} outcome */
const acked = (outcome) => (outcome && 'ok' in outcome && outcome.ok ? outcome : null);

/** @param {Outcome | undefined} outcome */
const refused = (outcome) => (outcome && 'ok' in outcome && !outcome.ok ? outcome.code : null);

/** @param {Command} command */
const told = (command) => `client ${command.client}: ${command.do} ${command.item ?? command.of ?? ''}`;

/**
 * @param {History} history
 * @returns {Finding[]}
 */
export function check(history) {
  return [effects, order, answers, agreement, liveness, endings].flatMap((rule) => rule(history));
}

/** Acknowledged commands are applied once; refused ones are not applied. @param {History} history @returns {Finding[]} */
function effects(history) {
  const { plan, commands, final, heard } = history;
  /** @type {Finding[]} */
  const found = [];
  if (plan.doomed) return found;
  if (!final) return [{ kind: 'lost', text: 'the room is gone' }];
  const count = new Map();
  for (const item of final.items) count.set(item, (count.get(item) ?? 0) + 1);
  /** By the events that clients received. @type {Map<string, number>} */
  const additions = new Map();
  const places = new Set();
  for (const { epoch, seq, event } of heard) {
    if (places.has(`${epoch} ${seq}`)) continue;
    places.add(`${epoch} ${seq}`);
    const added = JSON.parse(event).change?.added;
    if (!added) continue;
    additions.set(added.item, (additions.get(added.item) ?? 0) + 1);
  }
  const unwanted = new Set(commands.filter((command) => command.do === 'remove').map(({ named }) => named));
  for (const command of commands) {
    const { item, outcome } = command;
    if (command.do !== 'add' || !item) continue;
    const there = count.get(item) ?? 0;
    if (there > 1 || (additions.get(item) ?? 0) > 1) found.push({ kind: 'doubled', text: `${told(command)} is there ${Math.max(there, additions.get(item) ?? 0)} times` });
    if (unwanted.has(item)) continue;
    if (acked(outcome) && there === 0) found.push({ kind: 'lost', text: `${told(command)} was acknowledged and is not there` });
    if (outcome && 'gone' in outcome && outcome.kept && there === 0 && seatsAreKept(history)) {
      found.push({ kind: 'lost', text: `${told(command)} was kept over a reload and is not there` });
    }
    const code = refused(outcome);
    if (code && !['unsure', 'left'].includes(code) && there > 0) {
      found.push({ kind: 'false-reason', text: `${told(command)} was refused as ${code} and is there` });
    }
  }
  for (const item of count.keys()) {
    if (/^c\d/.test(item) && !commands.some((command) => command.item === item)) {
      found.push({ kind: 'doubled', text: `${item} is there and nobody gave it in` });
    }
  }
  return found;
}

/**
 * Whether nobody in a run is away longer than the grace, and every node keeps its lease. That of a killed one ends, and
 * on a slow machine its clients may still wait for the next one to start.
 * @param {History} history
 */
function seatsAreKept({ plan, starvedMost, shown }) {
  const isKilled = plan.outages.some((outage) => outage.do === 'killNode');
  return plan.grace >= LONG_GRACE && starvedMost < LEASE / 2 && !(isKilled && longestAway(plan, shown) > (LEASE * 3) / 4);
}

/** For how long some client was not connected, at most, ms. @param {History['plan']} plan @param {Shown[]} shown */
function longestAway(plan, shown) {
  let longest = 0;
  for (let client = 0; client < plan.clients.length; client++) {
    /** @type {number | null} */
    let since = null;
    for (const { status, at } of shown.filter((one) => one.client === client)) {
      if (since !== null) longest = Math.max(longest, at - since);
      since = status === 'live' ? null : (since ?? at);
    }
  }
  return longest;
}

/** Commands of one seat take effect in the order in which they were given. @param {History} history @returns {Finding[]} */
function order({ plan, commands, final }) {
  /** @type {Finding[]} */
  const found = [];
  /** @type {Map<string, Command[]>} */
  const lives = new Map();
  for (const command of commands) {
    const life = `${command.client}/${command.life}`;
    lives.set(life, [...(lives.get(life) ?? []), command]);
  }
  for (const given of lives.values()) {
    let last = 0;
    for (const command of given) {
      const seq = acked(command.outcome)?.seq;
      if (seq === undefined || seq === null) continue;
      if (seq < last) found.push({ kind: 'order', text: `${told(command)} took effect at ${seq}, what was given before it at ${last}` });
      last = Math.max(last, seq);
    }
    if (!final || plan.doomed) continue;
    const items = given.flatMap(({ item }) => (item === undefined ? [] : [item]));
    const wanted = items.filter((item) => final.items.includes(item));
    const there = final.items.filter((item) => items.includes(item));
    const wrong = wanted.findIndex((item, n) => there[n] !== item);
    if (wrong >= 0) found.push({ kind: 'order', text: `given were ${wanted.join(', ')}; they are there as ${there.join(', ')}` });
  }
  return found;
}

/** Every command was answered, with a valid reason if it was not done. @param {History} history @returns {Finding[]} */
function answers(history) {
  const { plan, commands } = history;
  /** @type {Finding[]} */
  const found = [];
  const removed = new Set(commands.filter((command) => command.do === 'remove').map(({ of }) => of));
  for (const command of commands) {
    if (!command.outcome) {
      found.push({ kind: 'unanswered', text: `${told(command)} was never answered` });
      continue;
    }
    const code = refused(command.outcome);
    if (!code || code === 'left' || (REASONS[command.do] ?? []).includes(code)) continue;
    if (code === 'not_found' && command.of !== undefined && removed.has(command.of)) continue;
    if (code === 'unsure' && !seatsAreKept(history)) continue;
    if (plan.doomed && ['unsure', 'not_found', 'gone', 'no_seat'].includes(code)) continue;
    found.push({ kind: 'false-reason', text: `${told(command)} was refused as ${code}` });
  }
  return found;
}

/** All clients see one sequence, and equal positions mean equal states. @param {History} history @returns {Finding[]} */
function agreement({ heard, shown, truths }) {
  /** @type {Finding[]} */
  const found = [];
  /** @type {Map<string, { who: string, what: string }>} */
  const events = new Map();
  /** @type {Map<string, { who: string, what: string }>} */
  const states = new Map();
  /** @type {(known: typeof events, place: string, who: string, what: string) => void} */
  const compare = (known, place, who, what) => {
    const first = known.get(place);
    if (!first) known.set(place, { who, what });
    else if (first.what !== what) found.push({ kind: 'disagree', text: `at ${place} ${first.who} had ${first.what}, and ${who} ${what}` });
  };
  for (const { epoch, seq, client, event } of heard) compare(events, `${epoch} ${seq}`, `client ${client}`, event);
  for (const { epoch, seq, state } of truths) compare(states, `${epoch} ${seq}`, 'the server', state);
  for (const { epoch, seq, client, state } of shown) {
    if (epoch !== null && state !== undefined) compare(states, `${epoch} ${seq}`, `client ${client}`, state);
  }
  return found;
}

/** A client that shows `live` is up to date, and every client becomes live again. @param {History} history @returns {Finding[]} */
function liveness({ plan, heard, shown, excused, finals, starved }) {
  /** @type {Finding[]} */
  const found = [];
  const bound = plan.pingInterval + PATIENCE / plan.tempo + SLACK + starved;
  /** When a client first knew an event. @type {Map<string, number>} */
  const known = new Map();
  for (const { epoch, seq, at } of heard) {
    const place = `${epoch} ${seq}`;
    known.set(place, Math.min(at, known.get(place) ?? Infinity));
  }
  for (let client = 0; client < plan.clients.length; client++) {
    const excuses = excused.filter((one) => one.client === client);
    const own = shown.filter((one) => one.client === client);
    for (const [n, { status, stale, epoch, seq, at }] of own.entries()) {
      if (status !== 'live' || stale || epoch === null || seq === null) continue;
      const to = own[n + 1]?.at ?? at;
      const next = known.get(`${epoch} ${seq + 1}`);
      if (next === undefined) continue;
      const since = Math.max(next, at, ...excuses.filter(({ from }) => from < to).map((one) => one.to));
      if (to - since > bound) {
        found.push({ kind: 'false-live', text: `client ${client} said live at ${seq} for ${to - since} ms after the next event was there` });
        break;
      }
    }
  }
  for (const { client, calm, heard, last, wrong } of finals) {
    if (plan.doomed) continue;
    if (wrong !== null) found.push({ kind: 'disagree', text: `client ${client} showed in the end ${wrong}` });
    if (!calm) found.push({ kind: 'false-status', text: `client ${client} never came to rest; in the end it said ${last}` });
    else if (!heard) found.push({ kind: 'false-live', text: `client ${client} did not hear the last change and said ${last}` });
  }
  return found;
}

/** A client ends by itself only for a final reason. @param {History} history @returns {Finding[]} */
function endings({ plan, shown, crashes, finals }) {
  /** @type {Finding[]} */
  const found = crashes.map((text) => ({ kind: 'crash', text }));
  /** @type {(one: Shown) => boolean} */
  const isTrue = ({ reason }) => reason === 'left' || (plan.doomed && (reason === 'not_found' || reason === 'gone'));
  for (const one of shown) {
    if (one.status === 'ended' && !isTrue(one)) found.push({ kind: 'false-end', text: `client ${one.client} ended with ${one.reason}` });
  }
  for (const { client, calm, last } of finals) {
    // Then it must end.
    if (plan.doomed && !calm) found.push({ kind: 'false-status', text: `client ${client} did not see that the room is gone; in the end it said ${last}` });
  }
  return found;
}
