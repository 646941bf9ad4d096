// A proxy that serves a site under a path, and nothing else.

import http from 'node:http';
import net from 'node:net';

/**
 * @param {import('node:test').TestContext} t
 * @param {number} port of the server
 * @param {string} path without a slash at the end
 * @param {boolean} strips whether the server is asked without the path
 * @returns {Promise<string>} the address of the proxy
 */
export async function below(t, port, path, strips) {
  /** The request for the server; null for addresses outside the path. @param {string} url */
  const inside = (url) => (url.startsWith(`${path}/`) ? (strips ? url.slice(path.length) : url) : null);
  const proxy = http.createServer((request, response) => {
    const { url = '', method, headers } = request;
    const asked = inside(url);
    if (asked === null) return void response.writeHead(404).end('not the site');
    const on = http.request({ port, host: '127.0.0.1', method, path: asked, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    on.on('error', () => response.destroy());
    request.pipe(on);
  });
  proxy.on('upgrade', (/** @type {http.IncomingMessage} */ { url = '', rawHeaders }, /** @type {net.Socket} */ client, head) => {
    const asked = inside(url);
    if (asked === null) return client.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    const server = net.connect(port, '127.0.0.1');
    const lines = rawHeaders.map((text, n) => text + (n % 2 ? '\r\n' : ': '));
    server.write(`GET ${asked} HTTP/1.1\r\n${lines.join('')}\r\n`);
    server.write(head);
    for (const [one, other] of /** @type {const} */ ([[client, server], [server, client]])) {
      one.on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(null)));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${/** @type {net.AddressInfo} */ (proxy.address()).port}`;
}
