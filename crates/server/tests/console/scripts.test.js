import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { serve } from '../../../../clients/js/test/support/server.js';
import { asNode } from '../../web/live/as-node.js';
import { storyAsRust } from '../../web/live/as-rust.js';
import { asWebsocat } from '../../web/live/as-websocat.js';
import { entry, Log } from '../../web/live/log.js';
import { story } from '../../web/live/story.js';
import { member, record, until } from './support/play.js';
import { recording } from './support/recording.js';

const run = promisify(execFile);

/**
 * Runs a recorded test in a folder of its own.
 * @param {import('node:test').TestContext} t @param {string} source @param {string} server
 */
async function runNode(t, source, server) {
  const dir = mkdtempSync(join(tmpdir(), 'tablecast-console-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'recorded.test.mjs'), source);
  // For a Node without a WebSocket of its own.
  symlinkSync(new URL('../../../../clients/js/node_modules', import.meta.url).pathname, join(dir, 'node_modules'));
  // With this one it would report to the run it is in.
  const env = Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT');
  return run(process.execPath, ['--test', 'recorded.test.mjs'], { cwd: dir, env: { ...Object.fromEntries(env), TABLECAST_URL: server } });
}

test('what all members of a room did passes as a test in a new room', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const told = story(await record(url), true);
  assert.deepEqual(told.notes, []);
  assert.match((await runNode(t, asNode(told, server.base), server.base)).stdout, /# pass 1\n/);
});

test('what one member did passes as a test without the others', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const [a, b] = await record(url);
  assert.ok(a && b);
  for (const one of [a, b]) {
    const source = asNode(story([one], false), server.base);
    assert.match((await runNode(t, source, server.base)).stdout, /# pass 1\n/);
  }
});

test('a recorded test fails against a server that answers otherwise', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const source = asNode(story(await record(url), true), server.base);
  const wrong = source.replace('"code":"conflict"', '"code":"outdated"').replace('40_000', '10_000');
  assert.notEqual(wrong, source);
  await assert.rejects(runNode(t, wrong, server.base), ({ stdout }) => /never heard .*outdated/.test(stdout));
});

test('the Rust test that is made is the one that the Rust tests compile and run', () => {
  const golden = new URL('./recorded.rs', import.meta.url);
  const source = storyAsRust(story(recording(), true));
  if (process.env['TABLECAST_WRITE']) writeFileSync(golden, source);
  assert.equal(source, readFileSync(golden, 'utf8'), 'TABLECAST_WRITE=1 writes it anew');
});

test('a websocat line says what was said, in its words', async (t) => {
  const server = await serve(t);
  const { id, url } = await server.room();
  const a = member('A', 'json', url);
  a.connect('{"join":{"name":"it\'s me"}}');
  await until(a, ({ kind }) => kind === 'hello');
  a.say('{"id":1,\n"add":{"item":"김치 $HOME `x` \\"5\\""}}');
  await until(a, ({ kind }) => kind === 'ack');
  a.leave();
  await until(a, ({ kind }) => kind === 'closed');
  const other = await server.room();
  const script = asWebsocat(a.log.all(), url).replaceAll(id, other.id);
  // Typing goes on behind it; whoever reads this line has closed the input. It goes when it has been answered.
  await run('timeout', ['60', 'sh', '-c', `{ while :; do curl -s --noproxy 127.0.0.1 ${server.base}/session/${other.id}/ | grep -q 김치 && break; done; } | ${script.split('\n').at(-2)}`]);
  const { state } = await other.get();
  assert.deepEqual(state.items.map((/** @type {any} */ one) => one.item), ['김치 $HOME `x` "5"']);
});

test('what was said stays in a comment of a websocat line', () => {
  const log = new Log();
  log.push(entry('note', '', { kind: 'connect', json: true }));
  log.push(entry('out', '{"id":1,\n"extend":\r\n{}}'));
  log.push(entry('in', 'x\nreboot'));
  const lines = asWebsocat(log.all(), 'ws://127.0.0.1:8000/ws/x/').trim().split(/[\r\n]+/);
  assert.deepEqual(lines.map((line) => line.split(' ')[0]), ['#', '#', 'websocat']);
});

test('a story begins where a connection begins, and says what is missing', () => {
  const log = new Log(3);
  for (const text of ['a', 'b', 'c', 'd']) log.push(entry('out', text));
  const told = story([{ label: 'A', log }], true);
  assert.deepEqual(told.steps, []);
  assert.equal(told.notes.length, 2);
});

test('who comes back twice is given the epoch by the connection that was told it', () => {
  const log = new Log();
  const seat = '73c9439d5e4594f889a09b8db8763757';
  const epoch = '3bc0561009ca0c7d';
  const resume = `{"resume":{"seat":"${seat}","epoch":"${epoch}","seq":1}}`;
  const hello = { you: 1, name: 'Mina', seat };
  for (const [said, heard] of /** @type {[string, any][]} */ ([
    ['{"join":{}}', { ...hello, resumed: false, epoch, seq: 1 }],
    [resume, { ...hello, resumed: true }],
    [resume, { ...hello, resumed: true }],
  ])) {
    log.push(entry('note', '', { kind: 'connect', json: true }));
    log.push(entry('note', '', { kind: 'open' }));
    log.push(entry('out', said));
    log.push(entry('in', JSON.stringify({ hello: heard })));
  }
  const says = story([{ label: 'A', log }], true).steps.flatMap((step) => (step.does === 'say' ? [step.line] : []));
  const parts = says.map((line) => line.filter((part) => typeof part !== 'string').map(({ of, what }) => `${of}.${what}`));
  assert.deepEqual(parts, [[], ['a.seat', 'a.epoch', 'a.seq'], ['a2.seat', 'a.epoch']]);
});
