import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { describe } from '../../web/live/describe.js';
import { form, read } from '../../web/live/schema.js';

const described = describe(JSON.parse(readFileSync(new URL('./fixture.json', import.meta.url), 'utf8')));

/** @param {string} name */
function sayable(name) {
  const found = described.says.find((one) => one.name === name);
  assert.ok(found, `no ${name} among ${described.says.map((one) => one.name)}`);
  return found;
}

/** @param {string} name @param {Record<string, unknown>} [known] */
const formOf = (name, known) => form(sayable(name).schema, described.root, sayable(name).example, known);

/**
 * The part at a path of keys.
 * @param {import('../../web/live/schema.js').Part} part @param {string[]} path
 */
function at(part, ...path) {
  return path.reduce((found, key) => {
    const inside = found.kind === 'choice' ? found.parts[found.picked] : found;
    const member = inside?.members.find((one) => one.key === key);
    assert.ok(member, `no ${key}`);
    return member.part;
  }, part);
}

test('what clients may say is found, each by its name and role, and what the server says is not', () => {
  assert.deepEqual(
    described.says.map(({ name, role }) => [name, role]),
    [
      ['join', 'first'], ['resume', 'first'],
      ['add', 'command'], ['remove', 'command'], ['vote', 'command'], ['decide', 'command'], ['extend', 'command'],
      ['add:pizza', 'line'], ['remove:pizza', 'line'],
    ],
  );
});

test('a form holds the example, and what is known goes before it', () => {
  assert.deepEqual(read(formOf('join')), { join: { name: 'Mina', colour: 3 } });
  assert.deepEqual(read(formOf('add', { id: 7 })), { id: 7, add: { item: 'pizza' } });
  assert.deepEqual(read(formOf('resume', { seat: 'mine', seq: 9 })), { resume: { seat: 'mine', epoch: '3bc0561009ca0c7d', seq: 9 } });
});

test('a form without an example is filled from the schema', () => {
  assert.deepEqual(read(form(sayable('add').schema, described.root)), { id: 1, add: { item: '김치찌개' } });
  assert.deepEqual(read(formOf('decide', { id: 2 })), { id: 2, decide: { how: 'votes' } });
  assert.deepEqual(at(formOf('decide'), 'decide', 'how').options, ['votes', 'draw']);
  assert.deepEqual(read(formOf('extend')), { id: 1, extend: {} });
});

test('of several variants the one of the example is picked, and any can be', () => {
  const remove = at(formOf('remove', { id: 1 }), 'remove');
  const which = remove.kind === 'choice' ? remove : formOf('remove', { id: 1 });
  assert.equal(which.kind, 'choice');
  assert.deepEqual(read(formOf('remove', { id: 1 })), { id: 1, remove: { number: 1 } });
  assert.deepEqual(read(formOf('vote', { id: 1 })), { id: 1, vote: { number: 1, on: true } });
  assert.deepEqual(which.options, ['item', 'number']);
  which.picked = 0;
  assert.deepEqual(read(which), { item: '김치찌개' });
});

test('a field can be left out when it is not required, and be null when that is allowed', () => {
  const join = formOf('join');
  const { members } = at(join, 'join');
  const name = members.find(({ key }) => key === 'name');
  const colour = members.find(({ key }) => key === 'colour');
  assert.ok(name && colour && !name.required && name.part.nullable && colour.part.nullable);
  assert.match(colour.part.limits, /0 to 11/);
  name.on = false;
  colour.part.isNull = true;
  assert.deepEqual(read(join), { join: { colour: null } });
});

test('what is typed into a number goes out as it is when it is none', () => {
  const add = formOf('add');
  at(add, 'id').value = 'seven';
  assert.equal(read(add).id, 'seven');
});

test('a schema that holds itself ends', () => {
  const root = { tree: { type: 'object', properties: { inner: { $ref: '#/tree' } }, required: ['inner'] } };
  assert.ok(form(root.tree, root));
  const loop = { a: { $ref: '#/a' }, b: { oneOf: [{ $ref: '#/b' }, { type: 'string' }] } };
  assert.ok(form(loop.a, loop));
  assert.ok(form(loop.b, loop));
});

test('close codes are those of the document', () => {
  assert.deepEqual(described.closes.get(4413), { code: 4413, text: 'reading too slowly', when: 'the outbox reached its bound', back: 'soon' });
});

test('a document without any of it describes nothing', () => {
  assert.deepEqual(describe({}).says, []);
  assert.equal(describe({ operations: { say: { action: 'receive', channel: { $ref: '#/channels/none' } } } }).says.length, 0);
});
