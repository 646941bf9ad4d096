// Against the real server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createConnections } from 'node:net';
import { test } from 'node:test';
import { createRoom, roomUrl } from 'tablecast-client';
import { WebSocket } from 'ws';
import { proxy } from './support/proxy.js';
import { items, join, live, until } from './support/rooms.js';
import { UNLIMITED, serve } from './support/server.js';

test('two members see the same list, and each other', async (t) => {
  const server = await serve(t);
  const { url, get } = await server.room();
  const mina = join(t, url, { name: 'Mina' });
  const jun = join(t, url, { name: 'Jun' });
  await Promise.all([live(mina), live(jun)]);

  await mina.add('김치찌개');
  // Read your own writes: no waiting in between.
  assert.deepEqual(items(mina), ['김치찌개']);
  await Promise.all([mina.add('pizza'), mina.vote('김치찌개'), jun.add('pasta'), jun.rename('Jun K')]);
  await jun.vote(1);
  await mina.unvote(1);
  await mina.remove('pizza');
  const last = await jun.vote('pasta');
  const [a, b, there] = await Promise.all([
    until(mina, (view) => view.position?.seq === last),
    until(jun, (view) => view.position?.seq === last),
    get(),
  ]);
  assert.deepEqual(a.state, there.state);
  assert.deepEqual(b.state, there.state);
  assert.deepEqual(a.members, there.members);
  assert.deepEqual(b.members, there.members);
  assert.deepEqual(there.state.items.map((/** @type {any} */ { item, votes }) => [item, votes.length]), [['김치찌개', 1], ['pasta', 1]]);
});

test('refusals come to their sender with the server\'s code', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const mina = join(t, url);
  await assert.rejects(mina.remove('sushi'), { name: 'RoomError', code: 'not_found' });
  await assert.rejects(mina.add('  '), { code: 'empty' });
  await assert.rejects(mina.add('a\nb'), { code: 'bad_item' });
  await assert.rejects(mina.send('drop', {}), { code: 'bad_command' });
  await assert.rejects(mina.add('x'.repeat(20_000)), { code: 'too_long' });
  // The server cannot read it, so the answer has no number; still the promise is settled.
  await assert.rejects(mina.add('half of a pair: \ud83c'), { code: 'bad_command' });
  await assert.rejects(mina.send('', {}), { code: 'bad_command' });
  await assert.rejects(mina.send('ask'), { code: 'bad_command' });
  await assert.rejects(mina.send('add', null), { code: 'bad_command' });
  const before = mina.view.position?.seq ?? NaN;
  assert.equal(await mina.send('extend'), before + 1);
  assert.equal(mina.view.status, 'live');
  assert.match(mina.view.me?.name ?? '', /^guest /);
});

test('a name that is not allowed, and a room that is not there, end it with the reason', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const long = join(t, url, { name: 'x'.repeat(41) });
  const lost = join(t, roomUrl(server.base, 'nobody'));
  assert.equal((await until(long, (view) => view.status === 'ended')).reason?.code, 'too_long');
  const { reason } = await until(lost, (view) => view.status === 'ended');
  assert.deepEqual([reason?.code, reason?.closeCode], ['not_found', 4404]);
});

test('the eleventh is told that the room is full, and gets in when somebody left', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const ten = Array.from({ length: 10 }, () => join(t, url));
  await Promise.all(ten.map(live));
  const late = join(t, url, { name: 'Late' });
  const { reason, retryAt } = await until(late, (view) => view.status === 'offline');
  assert.equal(reason?.code, 'room_full');
  const wait = (retryAt ?? 0) - Date.now();
  assert.ok(wait > 25_000 && wait <= 60_000, `${wait}`);

  ten[0]?.close();
  await until(/** @type {any} */ (ten[1]), (view) => view.members.length === 9);
  late.retryNow();
  assert.equal((await live(late)).me?.name, 'Late');
});

