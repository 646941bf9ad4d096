// A network that fails on request: TCP, in front of a port.

import net from 'node:net';

/** Node 20 never exits after a reset of a socket that is just being ended. @param {net.Socket} socket */
const reset = (socket) => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy());

/**
 * @param {import('node:test').TestContext} t
 * @param {number} target the port of the server
 */
export async function proxy(t, target) {
  /** @type {Set<{ client: net.Socket, server: net.Socket }>} */
  const pairs = new Set();
  /** @type {'nothing' | 'answers' | 'all'} */
  let lost = 'nothing';
  let refusing = false;
  const listener = net.createServer((client) => {
    if (refusing) return void reset(client);
    const server = net.connect(target, '127.0.0.1');
    const pair = { client, server };
    pairs.add(pair);
    client.on('data', (data) => lost === 'all' || server.write(data));
    server.on('data', (data) => lost === 'nothing' && client.write(data));
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      // An end of the connection is not passed on either.
      socket.on('close', () => lost === 'all' || (client.destroy(), server.destroy(), pairs.delete(pair)));
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', () => resolve(null)));
  const address = /** @type {net.AddressInfo} */ (listener.address());
  const cut = () => {
    for (const { client, server } of pairs) {
      reset(client);
      reset(server);
    }
  };
  t.after(() => {
    cut();
    listener.close();
  });
  return {
    /** From now on it leads to another port. @param {number} port */
    to: (port) => (target = port),
    /** The same address through this proxy. @param {string} url */
    through: (url) => url.replace(/:\d+\//, `:${address.port}/`),
    /** Ends all connections without a goodbye. */
    cut,
    /** Everything sent from now on is lost silently. @param {'nothing' | 'answers' | 'all'} what */
    lose: (what) => (lost = what),
    /** New connections are refused. @param {boolean} on */
    refuse: (on) => (refusing = on),
  };
}
