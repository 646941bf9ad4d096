// The other side of the browser: servers, Redis, and an address in front of them.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { proxy } from '../../clients/js/test/support/proxy.js';
import { UNLIMITED, serve } from '../../clients/js/test/support/server.js';
import { until } from './wait.js';

/** @typedef {import('node:test').TestContext} TestContext */

/** A server at an address, ready. @typedef {Awaited<ReturnType<typeof site>>} Site */

/** Options: short enough to wait for a table's end, and long enough for everybody busy there, also on a slow machine. */
export const BRIEF = ['--room-ttl', '12s'];

/**
 * @param {TestContext} t
 * @param {string[]} [options] of `tablecast serve`
 */
export async function site(t, options = []) {
  const server = await serve(t, [...UNLIMITED, ...options]);
  const gone = (/** @type {unknown} */ cause) => {
    throw new Error(`the server cannot be reached: ${inspect(server.state())}`, { cause });
  };
  const ready = () => fetch(`${server.base}/readyz`).then((answer) => answer.ok, gone);
  await until('the server is ready', ready, Boolean);
  return server;
}

/**
 * A database that outlives its server.
 * @param {TestContext} t
 * @returns {string} the store, as an option of the server
 */
export function sqlite(t) {
  const dir = mkdtempSync(join(tmpdir(), 'tablecast-e2e-'));
  // The server may still write.
  t.after(() => rmSync(dir, { recursive: true, maxRetries: 10 }));
  return `sqlite:${join(dir, 'tablecast.db')}`;
}

/**
 * A separate Redis; its data ends with it.
 * @param {TestContext} t
 * @returns {Promise<string>} the store, as an option of the server
 */
export async function redis(t) {
  const dir = mkdtempSync(join(tmpdir(), 'tablecast-e2e-'));
  const socket = join(dir, 'redis.sock');
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', dir]);
  const ended = new Promise((resolve) => child.once('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(dir, { recursive: true });
  });
  const failed = new Promise((_, reject) => {
    const how = 'redis-server is missing or ended; `cargo xtask test` installs it';
    child.once('error', (cause) => reject(new Error(how, { cause })));
    void ended.then(() => reject(new Error(how)));
  });
  /** @type {Promise<void>} */
  const listens = new Promise((resolve) => {
    let said = '';
    child.stdout.on('data', (data) => (said += data).includes('eady to accept connections') && resolve());
  });
  await Promise.race([listens, failed]);
  failed.catch(() => {});
  return `redis+unix://${socket}`;
}

/**
 * One address in front of a site, which can be moved to another site. So a site can restart although another
 * process may have taken its old port.
 * @param {TestContext} t
 * @param {Site} first
 */
export async function front(t, first) {
  const network = await proxy(t, first.port);
  return {
    base: network.through(`${first.base}/`).replace(/\/$/, ''),
    /** @param {Site} next */
    moveTo: (next) => {
      network.to(next.port);
      network.cut();
    },
    cut: network.cut,
    lose: network.lose,
    refuse: network.refuse,
  };
}
