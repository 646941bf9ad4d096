import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, Log, matches } from '../../web/live/log.js';
import { Member } from '../../web/live/member.js';
import { idIn, wishes } from '../../web/live/rooms.js';

test('a log keeps the newest in order, and counts what it lost', () => {
  const log = new Log(3);
  for (const text of ['1', '2', '3', '4', '5']) log.push(entry('in', text));
  assert.deepEqual(log.all().map(({ text }) => text), ['3', '4', '5']);
  assert.equal(log.lost, 2);
  log.clear();
  log.push(entry('in', '6'));
  assert.deepEqual([log.length, log.lost, log.all()[0]?.text], [1, 0, '6']);
});

test('an entry knows its kind and position, whatever it is', () => {
  const kinds = [
    '{"hello":{"epoch":"9f68ba476b802138","seq":3}}', '{"ack":{"id":1,"seq":4}}', '{"id":7,"add":{"item":"x"}}',
    '["pizza"]', 'add:pizza', 'null', '7', '{}', '{"__proto__":{}}',
  ].map((text) => entry('in', text).kind);
  assert.deepEqual(kinds, ['hello', 'ack', 'add', 'menu', 'line', 'line', 'line', 'line', '__proto__']);
  const { epoch, seq } = entry('in', '{"hello":{"epoch":"9f68ba476b802138","seq":3}}');
  assert.deepEqual([epoch, seq], ['9f68ba476b802138', 3]);
  assert.equal(entry('in', '{"event":{"seq":"3"}}').seq, undefined);
});

test('a filter wants each word, and none that has a minus', () => {
  const ack = entry('in', '{"ack":{"id":1,"seq":4}}');
  for (const filter of ['', 'ack', 'ACK < "id":1', '-event', '< -event']) assert.ok(matches(ack, filter), filter);
  for (const filter of ['event', '-ack', '>', 'ack event']) assert.ok(!matches(ack, filter), filter);
});

test('a room is found in an id and in any address of it', () => {
  const id = '32cd8a37-d116-4cf7-ab54-ad14cb7df569';
  for (const pasted of [
    id, ` ${id}\n`, `/ws/${id}/`, `https://host/r/${id}`, `http://host/session/${id}/`, `https://host/docs/live#room=${id}&members=json`,
    `http://host/docs/live#members=text&room=${id}`, `wss://host/ws/${id}`,
  ]) {
    assert.equal(idIn(pasted), id, pasted);
  }
  for (const pasted of ['', 'two words', 'https://host/', `${id}${id}`, `/r/${id}${id}`, '<b>', '../x']) assert.equal(idIn(pasted), '', pasted);
});

test('a link says which room, and which members', () => {
  assert.deepEqual(wishes('#room=abc&members=json,text,json'), { room: 'abc', members: ['json', 'text', 'json'] });
  assert.deepEqual(wishes('#members=xml,,%20text&room=%2F'), { room: '', members: ['text'] });
  assert.deepEqual(wishes(''), { room: '', members: [] });
});

test('of an end the log says who ended it and with what, not the answer alone', () => {
  /** @param {{ code: number, reason: string }} last what comes last @param {(member: Member) => void} [end] */
  const ends = (last, end) => {
    /** @type {import('../../web/live/socket.js').Ends | undefined} */
    let socket;
    const closed = () => socket?.closed(last.code, last.reason);
    const member = new Member({
      label: 'A', dialect: 'text', url: 'ws://host/ws/x/',
      open: (_url, _protocols, ends) => ((socket = ends), { send() {}, close: closed, pause: null }),
    });
    member.connect();
    socket?.opened('');
    if (end) end(member);
    else closed();
    return member.log.all().at(-1)?.text;
  };
  const left = { code: 1000, reason: 'left' };
  assert.equal(ends(left, (member) => member.drop()), 'closed 3000 dropped; the server answered 1000 left');
  assert.equal(ends(left, (member) => member.leave()), 'closed 1000 left');
  // The server was quicker, or never answered.
  assert.equal(ends({ code: 4410, reason: 'room expired' }, (member) => member.drop()), 'closed 4410 room expired');
  assert.equal(ends({ code: 1006, reason: '' }, (member) => member.drop()), 'closed 1006');
  assert.equal(ends({ code: 4413, reason: 'reading too slowly' }), 'closed 4413 reading too slowly');
});
