// A recording that is the same each time, as two members could have made it.

import { entry, Log } from '../../../web/live/log.js';

const SEAT = '73c9439d5e4594f889a09b8db8763757';
const EPOCH = '3bc0561009ca0c7d';

/** @returns {{ label: string, log: Log }[]} */
export function recording() {
  const [a, b] = [new Log(), new Log()];
  const note = (/** @type {Log} */ log, /** @type {string} */ kind, more = {}) => log.push(entry('note', kind, { kind, ...more }));
  const says = (/** @type {Log} */ log, /** @type {string} */ text) => log.push(entry('out', text));
  const hears = (/** @type {Log} */ log, /** @type {any} */ value) => log.push(entry('in', JSON.stringify(value)));

  note(a, 'connect', { json: true });
  note(a, 'open');
  says(a, '{"join":{"name":"Mina"}}');
  hears(a, { hello: { you: 1, name: 'Mina', seat: SEAT, resumed: false, epoch: EPOCH, seq: 1, state: { items: [] } } });
  note(b, 'connect', { json: false });
  hears(a, { event: { seq: 2, joined: { member: 2, name: 'guest 2' } } });
  note(b, 'open');
  hears(b, []);
  says(a, '{"id":1,"add":{"item":"김치찌개"}}');
  hears(a, { ack: { id: 1, seq: 3 } });
  hears(a, { event: { seq: 3, by: 1, change: { added: { number: 1, item: '김치찌개', name: 'Mina' } } } });
  hears(b, ['김치찌개']);
  says(b, 'add:it\'s "5\\6"\u202e');
  hears(b, { error: { code: 'bad_item', message: 'not this' } });
  log(b, ['add:r"#', ['김치찌개', 'r"#']], ['nonsense', { error: { code: 'bad_command', message: 'say add:ITEM' } }]);
  hears(a, { event: { seq: 4, by: 2, change: { added: { number: 2, item: 'r"#', name: 'guest 2' } } } });
  note(a, 'close', { code: 3000 });
  note(a, 'closed', { code: 3000 });
  log(b, ['remove:김치찌개', ['r"#']]);
  note(a, 'connect', { json: true });
  note(a, 'open');
  says(a, `{"resume":{"seat":"${SEAT}","epoch":"${EPOCH}","seq":4}}`);
  hears(a, { hello: { you: 1, name: 'Mina', seat: SEAT, resumed: true } });
  hears(a, { event: { seq: 5, away: { member: 1, until: 1795300605023 } } });
  hears(a, { event: { seq: 6, by: 2, change: { removed: { number: 1 } } } });
  hears(a, { event: { seq: 7, back: { member: 1 } } });
  log(a, ['{"id":1,"add":{"item":"pizza"}}', { error: { id: 1, code: 'conflict', message: 'another' } }]);
  a.push(entry('out', '0102', { kind: 'binary' }));
  note(a, 'closed', { code: 1003 });
  note(b, 'close', { code: 1000 });
  note(b, 'closed', { code: 1000 });
  return [{ label: 'A', log: a }, { label: 'B', log: b }];

  /** @param {Log} of @param {[string, any][]} said with what was heard */
  function log(of, ...said) {
    for (const [text, answer] of said) {
      says(of, text);
      hears(of, answer);
    }
  }
}
