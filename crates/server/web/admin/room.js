// One room: its seats, its connections on this node, its state and its last events.

import { button, h } from '../live/dom.js';
import { fill } from '../lib/dom.js';
import { Newest, get, post } from './api.js';
import { choice } from './choice.js';
import { cells, facts, heading, table } from './parts.js';
import { addressOf } from './place.js';
import { reason } from './reason.js';
import { Replay } from './replay.js';
import { away, bytes, lasting, said, when } from './words.js';

export class RoomView {
  #room;
  #newest = new Newest();
  #replay;
  #failed;
  #seq = -1;
  #shownFor = '';
  #facts = h('div');
  #seats = table('Seats', ['Member', 'Name', 'Is', 'Node', 'Kept by', '']);
  #connections = table('Connections on this node', ['Member', 'Address', 'By', 'Since', 'Round trip', 'Outbox']);
  #close = button('Close the room…', () => void this.#closed(), { class: 'danger', disabled: true });
  element;

  /** @param {string} room @param {{ failed: (error: unknown) => void }} page */
  constructor(room, { failed }) {
    this.#room = room;
    this.#failed = failed;
    this.title = `Room ${room}`;
    this.#replay = new Replay(room, failed);
    this.element = h('section', { class: 'stack', 'aria-label': 'Room' }, heading('Room ', h('code', {}, room)),
      h('div', { class: 'bar' }, h('a', { href: addressOf('visits', '', { room }) }, 'Visits of this room'), h('span', { class: 'gap' }), this.#close),
      this.#facts, h('h3', {}, 'Seats'), this.#seats.element, h('h3', {}, 'Connections on this node'), this.#connections.element, this.#replay.element);
  }

  /** Each answer with names is a line of the log, so then only who asks for it gets another. */
  get live() {
    return reason() === '';
  }

  /** @param {import('./place.js').Query} query */
  async show({ at }) {
    this.#seq = -1;
    this.#replay.goTo(at === undefined ? undefined : Number(at));
    await this.refresh();
  }

  async refresh() {
    /** @type {import('./api.js').OpenRoom | undefined} */
    const room = await this.#newest.ask((signal) => get(`rooms/${encodeURIComponent(this.#room)}`, {}, signal));
    if (!room) return;
    const now = Date.now();
    this.#facts.replaceChildren(facts([
      ['Position', h('span', {}, String(room.position.seq), h('span', { class: 'hint' }, ` in epoch ${room.position.epoch}`))],
      ['Members, connections, watchers', `${room.members}, ${room.connections}, ${room.watchers}`],
      ['Opened', h('span', {}, when(room.opened_at), ` · ${away(room.opened_at, now)}`)],
      ['Expires', h('span', {}, when(room.expires_at), ` · ${away(room.expires_at, now)}`)],
    ]));
    this.#close.disabled = false;
    fill(this.#seats.rows, ...room.seats.map((seat) => h('tr', {}, ...cells(seat.member, said(seat.name), h('span', { class: seat.here ? 'good' : 'hint' }, seat.here ? 'here' : 'away'), h('code', {}, seat.node ?? '–'), seat.person ? 'a person’s key' : 'the seat alone',
      button('Ask to leave…', () => void this.#dismissed(seat), { class: 'danger', 'aria-label': `Ask to leave… member ${seat.member}` })))));
    fill(this.#connections.rows, ...room.connections_here.map((one) => h('tr', {}, ...cells(one.member ?? 'watches', one.address ?? '–', `${one.transport}, ${one.dialect}`,
      h('span', {}, when(one.since), ` · ${lasting(now - one.since)}`), one.round_trip_ms === null ? '–' : `${one.round_trip_ms.toFixed(1)} ms`, outbox(one.outbox)))));
    if (room.seats.length === 0) this.#seats.rows.append(h('tr', {}, h('td', { colspan: '6', class: 'hint' }, 'Nobody has a seat.')));
    if (room.connections_here.length === 0) this.#connections.rows.append(h('tr', {}, h('td', { colspan: '6', class: 'hint' }, 'Nobody is connected to this node.')));
    // Also when names are shown or hidden again: then the same events read differently.
    if (room.position.seq === this.#seq && this.#shownFor === reason()) return;
    [this.#seq, this.#shownFor] = [room.position.seq, reason()];
    try {
      await this.#replay.refresh({ position: room.position, state: room.state, event: null });
    } catch (error) {
      // The next time they are asked for again.
      this.#seq = -1;
      throw error;
    }
  }

  async #closed() {
    const done = await choice({
      title: 'Close the room',
      says: [
        `Everybody in room ${this.#room} is sent away now, on all nodes, and told that the room was closed (4412). All seats are given up.`,
        'Clients do not come back by themselves. The room stays stored until it expires, and whoever opens its link again may join it.',
      ],
      does: 'Close this room',
      act: () => post(`rooms/${encodeURIComponent(this.#room)}/close`),
    });
    if (done) await this.refresh().catch(this.#failed);
  }

  /** @param {import('./api.js').Seat} seat */
  async #dismissed(seat) {
    const done = await choice({
      title: `Ask member ${seat.member} to leave`,
      says: [
        'The member is told so (4411), and the seat is free at once. Votes and dishes stay.',
        seat.person ? 'It is a person with a key: the same person cannot take a seat in this room again.' : 'The seat cannot be taken up again. Without a person’s key the same people can come back as somebody new.',
      ],
      does: 'Ask to leave',
      act: () => post(`rooms/${encodeURIComponent(this.#room)}/dismiss`, { member: seat.member }),
    });
    if (done) await this.refresh().catch(this.#failed);
  }

  end() {
    this.#newest.end();
    this.#replay.end();
  }
}

/** @param {import('./api.js').Connection['outbox']} of */
function outbox({ frames, bytes: size, oldest_ms }) {
  if (frames === 0) return 'empty';
  return h('span', { class: 'warm' }, `${frames} frames, ${bytes(size)}${oldest_ms === null ? '' : `, the oldest waits ${lasting(oldest_ms)}`}`);
}
