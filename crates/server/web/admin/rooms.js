// The rooms that are open on this node.

import { button, h } from '../live/dom.js';
import { fill, show } from '../lib/dom.js';
import { Newest, get } from './api.js';
import { cells, heading, table } from './parts.js';
import { addressOf } from './place.js';
import { away } from './words.js';

/** Rooms a page. */
const PAGE = 100;

export class RoomsView {
  title = 'Rooms';
  live = true;
  #newest = new Newest();
  #search = '';
  #pages = 1;
  #field = h('input', { id: 'search', type: 'search', placeholder: 'a part of the id', autocomplete: 'off', spellcheck: 'false' });
  #count = h('p', { class: 'hint', role: 'status' });
  #table = table('Rooms', ['Room', 'Members', 'Connections', 'Watchers', 'Position', 'Opened', 'Expires']);
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  #more = button('More', () => void this.#further(), { hidden: true });
  element = h('section', { class: 'stack', 'aria-label': 'Rooms' }, heading('Rooms'),
    h('form', { class: 'bar', role: 'search', onsubmit: (event) => {
      event.preventDefault();
      location.hash = addressOf('rooms', '', { search: this.#field.value.trim() });
    } }, h('label', { for: 'search' }, 'Search'), this.#field, h('button', { class: 'primary' }, 'Search')),
    this.#count, this.#table.element, h('div', { class: 'bar' }, this.#more));
  #failed;

  /** @param {{ failed: (error: unknown) => void }} page */
  constructor({ failed }) {
    this.#failed = failed;
  }

  /** @param {import('./place.js').Query} query */
  async show({ search = '', pages = '1' }) {
    this.#search = search;
    this.#pages = Math.max(1, Math.floor(Number(pages)) || 1);
    this.#field.value = search;
    await this.refresh();
  }

  async refresh() {
    const seen = await this.#newest.ask(async (signal) => {
      /** @type {import('./api.js').Room[]} */
      const rooms = [];
      let [after, open] = ['', 0];
      for (let page = 0; page < this.#pages; page += 1) {
        const answer = await get('rooms', { search: this.#search, limit: PAGE, after }, signal);
        rooms.push(...answer.rooms);
        open = answer.open;
        after = answer.next ?? '';
        if (after === '') break;
      }
      return { rooms, open, isAll: after === '' };
    });
    if (!seen) return;
    const { rooms, open, isAll } = seen;
    const now = Date.now();
    // A room that moved from one page to the next while they were read would be there twice.
    const once = [...new Map(rooms.map((room) => [room.id, room])).values()];
    show(this.#table.rows, once, {
      key: ({ id }) => id,
      make: ({ id }) => h('tr', {}, h('th', { scope: 'row' }, h('a', { href: addressOf('room', id) }, id))),
      update: (row, room) => fill(row, row.firstElementChild, ...cells(
        String(room.members), String(room.connections), String(room.watchers), h('span', { title: `epoch ${room.position.epoch}` }, String(room.position.seq)),
        away(room.opened_at, now), away(room.expires_at, now))),
    }, this.#rows);
    this.#more.hidden = isAll;
    const found = once.length === 0 ? 'None' : `${once.length}${isAll ? '' : ' or more'}`;
    this.#count.textContent = this.#search === '' ? `${open} open on this node${isAll ? '' : `, the first ${once.length} are shown`}.` : `${found} of ${open} open here: their id has “${this.#search}”.`;
  }

  async #further() {
    this.#pages += 1;
    // So that it is the same after going to a room and back.
    history.replaceState(null, '', addressOf('rooms', '', { search: this.#search, pages: this.#pages }));
    await this.refresh().catch(this.#failed);
  }

  end() {
    this.#newest.end();
  }
}
