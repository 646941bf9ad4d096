// Hostile messages, and the answers according to docs/protocol.md.

import { Member } from './member.js';

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {import('./member.js').Dialect} dialect
 * @property {string} [first] instead of a good first message
 * @property {(limits: Limits) => (string | Uint8Array<ArrayBuffer>)[]} say what to send after the first message
 * @property {string} expect `error CODE` (and the connection stays), `ack`, `menu` or `close CODE`
 * @property {(limits: Limits) => boolean} [applies] whether it applies to this server's settings
 */

/** @typedef {{ message_bytes: number, commands_per_second: number, command_burst: number }} Limits */

/** @type {Limits} */
const DEFAULTS = { message_bytes: 16384, commands_per_second: 10, command_burst: 20 };

/** How many misunderstandings in a row end a connection. */
const PATIENCE = 20;

/** How many rate refusals a connection may get at once. */
const COLLECTED = 100;

/** How long to wait for an answer, ms: longer than the server waits for a first message. */
const DEADLINE = 8_000;

const add = (/** @type {unknown} */ item, id = 1) => JSON.stringify({ id, add: { item } });
const one = (/** @type {string} */ text) => () => [text];
const bytes = () => [new Uint8Array([0, 159, 146, 150])];

/** @type {Case[]} */
const JSON_CASES = [
  ['not JSON', '{"id":1,', 'error bad_command'],
  ['nothing at all', '', 'error bad_command'],
  ['an array', '[]', 'error bad_command'],
  ['null', 'null', 'error bad_command'],
  ['a string', '"add:pizza"', 'error bad_command'],
  ['deep nesting', '['.repeat(5000), 'error bad_command'],
  ['no command', '{"id":1}', 'error bad_command'],
  ['an unknown command', '{"id":1,"explode":{}}', 'error bad_command'],
  ['a command named __proto__', '{"id":1,"__proto__":{"item":"pizza"}}', 'error bad_command'],
  ['an unknown field', '{"id":1,"add":{"item":"pizza","price":7}}', 'error bad_command'],
  ['a field named __proto__', '{"id":1,"add":{"item":"pizza","__proto__":{"x":1}}}', 'error bad_command'],
  ['two commands', '{"id":1,"add":{"item":"pizza"},"vote":{"number":1,"on":true}}', 'error bad_command'],
  ['the same key twice', '{"id":1,"id":2,"add":{"item":"pizza"}}', 'error bad_command'],
  ['no id', '{"add":{"item":"pizza"}}', 'error bad_command'],
  ['id 0', add('pizza', 0), 'error bad_command'],
  ['id −1', add('pizza', -1), 'error bad_command'],
  ['id 1.5', add('pizza', 1.5), 'error bad_command'],
  ['id 2⁵³', '{"id":9007199254740992,"add":{"item":"pizza"}}', 'error bad_command'],
  ['id 1e999', '{"id":1e999,"add":{"item":"pizza"}}', 'error bad_command'],
  ['an id that is a string', '{"id":"1","add":{"item":"pizza"}}', 'error bad_command'],
  ['a number as item', '{"id":1,"add":{"item":7}}', 'error bad_command'],
  ['half a surrogate pair', '{"id":1,"add":{"item":"\\ud83c"}}', 'error bad_command'],
  ['a join after the join', '{"join":{"name":"again"}}', 'error bad_command'],
  ['an empty item', add(''), 'error empty'],
  ['nothing visible', add('\u200b \u2060'), 'error empty'],
  ['a line end', add('piz\nza'), 'error bad_item'],
  ['NUL', add('piz\0za'), 'error bad_item'],
  ['a right-to-left override', add('piz\u202eza'), 'error bad_item'],
  ['81 characters', add('a'.repeat(81)), 'error too_long'],
  ['80 stacked accents', add(`a${'\u0301'.repeat(600)}`), 'error too_long'],
  ['an item that is not there', '{"id":1,"remove":{"item":"no such thing"}}', 'error not_found'],
  ['a vote that says neither yes nor no', '{"id":1,"vote":{"number":1}}', 'error bad_command'],
  ['an item that never was, to be restored', '{"id":1,"restore":{"number":9007199254740991}}', 'error not_found'],
  ['a title that was forgotten', '{"id":1,"title":{}}', 'error bad_command'],
  ['a title of nothing visible', '{"id":1,"title":{"title":" "}}', 'error empty'],
  ['an extension by a wish', '{"id":1,"extend":{"minutes":600}}', 'error bad_command'],
  ['a decision by force', '{"id":1,"decide":{"how":"force"}}', 'error bad_command'],
  ['a chance that is no hexadecimal', `{"id":1,"contribute":{"draw":1,"value":"${'x'.repeat(64)}"}}`, 'error bad_command'],
  ['a chance in a draw that did not begin', `{"id":1,"contribute":{"draw":9007199254740991,"value":"${'0'.repeat(64)}"}}`, 'error not_found'],
  ['the end of a draw that did not begin', '{"id":1,"reveal":{"draw":9007199254740991}}', 'error not_found'],
  ['markup', add('<img src=x onerror=alert(1)>'), 'ack'],
].map(([name = '', text = '', expect = '']) => ({ name, dialect: 'json', say: one(text), expect }));

