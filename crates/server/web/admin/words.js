// Times, lengths, sizes and hidden things, as an operator reads them.

import { h } from '../live/dom.js';
import { reason } from './reason.js';

/** A moment, by this browser's clock and zone. @param {number | null | undefined} ms */
export function when(ms) {
  if (typeof ms !== 'number') return '–';
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return '–';
  return h('time', { datetime: at.toISOString(), title: at.toISOString() }, moment(at));
}

/** @param {Date} at */
function moment(at) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** As a field for a date and a time has it. @param {number} ms */
export const field = (ms) => moment(new Date(ms)).replace(' ', 'T').slice(0, 16);

const UNITS = /** @type {const} */ ([['d', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1000]]);

/** A length of time, by its two largest units. @param {number | null | undefined} ms */
export function lasting(ms) {
  if (typeof ms !== 'number') return '–';
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const first = UNITS.findIndex(([, length]) => ms >= length);
  /** @type {string[]} */
  const said = [];
  let rest = ms;
  for (const [unit, length] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) said.push(`${count} ${unit}`);
  }
  return said.join(' ');
}

/** How long ago, or how long until. @param {number | null | undefined} ms @param {number} now */
export function away(ms, now) {
  if (typeof ms !== 'number') return '–';
  return ms > now ? `in ${lasting(ms - now)}` : `${lasting(now - ms)} ago`;
}

/** @param {number} count */
export const bytes = (count) => (count < 1024 ? `${count} B` : count < 1_048_576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`);

/** Whether the node keeps this from us; once there is a reason, somebody has written just that. @param {unknown} value */
export const isHidden = (value) => reason() === '' && value === '(hidden)';

/** What stands for a hidden thing. */
export const veil = () => h('span', { class: 'veil', title: '“Show names” shows it' }, 'hidden');

/** A name or a title. @param {string | null | undefined} value */
export const said = (value) => (isHidden(value) ? veil() : typeof value === 'string' ? h('bdi', {}, value) : '–');

/** Why a visit ended or was refused, for those codes whose text leaves a question. @type {Record<string, string>} */
const MEANINGS = {
  1000: 'The client left.',
  1001: 'The page was closed, or went elsewhere.',
  1005: 'The client closed without saying why.',
  1006: 'The network, or the program, ended without a word; without WebSocket, a closed page too. Most clients come back by themselves.',
  1002: 'What came was not WebSocket: a program that is broken, or a proxy.',
  1009: 'More than --max-message-bytes.',
  1012: 'This node was told to end. Clients come back by themselves, elsewhere.',
  1013: 'The store did not answer, or the stored room cannot be read: the log says which.',
  4400: 'The first message, or twenty in a row, made no sense: an old client, or none of ours.',
  4401: 'The seat was given up, mostly because nobody came back within --seat-grace.',
  4403: 'All seats were taken (--seats).',
  4404: 'The room was unknown, or had expired.',
  4408: 'A ping had no answer: the network was gone, the device slept, or a proxy cuts quiet connections.',
  4409: 'The same seat was taken by a newer connection: a second tab, or a client that came back before its old connection was missed.',
  4410: 'The room’s time was up, or the store lost it.',
  4411: 'The host or an operator asked this member to leave.',
  4412: 'An operator closed the room.',
  4413: 'What was sent was not taken for --outbox-seconds, or grew past --outbox-bytes: a slow network. Clients come back by themselves.',
  4429: 'Far more commands than --command-rate: a program that floods.',
  bad_command: 'The first message made no sense: an old client, or none of ours.',
  dismissed: 'The host or an operator had asked this person to leave.',
  draining: 'This node was told to end, so it took nobody new.',
  foreign_origin: 'A page of another site asked. --allowed-origin can allow it.',
  no_seat: 'The seat had been given up, mostly because nobody came back within --seat-grace.',
  not_found: 'The room was unknown, or had expired.',
  rate_limited: 'Too much from this address: --join-rate. Behind a proxy: is it named by --trusted-proxy?',
  room_full: 'All seats were taken (--seats).',
  taken_over: 'A newer connection had this seat already.',
  timeout: 'Connected, but no first message came within 5 s.',
  unavailable: 'The store did not answer, or takes no changes: the log says why.',
  upgrade_required: 'No WebSocket handshake: a proxy may drop the Upgrade header.',
};

/** @param {number | string | null} code */
export const meaning = (code) => (code === null ? '' : (MEANINGS[code] ?? ''));
