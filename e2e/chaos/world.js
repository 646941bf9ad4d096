// The machines of a run: servers, Redis, the connections between them, and their faults.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { environment, program } from '../../clients/js/test/support/server.js';
import { proxy } from './proxy.js';

/** @import { Outage, Plan, Trouble } from './types.js' */
/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/** @typedef {import('./proxy.js').Proxy} Proxy */
/** @typedef {Awaited<ReturnType<typeof world>>} World */

/** Only a hanging run takes this long, also on a busy machine, ms. */
const DEADLINE = 60_000;

/** More than this between two checks of a deadline means that the machine is too busy, ms. */
const BREATH = 100;

/** Only Linux has it. */
const SHARED_MEMORY = '/dev/shm';

/** Children must not outlive this process, however it ends. @type {Set<ChildProcess>} */
const children = new Set();
/** @type {Set<string>} */
const directories = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const dir of directories) rmSync(dir, { recursive: true, force: true });
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => process.exit(1));

/** @param {ChildProcess} child */
export function track(child) {
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

/** @param {ChildProcess} child */
const runs = (child) => child.exitCode === null && child.signalCode === null;

/** @param {ChildProcess} child @param {NodeJS.Signals} signal */
async function end(child, signal) {
  if (!runs(child)) return;
  const ended = once(child, 'close');
  child.kill(signal);
  // A stopped process reacts only to SIGKILL.
  if (signal !== 'SIGKILL') child.kill('SIGCONT');
  await ended;
}

/**
 * A deadline that counts only time in which this process ran: on a machine that is far too busy it comes later.
 * @param {number} ms
 * @returns {() => boolean} whether it has passed; must be asked every 20 to 50 ms
 */
export function deadline(ms) {
  let left = ms;
  let last = Date.now();
  return () => {
    const now = Date.now();
    left -= Math.min(now - last, BREATH);
    last = now;
    return left <= 0;
  };
}

/** @param {string | (() => string)} what @param {() => Promise<boolean>} is */
export async function until(what, is) {
  for (const isLate = deadline(DEADLINE); !(await is()); ) {
    if (isLate()) throw new Error(`not in time: ${typeof what === 'string' ? what : what()}`);
    await pause(20);
  }
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {string} dir */
async function redis(dir) {
  const path = join(dir, 'redis.sock');
  const args = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--dir', dir];
  /** @type {ChildProcess} */
  let child;
  const answers = () =>
    new Promise((resolve) => {
      const socket = net.connect(path, () => socket.write('PING\r\n'));
      socket.on('data', (data) => (resolve(data.includes('PONG')), socket.destroy()));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
    });
  const start = async () => {
    child = track(spawn('redis-server', args, { stdio: 'ignore' }));
    child.once('error', (cause) => {
      throw new Error('redis-server is missing; `cargo xtask test` installs it', { cause });
    });
    await until('Redis answers', answers);
  };
  await start();
  return {
    path,
    start,
    /** @param {NodeJS.Signals} signal */
    signal: (signal) => child.kill(signal),
    kill: () => end(child, 'SIGKILL'),
  };
}

/**
 * @param {string} dir
 * @param {string[]} options
 */
async function node(dir, options) {
  let host = '';
  /** @type {ChildProcess} */
  let child;
  let log = '';
  // On a free port each time: another process may have the old one now.
  const start = async () => {
    child = track(spawn(program(), ['serve', '--listen', '127.0.0.1:0', ...options], { cwd: dir, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] }));
    child.stderr?.on('data', (data) => (log += data));
    child.once('error', (error) => (log += error));
    const output = /** @type {import('node:stream').Readable} */ (child.stdout);
    for await (const line of createInterface({ input: output })) {
      host = /http:\/\/([\d.:]+)/.exec(line)?.[1] ?? '';
      if (host === '') continue;
      output.resume();
      return;
    }
    throw new Error(`the server ended: ${log}`);
  };
  await start();
  return {
    base: () => `http://${host}`,
    port: () => Number(host.split(':')[1]),
    start,
    log: () => log,
    runs: () => runs(child),
    /** @param {NodeJS.Signals} signal */
    signal: (signal) => child.kill(signal),
    /** @param {NodeJS.Signals} signal */
    end: (signal) => end(child, signal),
  };
}

/**
 * Starts everything that a plan needs, with a room.
 * @param {Plan} plan
 */
export async function world(plan) {
  // In memory if possible: synced data survives a killed process there, and no disk slows it down.
  const dir = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), 'tablecast-chaos-'));
  directories.add(dir);
  const store = plan.store === 'redis' ? await redis(dir) : null;
  /** Between each node and Redis. @type {Proxy[]} */
  const storeWays = [];
  const nodes = await Promise.all(
    Array.from({ length: plan.nodes }, async (_, n) => {
      if (!store) return node(dir, [...plan.options, '--store', 'memory']);
      const way = await proxy({ path: store.path });
      storeWays[n] = way;
      return node(dir, [...plan.options, '--store', `redis://127.0.0.1:${way.port}`]);
    }),
  );
  const at = (/** @type {number} */ n) => /** @type {typeof nodes[0]} */ (nodes[n]);
  const ready = () => Promise.all(nodes.map(({ base }) => until('a node is ready', () => answered(`${base()}/readyz`))));
  await ready();
  // Between each client and its node.
  const ways = await Promise.all(plan.clients.map((n) => proxy({ port: at(n).port() })));
  let id = '';
  // A busy Redis may not answer in time; then try again.
  await until('a room is made', async () => {
    const made = await fetch(`${at(0).base()}/session/`, { method: 'POST' });
    if (made.ok) ({ id } = /** @type {{ id: string }} */ (await made.json()));
    return made.ok;
  });

  /** Sends the clients of a node to another one, or back, or nowhere. @param {number} n @param {number | null} to */
  const balance = (n, to) => plan.clients.forEach((home, who) => home === n && ways[who]?.to(to === null ? null : { port: at(to).port() }));

  /** @param {Outage} outage */
  async function befall(outage) {
    if (!('node' in outage)) {
      if (outage.do === 'stopRedis') store?.signal('SIGSTOP');
      else await store?.kill();
      await pause(outage.for);
      if (outage.do === 'stopRedis') store?.signal('SIGCONT');
      else await store?.start();
    } else {
      const one = at(outage.node);
      const other = (outage.node + 1) % plan.nodes;
      if (outage.balanced) balance(outage.node, other);
      if (outage.do === 'stopNode') one.signal('SIGSTOP');
      else {
        await one.end(outage.do === 'killNode' ? 'SIGKILL' : 'SIGTERM');
        // Another process may take its port.
        if (!outage.balanced || other === outage.node) balance(outage.node, null);
      }
      await pause(outage.for);
      if (outage.do === 'stopNode') one.signal('SIGCONT');
      else await one.start();
      balance(outage.node, outage.node);
    }
  }

  /** @param {Proxy | undefined} way @param {Trouble} trouble */
  async function trouble(way, trouble) {
    if (!way) return;
    switch (trouble.do) {
      case 'cut':
      case 'end':
      case 'halfOpen':
      case 'loseAnswers':
        return way[trouble.do]();
      case 'delay':
        way.delay(trouble.by);
        await pause(trouble.for);
        return way.delay(0);
      case 'refuse':
      case 'swallow':
        way[trouble.do](true);
        // Connected clients would not notice.
        way.cut();
        await pause(trouble.for);
        return way[trouble.do](false);
      default:
        way[trouble.do](true);
        await pause(trouble.for);
        return way[trouble.do](false);
    }
  }

  return {
    id,
    dir,
    nodes,
    ways,
    /** Where a client connects. @param {number} who */
    base: (who) => `http://127.0.0.1:${ways[who]?.port}`,
    befall,
    /** @param {number} who @param {Trouble} what */
    trouble: (who, what) => trouble(ways[who], what),
    /** @param {number} n @param {Trouble} what */
    storeTrouble: (n, what) => trouble(storeWays[n], what),
    /** Lets everything run, without faults. */
    async heal() {
      for (const way of [...ways, ...storeWays]) way.heal();
      await ready();
    },
    /** The room according to a node; null if it is gone. @param {number} n @returns {Promise<any>} */
    async look(n) {
      const answer = await fetch(`${at(n).base()}/session/${id}/`, { signal: AbortSignal.timeout(10_000) });
      if (answer.status === 404) return null;
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return answer.json();
    },
    async close() {
      await Promise.all(nodes.map((one) => one.end('SIGKILL')));
      await store?.kill();
      for (const way of [...ways, ...storeWays]) way.close();
      rmSync(dir, { recursive: true, force: true });
      directories.delete(dir);
    },
  };
}

/** @param {string} url */
const answered = (url) =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
