// Three members of a real room, recorded as the console does: one comes back, one speaks text.

import { Member } from '../../../web/live/member.js';
import { open } from './sockets.js';

/** Nothing here takes this long unless it hangs. */
const DEADLINE = 60_000;

/**
 * Waits for an entry that is so, also among those that came before.
 * @param {Member} member @param {(one: import('../../../web/live/log.js').Entry) => unknown} is
 */
export function until(member, is) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${member.label} never had ${is}: ${JSON.stringify(member.log.all())}`)), DEADLINE);
    const look = () => {
      if (!member.log.all().some(is)) return;
      clearTimeout(late);
      member.removeEventListener('entry', look);
      resolve(undefined);
    };
    member.addEventListener('entry', look);
    look();
  });
}

/** @param {string} label @param {import('../../../web/live/member.js').Dialect} dialect @param {string} url */
export const member = (label, dialect, url) => new Member({ label, dialect, url, open });

/** @param {string} url of a new room's socket */
export async function record(url) {
  const a = member('A', 'json', url);
  a.connect('{"join":{"name":"Mina"}}');
  await until(a, ({ kind }) => kind === 'hello');
  const b = member('B', 'text', url);
  b.connect();
  await until(b, ({ kind }) => kind === 'menu');
  await until(a, ({ value }) => value?.event?.joined);

  a.say('{"id":1,"add":{"item":"김치찌개"}}');
  await until(a, ({ value }) => value?.event?.change);
  await until(b, ({ text }) => text === '["김치찌개"]');
  b.say('add:it\'s "5\\6"');
  await until(b, ({ value }) => value?.length === 2);
  await until(a, ({ seq }) => seq === 4);
  b.say('nonsense');
  await until(b, ({ kind }) => kind === 'error');

  a.drop();
  await until(a, ({ kind }) => kind === 'closed');
  b.say('remove:김치찌개');
  await until(b, ({ value }) => value?.length === 1 && value[0] !== '김치찌개');
  a.connect(JSON.stringify({ resume: { seat: a.seat, epoch: a.epoch, seq: a.seq } }));
  await until(a, ({ value }) => value?.event?.back);
  a.say('{"id":1,"add":{"item":"pizza"}}');
  await until(a, ({ value }) => value?.error?.code === 'conflict');
  a.sayBinary(new Uint8Array([1, 2]));
  await until(a, ({ code }) => code === 1003);
  b.leave();
  await until(b, ({ code, kind }) => kind === 'closed' && code === 1000);
  return [a, b];
}
