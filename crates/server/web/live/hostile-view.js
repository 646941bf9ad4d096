// A window with hostile messages: the expected answer, and beside it the received one.

import { button, h } from './dom.js';
import { CASES, play, playAs } from './hostile.js';
import { open as openWindow } from './script-view.js';
import { open as openSocket } from './socket.js';

/** How many run at once, each with a seat of its own. */
const AT_ONCE = 3;

/** How many characters of an answer are shown. */
const SHOWN = 160;

/**
 * @param {string} url of the room's socket
 * @param {import('./member.js').Member[]} members those who may send it themselves
 */
export function showHostile(url, members) {
  const able = members.filter(({ state }) => state === 'open');
  const by = h('select', { 'aria-label': 'Sent by' }, h('option', { value: '' }, 'a connection of its own'), ...able.map(({ label, dialect }) => h('option', { value: label }, `${label} (${dialect})`)));
  const score = h('span', { role: 'status' });
  const rows = CASES.map((hostile) => {
    const answer = h('td', { class: 'answer' });
    const run = async () => {
      const member = able.find(({ label }) => label === by.value);
      const cannot = member && (member.dialect !== hostile.dialect || hostile.first !== undefined || member.state !== 'open');
      running.disabled = true;
      answer.className = 'answer';
      answer.textContent = cannot ? `not by ${member.label}` : '…';
      const verdict = cannot ? null : await (member ? playAs(hostile, member) : play(hostile, url, openSocket));
      running.disabled = false;
      if (!verdict) {
        if (!cannot) answer.textContent = 'does not apply to this server';
        return true;
      }
      answer.classList.add(verdict.expected ? 'right' : 'wrong');
      answer.replaceChildren(`${verdict.expected ? '✓' : '✗'} ${verdict.answer}`, h('code', {}, verdict.frame.slice(0, SHOWN)));
      return verdict.expected;
    };
    const running = button('Send', run, { 'aria-label': `Send ${hostile.name}` });
    return { run, row: h('tr', {}, h('td', {}, running), h('td', {}, hostile.name, h('code', {}, preview(hostile))), h('td', {}, hostile.dialect), h('td', {}, hostile.expect), answer) };
  });
  const all = button('Send all', async () => {
    all.disabled = true;
    let [right, next] = [0, 0];
    const work = async () => {
      for (let one = rows[next++]; one; one = rows[next++]) {
        if (await one.run()) right += 1;
        score.textContent = `${right} of ${rows.length} as expected`;
      }
    };
    await Promise.all(Array.from({ length: by.value ? 1 : AT_ONCE }, work));
    all.disabled = false;
  }, { class: 'primary' });
  openWindow('Rubbish', h('div', { class: 'bar' }, h('label', {}, 'Sent by ', by), all, score),
    h('p', { class: 'hint' }, 'The expected answers are those of docs/protocol.md. “error” means that the connection stays. This needs three seats of the room.'),
    h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...['Try', 'What', 'Dialect', 'Expected', 'Came'].map((name) => h('th', {}, name)))), h('tbody', {}, ...rows.map(({ row }) => row)))));
}

/** @param {import('./hostile.js').Case} hostile */
function preview(hostile) {
  const [said] = hostile.first === undefined ? hostile.say({ message_bytes: 16384, commands_per_second: 10, command_burst: 20 }) : [hostile.first];
  if (said === undefined || said === '') return '';
  const text = typeof said === 'string' ? JSON.stringify(said).slice(1, -1).replaceAll('\\"', '"') : [...said].map((byte) => byte.toString(16)).join(' ');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
