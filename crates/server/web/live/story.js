// The members' messages, as steps that a program can repeat in a new room.

import { parse } from './log.js';

/**
 * A text to send. Its parts are recorded text, or values that another connection knows by then.
 * @typedef {(string | { of: string, what: 'seat' | 'epoch' | 'seq' })[]} Line
 */

/**
 * @typedef {{ who: string } & (
 *   | { does: 'open', json: boolean }
 *   | { does: 'say', line: Line }
 *   | { does: 'sayBinary', hex: string }
 *   | { does: 'hear', like: any, list: boolean }
 *   | { does: 'close', code: number }
 *   | { does: 'closed', code: number }
 *   )} Step
 */

/**
 * @typedef {object} Story
 * @property {Step[]} steps
 * @property {string[]} notes what a reader should know
 */

/** @typedef {{ label: string, log: import('./log.js').Log }} Teller */

/**
 * The knowledge of a connection while the story is made. A resumed connection does not get its epoch
 * again: `epochOf` names the connection that did.
 * @typedef {{ who: string, json: boolean, you?: number, seat?: string, epoch?: string, epochOf?: string, seq?: number, unanswered: number }} Known
 */

/** Codes with which only the client itself closes. */
const OWN_CODES = new Set([1000, 3000]);

/**
 * @param {Teller[]} tellers
 * @param {boolean} all whether nobody else was in the room
 * @returns {Story}
 */
export function story(tellers, all) {
  const entries = tellers.flatMap(({ label, log }) => log.all().map((one) => ({ label: label.toLowerCase(), one })));
  entries.sort((a, b) => a.one.n - b.one.n);
  const notes = tellers.filter(({ log }) => log.lost > 0).map(({ label, log }) => `${log.lost} older messages of ${label} are not known any more`);
  const exact = all && isFromTheStart(entries);
  const refused = new Set(tellers.flatMap(({ log }) => refusals(log.all())));
  if (refused.size > 0) notes.push(`connections that were refused are left out: ${refused.size}`);
  /** @type {Known[]} */
  const past = [];
  /** @type {Map<string, Known>} */
  const now = new Map();
  const steps = entries.flatMap(({ label, one }) => {
    if (one.kind === 'connect' && one.way === 'note') {
      now.delete(label);
      if (refused.has(one)) return [];
      const times = past.filter(({ who }) => who.replace(/\d+$/, '') === label).length;
      const known = { who: times === 0 ? label : `${label}${times + 1}`, json: one.json === true, unanswered: 0 };
      past.push(known);
      now.set(label, known);
      return [/** @type {Step} */ ({ who: known.who, does: 'open', json: known.json })];
    }
    const known = now.get(label);
    if (!known) return [];
    return stepsOf(one, known, past, exact);
  });
  if (steps.length === 0) notes.push('nothing was said or heard yet');
  return { steps, notes };
}

/**
 * Connections that never opened. (A connection begins before it is open, because others may see it by then.)
 * @param {import('./log.js').Entry[]} entries
 */
function refusals(entries) {
  const notes = entries.filter(({ way, kind }) => way === 'note' && ['connect', 'open'].includes(kind));
  return notes.filter(({ kind }, index) => kind === 'connect' && notes[index + 1]?.kind !== 'open');
}

/** @param {{ one: import('./log.js').Entry }[]} entries */
function isFromTheStart(entries) {
  return entries.some(({ one }) => one.way === 'in' && one.value?.hello?.seq === 1) || entries.find(({ one }) => one.kind === 'menu')?.one.text === '[]';
}

/**
 * @param {import('./log.js').Entry} one @param {Known} known @param {Known[]} past @param {boolean} exact
 * @returns {Step[]}
 */
function stepsOf(one, known, past, exact) {
  const { who } = known;
  if (one.way === 'out') {
    known.unanswered += 1;
    if (one.kind === 'binary') return [{ who, does: 'sayBinary', hex: one.text }];
    return [{ who, does: 'say', line: lineOf(one.text, past.filter((other) => other !== known)) }];
  }
  if (one.kind === 'close') return [{ who, does: 'close', code: one.code ?? 1000 }];
  if (one.kind === 'closed') {
    // The side that closed gets its own code back.
    return OWN_CODES.has(one.code ?? 0) || one.code === 1006 ? [] : [{ who, does: 'closed', code: one.code ?? 1006 }];
  }
  if (one.way !== 'in' || one.kind === 'binary') return [];
  return known.json ? hearJson(one, known, past, exact) : hearText(one, known, exact);
}

