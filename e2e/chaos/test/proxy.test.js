import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { proxy } from '../proxy.js';

/** An echo server, and a proxy in front of it. @param {import('node:test').TestContext} t */
async function echo(t) {
  const server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const way = await proxy({ port: /** @type {net.AddressInfo} */ (server.address()).port });
  t.after(() => (way.close(), server.close()));
  const connect = async () => {
    const socket = net.connect(way.port, '127.0.0.1');
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    socket.setEncoding('utf8');
    let heard = '';
    socket.on('data', (data) => (heard += data));
    /** @param {string} text */
    const hears = async (text) => {
      while (!heard.includes(text)) await once(socket, 'data');
    };
    return { socket, hears, heard: () => heard };
  };
  return { way, connect };
}

test('bytes in pieces are the same bytes', async (t) => {
  const { way, connect } = await echo(t);
  way.split(true);
  const { socket, hears, heard } = await connect();
  const text = '김치찌개 '.repeat(50);
  socket.write(`${text}.`);
  await hears('.');
  equal(heard(), `${text}.`);
});

test('what was stalled comes afterwards, in order', async (t) => {
  const { way, connect } = await echo(t);
  const { socket, hears, heard } = await connect();
  way.stall(true);
  socket.write('a');
  const other = await connect();
  other.socket.write('x');
  socket.write('b');
  equal(heard(), '');
  way.stall(false);
  await hears('ab');
  await other.hears('x');
});

test('what was lost stays lost, and nobody is told; a new connection is a good one', async (t) => {
  const { way, connect } = await echo(t);
  const first = await connect();
  first.socket.write('a');
  await first.hears('a');
  way.halfOpen();
  first.socket.write('b');
  const second = await connect();
  second.socket.write('c');
  await second.hears('c');
  deepEqual([first.heard(), first.socket.readyState], ['a', 'open']);
});

test('a cut is told to both, and a refused connection to who makes it', async (t) => {
  const { way, connect } = await echo(t);
  const { socket, hears } = await connect();
  socket.write('a');
  await hears('a');
  const closed = (/** @type {net.Socket} */ one) => new Promise((resolve) => one.once('close', resolve));
  const cut = closed(socket);
  way.cut();
  await cut;
  way.refuse(true);
  const refused = net.connect(way.port, '127.0.0.1');
  refused.on('error', () => {});
  await closed(refused);
});
