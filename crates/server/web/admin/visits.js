// Who came, who was refused and who was closed, and why: the newest 10,000 of this node.

import { h } from '../live/dom.js';
import { Newest, get } from './api.js';
import { cells, heading, table } from './parts.js';
import { addressOf } from './place.js';
import { askReason, reason } from './reason.js';
import { field, lasting, meaning, said, when } from './words.js';

const LIMIT = 200;

/** What else the node is asked for. */
const FILTERS = ['name', 'room', 'member', 'address', 'code'];

/** Minutes before and after the time that somebody names. */
const WITHIN = ['1', '5', '15', '60'];

export class VisitsView {
  title = 'Visits';
  live = false;
  #newest = new Newest();
  /** @type {import('./place.js').Query} */
  #query = {};
  #fields = {
    name: input('name', 'Name', { title: 'Needs a reason, since names are hidden' }),
    room: input('room', 'Room', { size: 36, spellcheck: 'false' }),
    member: input('member', 'Member', { inputmode: 'numeric', size: 6 }),
    address: input('address', 'Address', { spellcheck: 'false' }),
    code: input('code', 'Code', { size: 14, placeholder: '4413, room_full', spellcheck: 'false' }),
    around: input('around', 'Around', { type: 'datetime-local' }),
    within: h('select', { id: 'visit-within', name: 'within' }, ...WITHIN.map((minutes) => h('option', { value: minutes }, `± ${minutes} min`))),
  };
  #count = h('p', { class: 'hint', role: 'status' });
  #table = table('Visits', ['When', 'What', 'Why', 'Who', 'Room', 'Address', 'By', 'Lasted']);
  element = h('section', { class: 'stack', 'aria-label': 'Visits' }, heading('Visits'),
    h('form', { class: 'filters', role: 'search', onsubmit: (event) => {
      event.preventDefault();
      void this.#search();
    } }, ...Object.values(this.#fields).map((one) => (one instanceof HTMLInputElement ? h('div', { class: 'field' }, h('label', { for: one.id }, one.dataset['label'] ?? ''), one)
      : h('div', { class: 'field' }, h('label', { for: one.id, class: 'spoken' }, 'How many minutes around'), one))),
    h('button', { class: 'primary' }, 'Search'), h('a', { href: addressOf('visits') }, 'All')),
    this.#count, this.#table.element);

  /** @param {import('./place.js').Query} query */
  async show(query) {
    this.#query = query;
    const { around, within, ...fields } = this.#fields;
    for (const [name, one] of Object.entries(fields)) one.value = query[name] ?? '';
    const at = Number(query['around']);
    around.value = at > 0 ? field(at) : '';
    within.value = WITHIN.includes(query['within'] ?? '') ? (query['within'] ?? '') : '5';
    await this.refresh();
  }

  async refresh() {
    if (this.#query['name'] && reason() === '') {
      this.#newest.end();
      this.#table.rows.replaceChildren();
      this.#count.textContent = 'Names are hidden. To search by one, show them first.';
      return;
    }
    const { around, within = '5' } = this.#query;
    const query = Object.fromEntries(FILTERS.map((name) => [name, this.#query[name]]));
    const reach = (Number(within) || 5) * 60_000;
    // Somebody who says 12:03 means all of that minute.
    const times = Number(around) > 0 ? { from: Number(around) - reach, until: Number(around) + 60_000 + reach } : {};
    const seen = await this.#newest.ask((signal) => get('visits', { ...query, ...times, limit: LIMIT }, signal));
    if (!seen) return;
    /** @type {import('./api.js').Visit[]} */
    const visits = seen.visits;
    this.#table.rows.replaceChildren(...visits.map((visit) => h('tr', { 'data-what': visit.what }, ...row(visit))));
    const more = visits.length >= LIMIT ? `The newest ${LIMIT} of them: narrow the search to see others.` : `${visits.length === 0 ? 'Nothing' : visits.length} found.`;
    const since = typeof seen.oldest_at === 'number' ? [' This node remembers them since ', when(seen.oldest_at)] : [];
    if (since.length && typeof seen.oldest_refusal_at === 'number') since.push(', refusals since ', when(seen.oldest_refusal_at));
    this.#count.replaceChildren(more, ...since, ...(since.length ? ['.'] : []));
  }

  async #search() {
    const { around, within, ...fields } = this.#fields;
    if (fields.name.value.trim() !== '' && reason() === '' && !(await askReason())) return;
    const query = Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.value.trim()]));
    const at = around.value === '' ? undefined : new Date(around.value).getTime();
    const address = addressOf('visits', '', { ...query, around: at, within: at === undefined ? undefined : within.value });
    if (location.hash === address) await this.refresh();
    else location.hash = address;
  }

  end() {
    this.#newest.end();
  }
}

/** @param {string} name @param {string} label @param {import('../lib/dom.js').Props} [props] */
const input = (name, label, props = {}) => h('input', { id: `visit-${name}`, name, 'data-label': label, autocomplete: 'off', ...props });

/** @param {import('./api.js').Visit} visit */
function row({ at, what, room, member, name, address, dialect, transport, code, reason, lasted_ms }) {
  const why = code === null ? '–' : h('div', {}, h('strong', {}, `${code} `), reason ?? '', h('div', { class: 'hint' }, meaning(code)));
  const who = h('div', {}, said(name), ' ', member === null ? '' : h('a', { href: addressOf('visits', '', { room, member }), title: 'All visits of this member' }, `member ${member}`));
  return cells(when(at), h('span', { class: 'what' }, what), why, who, h('a', { href: addressOf('room', room) }, room),
    address === null ? '–' : h('a', { href: addressOf('visits', '', { address }), title: 'All visits from this address' }, address), [transport, dialect].filter(Boolean).join(', ') || '–', lasting(lasted_ms));
}
