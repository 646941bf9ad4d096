// Makes the parts of a form from a JSON Schema, and a value from these. Independent of page and commands.

/** @typedef {Record<string, any>} Schema */

/**
 * A part of a form, with its filled-in value.
 * @typedef {object} Part
 * @property {'object' | 'choice' | 'list' | 'text' | 'number' | 'boolean' | 'fixed' | 'json'} kind
 * @property {string} note a description for people
 * @property {string} limits the allowed values, for people
 * @property {boolean} nullable
 * @property {boolean} isNull
 * @property {any} value for `text`, `number` and `json` the typed text; for `boolean` and `fixed` the value
 * @property {any[]} options for `text`: the allowed values, if there is a list; for `choice`: the names
 *   of its parts
 * @property {number} picked of `choice`
 * @property {Part[]} parts of `choice`, `list`
 * @property {Member[]} members of `object`
 * @property {() => Part} another of `list`: one more part
 */

/** @typedef {{ key: string, required: boolean, on: boolean, part: Part }} Member */

/** A schema may refer to itself; forms stop at this depth. */
const DEPTH = 12;

/**
 * The target of a `$ref`, merged with the fields beside it; `allOf` is merged in.
 * @param {any} schema @param {any} root @returns {Schema}
 */
export function resolve(schema, root, depth = 0) {
  if (schema === true || schema === undefined || schema === null || depth > DEPTH) return {};
  let { $ref, allOf, ...rest } = schema;
  if (typeof $ref === 'string') {
    /** @type {any} */
    let found = root;
    for (const step of $ref.replace(/^#\/?/, '').split('/').filter(Boolean)) {
      found = found?.[decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    rest = merge(resolve(found, root, depth + 1), rest);
  }
  for (const part of allOf ?? []) rest = merge(rest, resolve(part, root, depth + 1));
  return rest;
}

/** @param {Schema} a @param {Schema} b @returns {Schema} */
function merge(a, b) {
  const merged = { ...a, ...b };
  if (a['properties'] || b['properties']) merged['properties'] = { ...a['properties'], ...b['properties'] };
  const required = [...(a['required'] ?? []), ...(b['required'] ?? [])];
  if (required.length > 0) merged['required'] = [...new Set(required)];
  return merged;
}

/**
 * The variants of a schema, without `oneOf` and `anyOf`.
 * @param {any} schema @param {any} root @returns {Schema[]}
 */
export function variants(schema, root, depth = 0) {
  const { oneOf, anyOf, ...base } = resolve(schema, root);
  const options = oneOf ?? anyOf;
  if (!Array.isArray(options) || depth > DEPTH) return [base];
  return options.flatMap((option) => variants(option, root, depth + 1).map((one) => merge(base, one)));
}

/** @param {Schema} schema @returns {string[]} */
function types(schema) {
  if (schema['type']) return [schema['type']].flat();
  if ('const' in schema) return [typeOf(schema['const'])];
  if (schema['enum']) return [...new Set(schema['enum'].map(typeOf))];
  if (schema['properties'] || schema['required']) return ['object'];
  if (schema['items']) return ['array'];
  return [];
}

/** @param {any} value */
function typeOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * Whether a value may belong to a schema: enough to find the variant of an example.
 * @param {any} value @param {any} schema @param {any} root @returns {boolean}
 */
export function fits(value, schema, root) {
  return variants(schema, root).some((one) => {
    const type = typeOf(value);
    const allowed = types(one);
    if (allowed.length > 0 && !allowed.includes(type) && !(type === 'number' && allowed.includes('integer'))) return false;
    if ('const' in one && one['const'] !== value) return false;
    if (one['enum'] && !one['enum'].includes(value)) return false;
    if (type !== 'object') return true;
    const known = one['properties'] ?? {};
    if ((one['required'] ?? []).some((/** @type {string} */ key) => !(key in value))) return false;
    return Object.entries(value).every(([key, inner]) =>
      Object.hasOwn(known, key) ? fits(inner, known[key], root) : Object.keys(known).length === 0,
    );
  });
}

/** @param {Schema} schema */
function limits(schema) {
  const said = [];
  const range = (/** @type {any} */ low, /** @type {any} */ high, what = '') => {
    if (low !== undefined && high !== undefined) said.push(`${low} to ${high}${what}`);
    else if (low !== undefined) said.push(`from ${low}${what}`);
    else if (high !== undefined) said.push(`up to ${high}${what}`);
  };
  range(schema['minimum'] ?? schema['exclusiveMinimum'], schema['maximum'] ?? schema['exclusiveMaximum']);
  range(schema['minLength'], schema['maxLength'], ' characters');
  range(schema['minItems'], schema['maxItems'], ' of them');
  if (schema['pattern']) said.push(schema['pattern']);
  return said.join(' · ');
}

/**
 * The name of a variant: its title, its constant value, or the field that only it requires.
 * @param {Schema} variant @param {Schema[]} all
 */
function nameOf(variant, all) {
  if (variant['title']) return String(variant['title']);
  if ('const' in variant) return JSON.stringify(variant['const']);
  const others = all.filter((other) => other !== variant);
  const own = (variant['required'] ?? []).filter((/** @type {string} */ key) => others.some((other) => !other['required']?.includes(key)));
  return own.join(', ') || types(variant).join(', ') || 'other';
}

/** @param {Schema} schema */
function exampleOf(schema) {
  for (const value of [schema['const'], schema['examples']?.[0], schema['example'], schema['default'], schema['enum']?.[0]]) {
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/**
 * The form of a schema. `known` has values by name that replace examples, such as the next number.
 * @param {any} schema @param {any} root @param {any} [example] @param {Record<string, unknown>} [known] @returns {Part}
 */
export function form(schema, root, example, known = {}, depth = 0) {
  const all = variants(schema, root);
  const real = all.filter((one) => types(one).join() !== 'null');
  const [first = {}] = real;
  const nullable = real.length < all.length || real.some((one) => types(one).includes('null'));
  /** @type {Part} */
  const part = {
    kind: 'json', note: resolve(schema, root)['description'] ?? first['description'] ?? '', limits: limits(first),
    nullable, isNull: example === null && nullable, value: '', options: [], picked: 0, parts: [], members: [], another: () => part,
  };
  const hint = example ?? exampleOf(first);
  const typed = typeof hint === 'string' || hint === undefined ? (hint ?? '') : JSON.stringify(hint);
  if (depth > DEPTH) return { ...part, value: typed };
  if (real.length > 1) {
    const constants = real.every((one) => 'const' in one && typeof one['const'] === 'string');
    if (constants) return { ...part, kind: 'text', options: real.map((one) => one['const']), value: hint };
    const parts = real.map((one) => form(one, root, fits(example, one, root) ? example : undefined, known, depth + 1));
    const picked = real.findIndex((one) => example !== undefined && fits(example, one, root));
    return { ...part, kind: 'choice', limits: '', parts, picked: Math.max(picked, 0), options: real.map((one) => nameOf(one, real)) };
  }
  if ('const' in first) return { ...part, kind: 'fixed', value: first['const'] };
  const type = types(first).find((one) => one !== 'null');
  switch (type) {
    case 'object': {
      const required = new Set(first['required'] ?? []);
      const members = Object.entries(first['properties'] ?? {}).map(([key, inner]) => {
        const isKnown = Object.hasOwn(known, key) && known[key] !== undefined;
        const value = isKnown ? known[key] : hint?.[key];
        const on = required.has(key) || value !== undefined;
        return { key, required: required.has(key), on, part: form(inner, root, value, known, depth + 1) };
      });
      return { ...part, kind: 'object', members };
    }
    case 'array': {
      const another = (/** @type {any} */ value) => form(first['items'], root, value, known, depth + 1);
      const parts = Array.isArray(hint) ? hint.map(another) : [];
      return { ...part, kind: 'list', parts, another: () => another(undefined) };
    }
    case 'boolean':
      return { ...part, kind: 'boolean', value: hint ?? true };
    case 'number':
    case 'integer':
      return { ...part, kind: 'number', value: String(hint ?? first['minimum'] ?? 0) };
    case 'string':
      return { ...part, kind: 'text', options: first['enum'] ?? [], value: typed };
    default:
      return { ...part, value: hint === undefined ? '' : JSON.stringify(hint) };
  }
}

/**
 * The filled-in value. It is not checked: the server does that, and wrong values are useful to try.
 * @param {Part} part @returns {any}
 */
export function read(part) {
  if (part.isNull) return null;
  switch (part.kind) {
    case 'object':
      return Object.fromEntries(part.members.filter(({ on }) => on).map(({ key, part: inner }) => [key, read(inner)]));
    case 'choice': {
      const picked = part.parts[part.picked];
      return picked && read(picked);
    }
    case 'list':
      return part.parts.map(read);
    case 'number':
      return part.value.trim() !== '' && Number.isFinite(Number(part.value)) ? Number(part.value) : part.value;
    case 'json':
      try {
        return JSON.parse(part.value);
      } catch {
        return part.value;
      }
    default:
      return part.value;
  }
}
