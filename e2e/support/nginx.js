// A proxy that lets no WebSocket through, as many companies have one: nginx without the lines for `Upgrade`.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.js';

/**
 * It buffers answers, as nginx does without being told otherwise, and asks each node in turn.
 * @param {string} dir
 * @param {string} socket
 * @param {number[]} ports
 */
const conf = (dir, socket, ports) => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${dir}/pid;
error_log ${dir}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  upstream nodes {
    ${ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join('\n    ')}
    keepalive 8;
  }
  server {
    listen unix:${socket};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_next_upstream error timeout http_503 non_idempotent;
    location / { proxy_pass http://nodes; }
  }
}
`;

/**
 * @param {import('node:test').TestContext} t
 * @param {{ port: number }[]} nodes
 * @returns {Promise<string>} its address
 */
export async function withoutUpgrade(t, nodes) {
  const dir = mkdtempSync(join(tmpdir(), 'tablecast-nginx-'));
  const socket = join(dir, 'socket');
  writeFileSync(join(dir, 'conf'), conf(dir, socket, nodes.map(({ port }) => port)));
  const child = spawn('nginx', ['-p', dir, '-c', join(dir, 'conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
  // nginx cannot listen on a port that nobody knows yet, so it listens on a socket, and this passes on.
  /** @type {Set<net.Socket>} */
  const open = new Set();
  const listener = net.createServer((client) => {
    const inner = net.connect(socket);
    for (const [one, other] of /** @type {const} */ ([[client, inner], [inner, client]])) {
      open.add(one);
      one.on('error', () => {});
      one.on('close', () => (other.destroy(), open.delete(one)));
      one.pipe(other);
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', () => resolve(null)));
  t.after(async () => {
    for (const one of open) one.destroy();
    listener.close();
    child.kill('SIGTERM');
    await ended;
    rmSync(dir, { recursive: true, maxRetries: 10 });
  });
  const base = `http://127.0.0.1:${/** @type {net.AddressInfo} */ (listener.address()).port}`;
  const answers = () => {
    if (child.exitCode !== null) throw new Error(`nginx ended; \`cargo xtask test\` installs it: ${said}`);
    return fetch(`${base}/healthz`).then((answer) => answer.ok, () => false);
  };
  await until('nginx answers', answers, Boolean);
  return base;
}
