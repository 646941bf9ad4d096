// The real server, as a child process.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRoom } from 'tablecast-client';

const HOW = 'build it with `cargo build -p tablecast-server` and set TABLECAST_BIN to its path, target/debug/tablecast';

/** Switches off the limits that many clients of one address would reach. */
export const UNLIMITED = ['--create-rate', '0', '--join-rate', '0', '--command-rate', '0'];

/** The server's path. */
export function program() {
  const path = process.env['TABLECAST_BIN'];
  if (!path) throw new Error(`this needs the server: ${HOW}`);
  if (!existsSync(path)) throw new Error(`there is no ${path}: ${HOW}`);
  return path;
}

/** Without the settings of the user who runs this. */
export const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TABLECAST_|RUST_LOG)/.test(name)));

/** @param {import('node:test').TestContext} t */
export async function serve(t, args = UNLIMITED) {
  const path = program();
  const dir = mkdtempSync(join(tmpdir(), 'tablecast-client-'));
  // A store answers when it is its turn, on a slow machine late.
  const env = { ...environment(), TABLECAST_STORE_TIMEOUT: '30s' };
  const store = args.includes('--store') ? [] : ['--store', 'memory'];
  const child = spawn(path, ['serve', '--listen', '127.0.0.1:0', ...store, ...args], { cwd: dir, env });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let error = '';
  child.stderr.on('data', (data) => (error += data));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(dir, { recursive: true });
  });

  let base = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/[\d.:]+/.exec(line)?.[0];
    if (!address) continue;
    base ||= address;
    if (args.includes('--admin-listen') && !line.startsWith('operators:')) continue;
    return {
      base,
      /** Where the operators' page is, if the options say so. */
      operators: address,
      port: Number(new URL(base).port),
      /** The state of the process, for a test that cannot reach it. */
      state: () => ({ exitCode: child.exitCode, signal: child.signalCode, said: error }),
      room: async () => {
        const { id, url } = await createRoom(base);
        /** @returns {Promise<any>} */
        const get = async () => (await fetch(`${base}/session/${id}/`)).json();
        return { id, url, get };
      },
      /** @param {NodeJS.Signals} signal */
      kill: async (signal) => {
        child.kill(signal);
        await ended;
      },
    };
  }
  await ended;
  throw new Error(`the server ended: ${error}`);
}