/**
 * @param {import('./log.js').Entry} one @param {Known} known @param {Known[]} past @param {boolean} exact
 * @returns {Step[]}
 */
function hearJson({ value }, known, past, exact) {
  const { hello, snapshot, event } = value ?? {};
  if (hello) {
    const before = past.findLast(({ seat }) => seat === hello.seat);
    Object.assign(known, { you: hello.you, seat: hello.seat });
    if (hello.resumed && before?.epochOf) Object.assign(known, { epoch: before.epoch, epochOf: before.epochOf });
  }
  const { epoch } = hello ?? snapshot ?? {};
  if (epoch !== undefined) Object.assign(known, { epoch, epochOf: known.who });
  const { seq } = hello ?? snapshot ?? event ?? {};
  if (seq !== undefined) known.seq = seq;
  // Actions of others will not happen when this member is alone.
  if (event && !exact) {
    const [what] = Object.keys(event).filter((key) => typeof event[key] === 'object');
    const about = event.by ?? (what && event[what]?.member);
    if (about !== known.you) return [];
  }
  // A member who comes back at once was never away.
  if (event?.away && event.away.member === known.you) return [];
  if (value === undefined || value.snapshot || value.status) return [];
  const like = stable(value);
  return [{ who: known.who, does: 'hear', like, list: false }];
}

/**
 * @param {import('./log.js').Entry} one @param {Known} known @param {boolean} exact
 * @returns {Step[]}
 */
function hearText({ value }, known, exact) {
  const isList = Array.isArray(value);
  if (exact) return [{ who: known.who, does: 'hear', like: isList ? value : stable(value), list: false }];
  // A menu does not show whose change it is: the first one after a line counts as its answer.
  if (known.unanswered === 0) return [];
  known.unanswered -= 1;
  return [{ who: known.who, does: 'hear', like: isList ? [] : stable(value), list: isList }];
}

/** Values generated by a server: hexadecimal tokens, UUIDs, and names of members without a name. */
const MADE_UP = /^(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|guest \d+)$/;

/**
 * The part of a push that is the same in another room at another time: no positions, numbers of members or
 * items, times, or tokens. For a state only the names of its fields.
 * @param {any} push @returns {any}
 */
export function stable(push) {
  const [kind = ''] = Object.keys(push ?? {});
  const isState = kind === 'hello' || kind === 'snapshot';
  const keep = (/** @type {any} */ value, /** @type {string} */ key, depth = 0) => {
    if (typeof value === 'number') return key === 'id' ? value : undefined;
    if (typeof value === 'string') return MADE_UP.test(value) || (kind === 'error' && key === 'message') ? undefined : value;
    if (Array.isArray(value)) return undefined;
    if (value === null || typeof value !== 'object') return value;
    if (isState && depth > 1) return undefined;
    /** @type {Record<string, any>} */
    const kept = {};
    for (const [name, inner] of Object.entries(value)) {
      const part = keep(inner, name, depth + 1);
      if (part !== undefined) kept[name] = part;
    }
    return kept;
  };
  return keep(push, '');
}

/**
 * @param {string} text @param {Known[]} others earlier connections, whose seat a new one may resume
 * @returns {Line}
 */
function lineOf(text, others) {
  const resume = parse(text)?.resume;
  const whose = others.findLast(({ seat }) => seat !== undefined && seat === resume?.seat);
  if (!whose) return [text];
  /** @type {Line} */
  let line = [text];
  const replace = (/** @type {string} */ from, /** @type {'seat' | 'epoch' | 'seq'} */ what, before = '', of = whose.who) => {
    line = line.flatMap((part) => {
      const at = typeof part === 'string' ? part.indexOf(before + from) : -1;
      if (typeof part !== 'string' || at < 0) return [part];
      const start = at + before.length;
      return [part.slice(0, start), { of, what }, part.slice(start + from.length)];
    });
  };
  replace(resume.seat, 'seat');
  if (whose.epoch && resume.epoch === whose.epoch) replace(whose.epoch, 'epoch', '', whose.epochOf);
  if (resume.seq === whose.seq && whose.seq !== undefined) {
    const before = /"seq"\s*:\s*/.exec(text)?.[0];
    if (before) replace(String(whose.seq), 'seq', before);
  }
  return line.filter((part) => part !== '');
}
