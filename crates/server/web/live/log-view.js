// The log of one member as a list: one line for each entry, and the whole text on demand.

import { button, copy, h } from './dom.js';
import { line, matches, time } from './log.js';

/** How many characters of a message its line shows. */
const SHOWN = 400;

/** Within this distance of the newest line, in pixels, the list keeps following new lines. */
const NEAR = 40;

const SIGNS = { in: '◂', out: '▸', note: '·' };
const WORDS = { in: 'heard', out: 'said', note: 'note' };

export class LogView {
  #member;
  #last = 0;
  #scheduled = false;
  #epoch = '';
  #filter = h('input', {
    type: 'search', placeholder: 'Filter: event -ack', 'aria-label': 'Filter the log; a minus excludes a word', autocomplete: 'off', spellcheck: 'false',
    oninput: () => this.#again(),
  });
  #pretty = h('input', { type: 'checkbox', onchange: () => this.#again() });
  #count = h('small', { class: 'hint' });
  #list = h('ol', { class: 'log', tabindex: '0' });

  /** @param {import('./member.js').Member} member */
  constructor(member) {
    this.#member = member;
    this.#list.setAttribute('aria-label', `Log of ${member.label}`);
    const copying = button('Copy', () => copy(this.#shown().map(line).join('\n'), copying), { class: 'quiet' });
    const clearing = button('Clear', () => {
      member.clear();
      this.#again();
    }, { class: 'quiet' });
    this.element = h('div', { class: 'logging' },
      h('div', { class: 'bar' }, this.#filter, h('label', { class: 'quiet' }, this.#pretty, 'Pretty'), copying, clearing, this.#count),
      this.#list,
    );
    member.addEventListener('entry', () => this.#soon());
  }

  #shown() {
    return this.#member.log.all().filter((one) => matches(one, this.#filter.value));
  }

  #again() {
    this.#last = 0;
    this.#epoch = '';
    this.#list.replaceChildren();
    this.#show();
  }

  #soon() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#show();
    });
  }

  /** Adds the new entries; the list is as short as the log. */
  #show() {
    const list = this.#list;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    const shown = this.#shown();
    const fresh = shown.filter(({ n }) => n > this.#last);
    list.append(...fresh.map((one) => this.#row(one)));
    while (list.childElementCount > shown.length) list.firstElementChild?.remove();
    this.#last = shown.at(-1)?.n ?? this.#last;
    if (follows) list.scrollTop = list.scrollHeight;
    const { length, lost } = this.#member.log;
    this.#count.textContent = `${shown.length === length ? '' : `${shown.length} of `}${length}${lost > 0 ? `, ${lost} older gone` : ''}`;
  }

  /** @param {import('./log.js').Entry} one */
  #row(one) {
    const changed = one.epoch !== undefined && one.epoch !== this.#epoch;
    if (changed) this.#epoch = one.epoch ?? '';
    const position = one.seq === undefined ? '' : `${changed ? `${this.#epoch.slice(0, 4)}·` : ''}${one.seq}`;
    const took = one.took === undefined ? '' : `${one.took < 10 ? one.took.toFixed(1) : Math.round(one.took)} ms`;
    const text = one.text.length > SHOWN ? `${one.text.slice(0, SHOWN)}… (${one.text.length})` : one.text || '(empty)';
    const head = h('summary', {},
      h('time', {}, time(one)), h('span', { class: 'sign', role: 'img', 'aria-label': WORDS[one.way] }, SIGNS[one.way]),
      h('code', {}, text), h('span', { class: 'took' }, took), h('span', { class: 'position', title: one.epoch ? `epoch ${one.epoch}` : '' }, position),
    );
    const whole = h('details', { ontoggle: () => {
      if (whole.childElementCount > 1) return;
      whole.append(h('pre', {}, one.value === undefined ? one.text : JSON.stringify(one.value, null, 2)));
    } }, head);
    whole.open = this.#pretty.checked && typeof one.value === 'object' && one.value !== null;
    return h('li', { class: one.way, 'data-kind': one.kind }, whole);
  }
}