test('whoever takes the seat over has it; the other ends and may take it back', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const tab = join(t, url, { name: 'Mina' });
  await tab.add('a');
  const other = join(t, url, { saved: tab.saved });
  await live(other);
  assert.equal((await until(tab, (view) => view.status === 'ended')).reason?.code, 'taken_over');
  assert.equal(other.view.me?.id, tab.view.me?.id);
  await other.add('b');
  tab.retryNow();
  await live(tab);
  assert.deepEqual(items(tab), ['a', 'b']);
  await until(other, (view) => view.status === 'ended');
});

test('who comes back by themselves leaves the seat to the tab that has it now', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const net = await proxy(t, server.port);
  const older = join(t, net.through(url), { name: 'Mina' });
  await live(older);
  net.refuse(true);
  net.cut();
  await until(older, (view) => view.status === 'offline');
  const newer = join(t, url, { saved: older.saved });
  await live(newer);
  net.refuse(false);
  older.retryNow();
  assert.equal((await until(older, (view) => view.status === 'ended')).reason?.code, 'taken_over');
  await newer.add('a');
  assert.equal(newer.view.status, 'live');
  older.retryNow();
  await live(older);
  await until(newer, (view) => view.status === 'ended');
});

test('leaving gives the seat up at once', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const [mina, jun] = [join(t, url), join(t, url)];
  await Promise.all([live(mina), live(jun)]);
  await until(mina, (view) => view.members.length === 2);
  const left = new Promise((resolve) => mina.listen('left', resolve));
  jun.close();
  assert.deepEqual(await left.then(({ left: { member } }) => member), jun.view.me?.id);
  assert.equal(mina.view.members.length, 1);
});

test('a server that restarts without its rooms ends them; one that drains is come back to', async (t) => {
  const server = await serve(t);
  const { url } = await server.room();
  const net = await proxy(t, server.port);
  const mina = join(t, net.through(url));
  await mina.add('a');
  await server.kill('SIGTERM');
  const { reason } = await until(mina, (view) => view.status === 'offline');
  assert.ok(['restarting', 'disconnected'].includes(reason?.code ?? ''), reason?.code);
  assert.deepEqual(items(mina), ['a']);
  assert.equal(mina.view.stale, true);
  const waiting = mina.add('b');
  net.to((await serve(t)).port);
  mina.retryNow();
  await assert.rejects(waiting, { code: 'not_found', closeCode: 4404 });
  assert.equal(mina.view.status, 'ended');
});

test('a connection that says nothing is asked, and the answer is heard', async (t) => {
  const server = await serve(t, ['--ping-interval', '100ms']);
  const { url } = await server.room();
  const mina = join(t, url);
  const jun = join(t, url);
  await Promise.all([live(mina), live(jun)]);
  const { seq } = (await until(mina, (view) => view.members.length === 2)).position ?? { seq: NaN };
  // Each answer changes the view; nothing else does here.
  for (let answers = 0; answers < 5; answers++) await once(mina, 'view');
  assert.deepEqual([mina.view.status, mina.view.position?.seq, mina.view.pending], ['live', seq, []]);
  assert.equal(await jun.add('a'), seq + 1);
});

test('a room is made, or the refusal is a typed error', async (t) => {
  const server = await serve(t, ['--create-rate', '1']);
  const room = await createRoom(`${server.base}/some-page?x#y`);
  assert.equal(room.url, roomUrl(server.base, room.id));
  assert.equal(room.page, `${server.base}/r/${room.id}`);
  assert.ok(room.expires_at > room.now && room.seats === 10);
  await assert.rejects(createRoom(server.base, /** @type {any} */ ({ title: 7 })), { name: 'RoomError', code: 'bad_request', status: 400 });
  // The burst is allowed before the limit applies.
  const flood = async () => {
    for (let rooms = 0; rooms < 20; rooms++) await createRoom(server.base);
  };
  await assert.rejects(flood(), (/** @type {any} */ error) => {
    return error.code === 'rate_limited' && error.status === 429 && error.retryAfter > 0;
  });
  await server.kill('SIGKILL');
  await assert.rejects(createRoom(server.base), { name: 'RoomError', code: 'disconnected', message: /cannot be reached/ });
  assert.equal(roomUrl('https://lunch.example/?y', 'a/b'), 'wss://lunch.example/ws/a%2Fb/');
  assert.equal(roomUrl('https://lunch.example/lunch/', 'a'), 'wss://lunch.example/lunch/ws/a/');
});

