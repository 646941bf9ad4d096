// The messages to a server, and the reasons for which it closes a connection: from its AsyncAPI document.

import { fits, resolve, variants } from './schema.js';

/**
 * @typedef {object} Sayable a message that a client may send
 * @property {string} name
 * @property {string} note
 * @property {'first' | 'command' | 'line'} role `line`: for the text dialect
 * @property {import('./schema.js').Schema} schema
 * @property {any} example
 */

/** @typedef {{ code: number, text: string, when: string, back: string }} Close */

/**
 * @typedef {object} Description
 * @property {any} root the base of references
 * @property {Sayable[]} says
 * @property {Map<number, Close>} closes
 */

/** @type {Description} */
export const NOTHING = { root: {}, says: [], closes: new Map() };

/** @param {any} doc @returns {Description} */
export function describe(doc) {
  const says = messagesOfClients(doc).flatMap((message) => sayables(message, doc));
  return { root: doc, says, closes: new Map(closes(doc).map((close) => [close.code, close])) };
}

/**
 * The document describes the server, so clients send what it receives.
 * @param {any} doc @returns {any[]}
 */
function messagesOfClients(doc) {
  const receives = Object.values(doc.operations ?? {}).filter((/** @type {any} */ one) => one.action === 'receive');
  const found = receives.flatMap((/** @type {any} */ one) => {
    const listed = one.messages ?? Object.values(resolve(one.channel, doc)['messages'] ?? {});
    return listed.map((/** @type {any} */ message) => deref(message, doc));
  });
  return [...new Set(found)];
}

/**
 * The object itself, not a copy, so that equal references are identical.
 * @param {any} at @param {any} doc
 */
function deref(at, doc) {
  for (let depth = 0; typeof at?.$ref === 'string' && depth < 8; depth += 1) {
    at = at.$ref.replace(/^#\//, '').split('/').reduce((/** @type {any} */ found, /** @type {string} */ step) =>
      found?.[decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')], doc);
  }
  return at ?? {};
}

/** @param {any} message @param {any} doc @returns {Sayable[]} */
function sayables(message, doc) {
  const payload = message.payload?.schema ?? message.payload;
  const examples = (message.examples ?? []).map((/** @type {any} */ one) => one.payload ?? one).concat(resolve(payload, doc)['examples'] ?? []);
  const all = variants(payload, doc);
  if (all.every((one) => one['type'] === 'string')) {
    const name = message.title ?? message.name ?? 'line';
    const note = message.summary ?? message.description ?? '';
    const schema = all[0] ?? {};
    if (examples.length === 0) return [{ name, note, role: 'line', schema, example: '' }];
    return examples.map((/** @type {string} */ example) => ({ name: example, note, role: 'line', schema, example }));
  }
  // Variants of one command, such as an item by name or by number, share one form.
  const groups = groupBy(all, mainKey);
  return [...groups].map(([key, group]) => {
    const schema = group.length === 1 ? /** @type {any} */ (group[0]) : { oneOf: group };
    const isCommand = group.every((one) => one['required']?.includes('id'));
    const own = group.length === all.length ? message : (group[0] ?? {});
    return {
      name: key || message.name || message.title || 'message',
      note: own.summary ?? own.description ?? resolve(group[0]?.['properties']?.[key], doc)['description'] ?? '',
      role: isCommand ? 'command' : 'first',
      schema,
      example: fullest(examples.filter((/** @type {any} */ example) => fits(example, schema, doc))),
    };
  });
}

/**
 * The example with the most fields.
 * @param {any[]} examples
 */
const fullest = (examples) => examples.toSorted((a, b) => JSON.stringify(b).length - JSON.stringify(a).length)[0];

/**
 * The key that names the message's type.
 * @param {import('./schema.js').Schema} schema @returns {string}
 */
function mainKey(schema) {
  return (schema['required'] ?? []).find((/** @type {string} */ key) => key !== 'id') ?? '';
}

/**
 * @template T, K
 * @param {T[]} all @param {(one: T) => K} keyOf
 */
function groupBy(all, keyOf) {
  /** @type {Map<K, T[]>} */
  const groups = new Map();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/**
 * The table of close codes; AsyncAPI has no standard place for it.
 * @param {any} doc @returns {Close[]}
 */
function closes(doc) {
  const table = doc['x-close-codes'] ?? [];
  return table.map((/** @type {any} */ row) => ({
    code: Number(row.code), text: row.text ?? '', when: row.when ?? row.description ?? '', back: row.comeBack ?? row.come_back ?? '',
  }));
}
