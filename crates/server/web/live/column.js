// One member as a column: the connection, the composer, and the log.

import { Composer } from './compose.js';
import { announce, button, h } from './dom.js';
import { LogView } from './log-view.js';
import { ending } from './member.js';

const STATES = { idle: 'not connected', connecting: 'connecting', open: 'open', closing: 'closing', closed: 'closed' };

const BACK = {
  no: 'Do not come back automatically.',
  soon: 'Come back soon: after a random wait of up to 0.5 s, then up to twice as long each time, at most 20 s.',
  later: 'Come back later: after 30 to 60 s.',
};

/** Codes that no server sends: a browser reports its own observations with them. */
const LOCAL = new Map([
  [1005, { text: 'closed without a code', when: 'the server said goodbye and no more', back: '' }],
  [1006, { text: 'no close frame', when: 'the connection broke, or was refused: a browser is not told why', back: 'soon' }],
  [3000, { text: 'dropped', when: 'by this console; the server keeps the seat of a JSON member for a while', back: 'soon' }],
]);

/**
 * @typedef {object} Wishes the callbacks of a column to the page
 * @property {() => void} remove
 * @property {(first: string) => void} another adds one more member with this first message
 * @property {() => void} script
 */

export class Column {
  #description;
  #composer;
  #state = h('span', { class: 'state' });
  #who = h('span', { class: 'who' });
  #position = h('span', { class: 'position' });
  #ended = h('p', { class: 'ended' });
  #connect = button('Connect', () => this.connect(), { class: 'primary' });
  #leave;
  #drop;
  #stall;
  #take;

  /**
   * @param {import('./member.js').Member} member @param {number} index
   * @param {import('./describe.js').Description} description @param {Wishes} wishes
   */
  constructor(member, index, description, wishes) {
    this.member = member;
    this.#description = description;
    this.#composer = new Composer(member, index, description);
    this.#leave = button('Leave', () => member.leave(), { title: 'Close with 1000: the seat is given up' });
    this.#drop = button('Drop', () => member.drop(), {
      title: 'Close with 3000. A browser cannot cut a connection; any code but 1000 keeps the seat of a JSON member, as a cut would',
    });
    this.#stall = button('Stall', () => member.stall(!member.stalled));
    this.#take = button('Take over', () => wishes.another(JSON.stringify({ resume: { seat: member.seat, epoch: member.epoch, seq: member.seq } })), {
      title: 'Resume this seat over a second connection; this one is closed with 4409',
    });
    const title = h('h2', {}, member.label);
    this.element = h('section', { class: 'member', 'aria-label': `Member ${member.label}` },
      h('header', {}, title, h('span', { class: 'badge' }, member.dialect === 'json' ? 'JSON' : 'text'), this.#state, this.#who, this.#position,
        button('×', wishes.remove, { class: 'quiet close', 'aria-label': `Remove ${member.label}` })),
      h('div', { class: 'bar' }, member.dialect === 'text' ? this.#connect : null, this.#leave, this.#drop, this.#stall, member.dialect === 'json' ? this.#take : null,
        button('Copy as…', wishes.script, { title: 'What this member did, as a websocat line, a JavaScript test or a Rust test' })),
      this.#ended, this.#composer.element, new LogView(member).element,
    );
    member.addEventListener('change', () => this.#changed());
    member.addEventListener('entry', (event) => this.#heard(/** @type {CustomEvent} */ (event).detail));
    this.#show();
  }

  connect() {
    this.member.connect(this.#composer.text);
  }

  /** @param {string} first what to begin with */
  begin(first) {
    this.#composer.write(first);
    this.connect();
  }

  /** Ends everything that still runs. */
  end() {
    this.#composer.stop();
    this.member.leave();
  }

  #changed() {
    this.#show();
    this.#composer.refresh();
    const { label, state, ended } = this.member;
    announce(`${label}: ${STATES[state]}${state === 'closed' && ended ? ` ${ending(ended)}` : ''}`);
  }

  /** @param {import('./log.js').Entry} one */
  #heard(one) {
    if (one.way === 'in') this.#show();
    if (one.kind === 'error') announce(`${this.member.label}: ${one.value?.error?.message ?? one.text}`);
  }

  #show() {
    const { state, stalled, you, name, epoch, seq, ended, canStall } = this.member;
    const open = state === 'open';
    this.#state.textContent = stalled ? 'stalled' : STATES[state];
    this.#state.dataset['state'] = stalled ? 'stalled' : state;
    this.#who.textContent = you === undefined ? '' : `${name} (${you})`;
    this.#position.textContent = seq === undefined ? '' : `${(epoch ?? '').slice(0, 4)}·${seq}`;
    this.#position.title = epoch ? `epoch ${epoch}, seq ${seq}` : '';
    this.#connect.disabled = open || state === 'connecting' || state === 'closing';
    this.#leave.disabled = this.#drop.disabled = !open;
    this.#stall.disabled = !open || !canStall;
    this.#stall.textContent = stalled ? 'Read on' : 'Stall';
    this.#stall.title = canStall || !open
      ? 'Read nothing, like a program that hangs. Then let another member flood: a text member is closed with 4413 when too much waits. With little to read it is closed with 4408, because pings wait unread too'
      : 'This browser always reads: stalling needs WebSocketStream, as in Chromium';
    this.#take.disabled = !open || this.member.seat === undefined;
    this.#ended.hidden = state !== 'closed' || !ended;
    if (!this.#ended.hidden && ended) this.#ended.replaceChildren(...this.#reason(ended));
  }

  /** @param {import('./member.js').Ended} ended */
  #reason({ code: came, reason, said: own }) {
    // The server answers every close the same way; the code that it received matters.
    const code = came === 1000 && own ? own.code : came;
    const row = this.#description.closes.get(code) ?? LOCAL.get(code);
    const said = reason && code === came && reason !== row?.text ? ` “${reason}”` : '';
    const back = row?.back ? (BACK[/** @type {keyof typeof BACK} */ (row.back)] ?? row.back) : '';
    return [h('strong', {}, `${code} ${row?.text ?? ''}${said}`), row?.when ? ` ${row.when.replace(/\.?$/, '. ')}` : ' ', h('span', { class: 'back' }, back)];
  }
}