test('a room of a site below a path is made and joined there', async (t) => {
  const server = await serve(t, [...UNLIMITED, '--base-path', '/lunch']);
  // The server answers without the path as well; a proxy that has other sites beside it does not.
  const front = createConnections((client) => {
    client.once('data', (head) => {
      if (!/^[A-Z]+ \/lunch\//.test(String(head))) return client.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      const through = connect(server.port, '127.0.0.1', () => through.write(head));
      client.pipe(through).pipe(client);
      for (const end of [client, through]) end.on('error', () => [client, through].forEach((one) => one.destroy()));
    });
  });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', () => resolve(null)));
  t.after(() => front.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (front.address());
  const base = `http://127.0.0.1:${port}/lunch/`;
  const room = await createRoom(base, { title: 'Friday' });
  assert.equal(room.page, `${base}r/${room.id}`);
  assert.equal(room.url, `ws://127.0.0.1:${port}/lunch/ws/${room.id}/`);
  const mina = join(t, room.url, { name: 'Mina' });
  await live(mina);
  await mina.add('pizza');
  const there = await (await fetch(`${server.base}/session/${room.id}/`)).json();
  assert.deepEqual([there.state.title, there.state.items.length], ['Friday', 1]);
});

test('an answer that is not the server\'s, or none that a page may read, is told as what it is', async (t) => {
  /** @type {[status: number, body: string]} */
  let answer = [502, '<h1>Bad Gateway</h1>'];
  const other = createServer((_, response) => response.writeHead(answer[0], { 'Retry-After': '7' }).end(answer[1]));
  await new Promise((resolve) => other.listen(0, '127.0.0.1', () => resolve(null)));
  t.after(() => other.close());
  const { port } = /** @type {import('node:net').AddressInfo} */ (other.address());
  const base = `http://127.0.0.1:${port}`;
  await assert.rejects(createRoom(base), { name: 'RoomError', code: 'disconnected', status: 502, retryAfter: 7 });
  for (const body of ['null', '"ok"', '{}']) {
    answer = [200, body];
    await assert.rejects(createRoom(base), { name: 'RoomError', code: 'internal', status: 200, message: `${base} answers 200, and not as a Tablecast server does` });
  }
  answer = [418, 'null'];
  await assert.rejects(createRoom(base), { code: 'internal', status: 418 });

  // As in a page of another site, which gets a network error for an answer that it may not read.
  const page = /** @type {any} */ (globalThis);
  t.after(() => delete page.location);
  const fails = t.mock.method(globalThis, 'fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  page.location = { origin: 'https://lunch.example' };
  await assert.rejects(createRoom(base), { code: 'disconnected', message: /does not allow https:\/\/lunch\.example \(--allowed-origin\)/ });
  page.location = { origin: base };
  await assert.rejects(createRoom(base), ({ code, message }) => code === 'disconnected' && !message.includes('allow'));
  fails.mock.restore();
});

test('a server that ends while somebody is being let in says that it restarts, and not goodbye', async (t) => {
  const server = await serve(t, [...UNLIMITED, '--drain-timeout', '1s']);
  const { id } = await server.room();
  // A client without a first message is in no room, so no room can close it.
  const socket = new WebSocket(roomUrl(server.base, id), 'tablecast.v1');
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await server.kill('SIGTERM');
  assert.equal((await closed)[0], 1012);
});