/** @type {Case[]} */
const FIRST_CASES = [
  ['a command before the join', add('pizza'), 'close 4400'],
  ['a first message that is no JSON', 'hello?', 'close 4400'],
  ['a name with a line end', '{"join":{"name":"a\\nb"}}', 'close 4400'],
  ['a colour that is none', '{"join":{"name":"a","colour":12}}', 'close 4400'],
  ['resume at seq −1', '{"resume":{"seat":"00000000000000000000000000000000","epoch":"0000000000000000","seq":-1}}', 'close 4400'],
  ['resume with an epoch and no seq', '{"resume":{"seat":"00000000000000000000000000000000","epoch":"0000000000000000"}}', 'close 4400'],
  ['resume a seat that is none', '{"resume":{"seat":"00000000000000000000000000000000"}}', 'close 4401'],
].map(([name = '', first = '', expect = '']) => ({ name, dialect: 'json', first, say: () => [], expect }));

/** @type {Case[]} */
const TEXT_CASES = [
  ['no colon', 'pizza', 'error bad_command'],
  ['nothing at all', '', 'error bad_command'],
  ['an unknown word', 'explode:pizza', 'error bad_command'],
  ['JSON', add('pizza'), 'error bad_command'],
  ['an empty item', 'add:   ', 'error empty'],
  ['a line end inside', 'add:piz\nza', 'error bad_item'],
  ['81 characters', `add:${'a'.repeat(81)}`, 'error too_long'],
  ['an item that is not there', 'remove:no such thing', 'error not_found'],
].map(([name = '', text = '', expect = '']) => ({ name, dialect: 'text', say: one(text), expect }));

/** @type {Case[]} */
export const CASES = [
  ...JSON_CASES,
  { name: 'a binary message', dialect: 'json', say: bytes, expect: 'close 1003' },
  { name: '1 KiB too much', dialect: 'json', say: (limits) => [add('a'.repeat(limits.message_bytes + 1024))], expect: 'close 1009' },
  { name: `${PATIENCE + 1} misunderstandings in a row`, dialect: 'json', say: () => Array(PATIENCE + 1).fill('?'), expect: 'close 4400' },
  {
    name: 'far more commands than the rate',
    dialect: 'json',
    say: (limits) => Array.from({ length: limits.command_burst + COLLECTED + 500 }, (_, index) => `{"id":${index + 1},"remove":{"item":"no such thing"}}`),
    expect: 'close 4429',
    applies: (limits) => limits.commands_per_second > 0,
  },
  ...FIRST_CASES,
  { name: 'no first message for 5 s', dialect: 'json', first: '', say: () => [], expect: 'close 4408' },
  ...TEXT_CASES,
  { name: 'a binary message', dialect: 'text', say: bytes, expect: 'error bad_command' },
  { name: '1 KiB too much', dialect: 'text', say: (limits) => [`add:${'a'.repeat(limits.message_bytes + 1024)}`], expect: 'close 1009' },
  { name: `${PATIENCE + 1} misunderstandings in a row`, dialect: 'text', say: () => Array(PATIENCE + 1).fill('?'), expect: 'close 4400' },
];

