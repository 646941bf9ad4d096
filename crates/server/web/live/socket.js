// One WebSocket. If the browser has `WebSocketStream`, reading can pause: data then stays in the network,
// as for a program that hangs. A plain `WebSocket` always reads.

/**
 * @typedef {object} Ends
 * @property {(protocol: string) => void} opened
 * @property {(data: string | Uint8Array) => void} heard
 * @property {(code: number, reason: string) => void} closed
 */

/**
 * @typedef {object} Socket
 * @property {(data: string | Uint8Array<ArrayBuffer>) => void} send
 * @property {(code: number, reason: string) => void} close
 * @property {((paused: boolean) => void) | null} pause null: not possible here
 */

/** @typedef {(url: string, protocols: string[], ends: Ends) => Socket} Open */

/** No close frame came. */
const ABNORMAL = 1006;

/** @type {Open} */
export function open(url, protocols, ends) {
  const { WebSocketStream } = /** @type {any} */ (globalThis);
  return WebSocketStream ? streaming(new WebSocketStream(url, { protocols }), ends) : plain(url, protocols, ends);
}

/** @type {Open} */
export function plain(url, protocols, ends) {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => ends.opened(socket.protocol);
  socket.onmessage = ({ data }) => ends.heard(typeof data === 'string' ? data : new Uint8Array(data));
  socket.onclose = ({ code, reason }) => ends.closed(code, reason);
  return {
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    pause: null,
  };
}

/**
 * @param {any} stream a `WebSocketStream` @param {Ends} ends
 * @returns {Socket}
 */
function streaming(stream, ends) {
  /** @type {WritableStreamDefaultWriter | null} */
  let writer = null;
  let mayRead = Promise.resolve();
  let goOn = () => {};

  const read = async () => {
    const { readable, writable, protocol } = await stream.opened;
    writer = writable.getWriter();
    ends.opened(protocol);
    const reader = readable.getReader();
    for (;;) {
      await mayRead;
      const { value, done } = await reader.read();
      if (done) return;
      // Data on its way into this loop waits as well.
      await mayRead;
      ends.heard(value);
    }
  };
  // The end is reported below.
  const reading = read().catch(() => {});
  const told = async (/** @type {number} */ code, /** @type {string} */ reason) => {
    await reading;
    ends.closed(code, reason);
  };
  stream.closed.then(
    (/** @type {any} */ how) => told(how.closeCode ?? 1005, how.reason ?? ''),
    (/** @type {any} */ error) => told(error?.closeCode ?? ABNORMAL, error?.reason ?? ''),
  );
  return {
    // A write fails only if the connection is gone, which `closed` reports.
    send: (data) => void writer?.write(data).catch(() => {}),
    close: (closeCode, reason) => stream.close({ closeCode, reason }),
    pause: (paused) => {
      goOn();
      if (paused) mayRead = new Promise((resolve) => (goOn = resolve));
    },
  };
}
