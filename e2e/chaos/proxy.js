// A network that fails on request: TCP, in front of a port or a socket of this machine. Bytes that were lost on a
// connection stay lost: nothing after them comes through, as with TCP.

import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The target of the proxy. @typedef {{ port: number } | { path: string }} Target */

/** @typedef {Awaited<ReturnType<typeof proxy>>} Proxy */

/** Sizes of pieces, in bytes: within heads, lengths and characters. */
const PIECES = [1, 2, 1, 5, 3, 40, 7, 200, 1, 1000];

/** @typedef {{ client: net.Socket, server: net.Socket, silent: boolean, lost: { there: boolean, back: boolean } }} Pair */

/**
 * @param {Target | null} target null: connections are refused
 */
export async function proxy(target) {
  /** @type {Set<Pair>} */
  const pairs = new Set();
  let stalled = false;
  let refusing = false;
  let swallowing = false;
  let splitting = false;
  let delay = 0;
  /** @type {(() => void)[]} */
  let waiting = [];

  /**
   * @param {Pair} pair
   * @param {net.Socket} from
   * @param {net.Socket} to
   * @param {'there' | 'back'} way
   */
  async function pump(pair, from, to, way) {
    try {
      for await (const chunk of from) {
        // sleep: the requested delay of the network
        if (delay) await sleep(delay);
        while (stalled) await new Promise((resolve) => waiting.push(() => resolve(null)));
        if (pair.lost[way]) continue;
        for (const piece of splitting ? pieces(chunk) : [chunk]) {
          if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
          // sleep: so that this piece is sent separately
          if (splitting) await sleep(1);
        }
      }
      while (stalled) await new Promise((resolve) => waiting.push(() => resolve(null)));
      if (!pair.silent) to.end();
    } catch {
      // One side was reset, and so is the other.
      if (!pair.silent) reset(to);
    }
  }

  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => {});
    if (refusing || !target) return reset(client);
    const server = net.connect({ ...target, allowHalfOpen: true, noDelay: true });
    server.on('error', () => {});
    const pair = { client, server, silent: swallowing, lost: { there: swallowing, back: swallowing } };
    pairs.add(pair);
    void Promise.all([pump(pair, client, server, 'there'), pump(pair, server, client, 'back')]).then(() => pairs.delete(pair));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (listener.address());

  /** @param {boolean} on */
  const stall = (on) => {
    stalled = on;
    if (on) return;
    for (const go of waiting) go();
    waiting = [];
  };
  const cut = () => {
    for (const { client, server } of pairs) {
      reset(client);
      reset(server);
    }
  };
  /** Everything on these connections is lost silently from now on. @param {boolean} both */
  const lose = (both) => {
    for (const pair of pairs) {
      pair.silent ||= both;
      pair.lost.back = true;
      pair.lost.there ||= both;
    }
  };
  return {
    port,
    /** New connections go to this target. @param {Target | null} next */
    to: (next) => (target = next),
    /** Ends all connections without a goodbye. */
    cut,
    /** Ends all connections as a process that closes its sockets. */
    end: () => pairs.forEach(({ client, server }) => (client.end(), server.end())),
    halfOpen: () => lose(true),
    loseAnswers: () => lose(false),
    /** Stops all bytes; they continue afterwards. */
    stall,
    /** New connections are reset. @param {boolean} on */
    refuse: (on) => (refusing = on),
    /** New connections are accepted but not passed on. @param {boolean} on */
    swallow: (on) => (swallowing = on),
    /** Bytes arrive in small pieces. @param {boolean} on */
    split: (on) => (splitting = on),
    /** Delays each piece by this much, ms. @param {number} ms */
    delay: (ms) => (delay = ms),
    /** Ends all faults for new connections. */
    heal: () => {
      refusing = swallowing = splitting = false;
      delay = 0;
      stall(false);
    },
    close: () => {
      stall(false);
      cut();
      listener.close();
    },
  };
}

/** @param {net.Socket} socket */
function reset(socket) {
  // Unix sockets have no reset.
  if (socket.remoteAddress) socket.resetAndDestroy();
  else socket.destroy();
}

/** @param {Buffer} chunk */
function* pieces(chunk) {
  for (let at = 0, n = 0; at < chunk.length; n++) {
    const size = PIECES[n % PIECES.length] ?? 1;
    yield chunk.subarray(at, at + size);
    at += size;
  }
}