/**
 * @typedef {object} Verdict
 * @property {string} answer in the form of `expect`
 * @property {string} frame the answer on the wire
 * @property {boolean} expected
 */

/**
 * Plays a case over a connection of its own.
 * @param {Case} hostile @param {string} url @param {import('./socket.js').Open} open
 * @param {number} [deadline] how long to wait for an answer, ms
 * @returns {Promise<Verdict | null>} null: it does not apply to this server
 */
export async function play(hostile, url, open, deadline = DEADLINE) {
  const member = new Member({ label: '', dialect: hostile.dialect, url, open });
  const wanted = hostile.expect.startsWith('close') ? ['closed'] : ['error', 'ack', 'menu', 'closed'];
  // An empty first message means none.
  const first = hostile.first ?? '{"join":{"name":"hostile"}}';
  const greeted = heard(member, hostile.first === undefined ? ['hello', 'menu', 'closed'] : wanted, deadline);
  member.connect(first === '' ? undefined : first);
  let answer = await greeted;
  if (hostile.first === undefined && answer?.kind !== 'closed') {
    const limits = member.limits ?? DEFAULTS;
    if (hostile.applies && !hostile.applies(limits)) {
      await goodbye(member);
      return null;
    }
    const answered = heard(member, wanted, deadline);
    for (const data of hostile.say(limits)) {
      if (typeof data === 'string') member.say(data);
      else member.sayBinary(data);
    }
    answer = await answered;
  }
  const code = await goodbye(member);
  const told = answer && inWords(answer);
  const said = [told ?? `nothing in ${deadline / 1000} s`];
  // Who closed it shows whether it stayed open.
  if (told && !told.startsWith('close') && code !== 1000) said.push(`close ${code}`);
  const words = said.join(', ');
  return { answer: words, frame: answer?.text ?? '', expected: words === hostile.expect };
}

/**
 * Plays a case as an existing member, who may be disconnected for it.
 * @param {Case} hostile @param {Member} member
 * @returns {Promise<Verdict>}
 */
export async function playAs(hostile, member) {
  const answered = heard(member, hostile.expect.startsWith('close') ? ['closed'] : ['error', 'ack', 'menu', 'closed']);
  for (const data of hostile.say(member.limits ?? DEFAULTS)) {
    if (typeof data === 'string') member.say(data);
    else member.sayBinary(data);
  }
  const answer = await answered;
  const words = answer ? inWords(answer) : `nothing in ${DEADLINE / 1000} s`;
  return { answer: words, frame: answer?.text ?? '', expected: words === hostile.expect };
}

/** @param {import('./log.js').Entry} answer */
function inWords({ kind, value, code }) {
  if (kind === 'closed') return `close ${code}`;
  return kind === 'error' ? `error ${value.error.code}` : kind;
}

/**
 * The first entry of one of these kinds, if there is one.
 * @param {Member} member @param {string[]} kinds
 * @returns {Promise<import('./log.js').Entry | undefined>}
 */
function heard(member, kinds, deadline = DEADLINE) {
  return new Promise((resolve) => {
    const done = (/** @type {import('./log.js').Entry | undefined} */ one) => {
      clearTimeout(late);
      member.removeEventListener('entry', look);
      resolve(one);
    };
    const late = setTimeout(() => done(undefined), deadline);
    const look = (/** @type {any} */ { detail }) => {
      if (detail.way !== 'out' && kinds.includes(detail.kind)) done(detail);
    };
    member.addEventListener('entry', look);
  });
}

/** @param {Member} member @returns {Promise<number>} the code that it ended with */
async function goodbye(member) {
  if (member.state !== 'closed') {
    const closed = heard(member, ['closed']);
    member.leave();
    await closed;
  }
  return member.ended?.code ?? 0;
}
