// A story as a test for `node --test`.

/** @param {string} text */
const literal = (text) => (/['\\\n\r\u2028\u2029]|[^ -~\u00a1-\ud7ff\ue000-\uffff]/.test(text) ? JSON.stringify(text) : `'${text}'`);

/** @param {import('./story.js').Line} line */
function said(line) {
  const parts = line.map((part) => (typeof part === 'string' ? literal(part) : `${part.of}.${part.what}`));
  return parts.join(' + ') || "''";
}

/** @param {import('./story.js').Step} step */
function statement(step) {
  const { who } = step;
  switch (step.does) {
    case 'open':
      return `const ${who} = await connect(room.id${step.json ? ", 'tablecast.v1'" : ''});`;
    case 'say':
      return `${who}.say(${said(step.line)});`;
    case 'sayBinary':
      return `${who}.say(Buffer.from('${step.hex}', 'hex'));`;
    case 'hear':
      return `await ${who}.hears(${step.list ? 'Array.isArray' : `like(${JSON.stringify(step.like)})`});`;
    case 'close':
      return `await ${who}.closes(${step.code});`;
    case 'closed':
      return `assert.equal(await ${who}.closed, ${step.code});`;
  }
}

/**
 * @param {import('./story.js').Story} story @param {string} server its address, without a slash at the end
 * @returns {string}
 */
export function asNode({ steps, notes }, server) {
  const body = steps.map((step) => `  ${statement(step)}`).join('\n');
  return `// Recorded in the console of Tablecast. node --test recorded.test.mjs
// Node 22 or newer, or \`npm install ws\`. TABLECAST_URL names another server.
${notes.map((note) => `// ${note}\n`).join('')}import assert from 'node:assert/strict';
import { test } from 'node:test';

const SERVER = process.env.TABLECAST_URL ?? ${literal(server)};
const WebSocket = globalThis.WebSocket ?? (await import('ws')).default;
/** Longer than a seat is kept, ms. */
const DEADLINE = 40_000;
const sockets = [];

test('recorded in the console', async (t) => {
  t.after(() => sockets.forEach((socket) => socket.close()));
  const made = await fetch(\`\${SERVER}/session/\`, { method: 'POST' });
  assert.equal(made.status, 201);
  const room = await made.json();
${body}
});

/** Whether a message has all expected fields. */
function like(wanted) {
  const has = (message, part) =>
    Array.isArray(part) || part === null || typeof part !== 'object'
      ? JSON.stringify(message) === JSON.stringify(part)
      : message !== null && typeof message === 'object' && Object.keys(part).every((key) => has(message[key], part[key]));
  return Object.assign((message) => has(message, wanted), { toString: () => JSON.stringify(wanted) });
}

async function connect(id, ...protocols) {
  const socket = new WebSocket(\`\${SERVER.replace(/^http/, 'ws')}/ws/\${id}/\`, protocols);
  sockets.push(socket);
  const heard = [];
  let look = () => {};
  const closed = new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
  const member = {
    closed,
    say: (data) => socket.send(data),
    /** The first matching message that was not taken yet. */
    hears: (is) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(\`never heard \${is}, but \${JSON.stringify(heard)}\`)), DEADLINE);
        look = () => {
          const at = heard.findIndex(is);
          if (at < 0) return;
          clearTimeout(late);
          look = () => {};
          resolve(heard.splice(at, 1)[0]);
        };
        look();
      }),
    closes: (code) => {
      socket.close(code);
      return closed;
    },
  };
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    const { seat } = message.hello ?? {};
    const { epoch } = message.hello ?? message.snapshot ?? {};
    const { seq } = message.hello ?? message.snapshot ?? message.event ?? {};
    Object.assign(member, seat && { seat }, epoch && { epoch }, seq !== undefined && { seq });
    heard.push(message);
    look();
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('refused')));
  });
  return member;
}
`;
}
