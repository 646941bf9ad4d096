// The last events of a room, step by step: what each did, and the state that it led to.

import { button, h } from '../live/dom.js';
import { Newest, get } from './api.js';
import { addressOf } from './place.js';
import { changes, lines, nameOf } from './state.js';
import { isHidden, veil } from './words.js';

/** @typedef {import('./api.js').Moment} Moment */

export class Replay {
  #room;
  #failed;
  #newest = new Newest();
  #steps = new Newest();
  /** @type {import('./api.js').History} */
  #history = { from: null, events: [] };
  /** The shown step: 0 is before the first event. */
  #at = 0;
  /** The event to go to as soon as the events are there. @type {number | undefined} */
  #to;
  /** Those that are known already, by the number of the event. @type {Map<number, Moment>} */
  #known = new Map();
  #slider = h('input', { type: 'range', min: '0', max: '0', step: '1', 'aria-label': 'Step', oninput: () => this.#go(Number(this.#slider.value)) });
  #back = button('Back', () => this.#go(this.#at - 1), { title: 'One step back' });
  #forward = button('Forward', () => this.#go(this.#at + 1), { title: 'One step forward' });
  #which = h('p', { class: 'step', role: 'status' });
  #changed = h('ul', { class: 'changes', 'aria-label': 'What changed' });
  #state = h('div', { class: 'state-lines scroll', role: 'region', 'aria-label': 'The state after this step', tabindex: '0' });
  #list = h('ol', { class: 'events scroll', 'aria-label': 'Events', tabindex: '0' });
  #tools = h('div', { class: 'bar replay' }, this.#back, this.#slider, this.#forward);
  element = h('section', { class: 'stack', 'aria-label': 'Replay' }, h('h3', {}, 'Replay'), this.#tools, this.#which,
    h('div', { class: 'sides' }, this.#list, h('div', { class: 'stack' }, h('h4', {}, 'What changed'), this.#changed, h('h4', {}, 'State after it'), this.#state)));

  /** @param {string} room @param {(error: unknown) => void} failed */
  constructor(room, failed) {
    this.#room = room;
    this.#failed = failed;
  }

  /** Goes to this event when the events are read next, whoever asks for that. @param {number | undefined} seq */
  goTo(seq) {
    this.#to = seq;
  }

  /**
   * Reads the events again. Whoever looked at the newest sees the newest; whoever looked at an earlier one stays there.
   * @param {Moment} now the room as it is
   */
  async refresh(now) {
    const history = await this.#newest.ask((signal) => get(`rooms/${encodeURIComponent(this.#room)}/history`, {}, signal));
    if (!history) return;
    const stays = this.#to ?? (this.#at === this.#history.events.length ? undefined : this.#seq());
    this.#to = undefined;
    this.#history = history;
    const { from, events } = this.#history;
    this.#known = new Map([[now.position.seq, now]]);
    if (from) this.#known.set(from.seq, { position: from, state: from.state, event: null });
    this.#list.replaceChildren(...events.map((event, at) => h('li', {}, button(`${event.seq} ${nameOf(event.event)}`, () => this.#go(at + 1), { class: 'quiet' }),
      event.by === null || event.by === undefined ? '' : h('small', { class: 'hint' }, `by member ${event.by}`))));
    this.#slider.max = String(events.length);
    this.#tools.hidden = events.length === 0;
    const at = stays === undefined ? events.length : events.findIndex((event) => event.seq === stays) + 1;
    // It may have left the room's memory since.
    await this.#look(at === 0 && stays !== this.#before() ? events.length : at);
  }

  /** @param {number} at */
  #go(at) {
    const { events } = this.#history;
    if (at < 0 || at > events.length) return;
    // A step that somebody chooses counts more than that of an address which was not read yet.
    this.#to = undefined;
    this.#look(at).catch(this.#failed);
    // At once: later somebody may be elsewhere.
    history.replaceState(null, '', addressOf('room', this.#room, { at: this.#seq() }));
  }

  /** The number of the event at the shown step. */
  #seq() {
    return this.#at === 0 ? this.#before() : this.#history.events[this.#at - 1]?.seq;
  }

  /** The number before that of the first event. */
  #before() {
    const { from, events } = this.#history;
    return events[0] ? events[0].seq - 1 : from?.seq;
  }

  /** @param {number} at */
  async #look(at) {
    this.#at = at;
    const { events } = this.#history;
    this.#slider.value = String(at);
    this.#slider.setAttribute('aria-valuetext', at === 0 ? 'before the first event' : `event ${this.#seq()}`);
    this.#back.disabled = at === 0;
    this.#forward.disabled = at === events.length;
    for (const [n, one] of [...this.#list.children].entries()) {
      const is = n === at - 1;
      one.toggleAttribute('data-now', is);
      const go = one.querySelector('button');
      if (is) go?.setAttribute('aria-current', 'step');
      else go?.removeAttribute('aria-current');
      // Only the list: the page stays where it is.
      if (is && one instanceof HTMLElement) this.#list.scrollTop = Math.min(this.#list.scrollTop, one.offsetTop) === one.offsetTop ? one.offsetTop : Math.max(this.#list.scrollTop, one.offsetTop + one.offsetHeight - this.#list.clientHeight);
    }
    const seen = await this.#steps.ask(async (signal) => [at === 0 ? undefined : await this.#moment(at - 1, signal), await this.#moment(at, signal)]);
    if (!seen) return;
    const [before, now] = seen;
    const event = events[at - 1];
    const different = event && isKnown(before) && isKnown(now) ? changes(before.state, now.state) : [];
    const nothing = isKnown(now) ? (event ? (isKnown(before) ? 'Nothing that can be seen.' : 'The state before it is not stored any more.') : 'This is the beginning.') : 'The state at this step is not stored any more.';
    this.#which.textContent = !event ? `Before the first of ${events.length} events that the room remembers.` : `Event ${event.seq}, ${at} of ${events.length}: ${nameOf(event.event)}.`;
    this.#changed.replaceChildren(...(different.length === 0 ? [h('li', { class: 'hint' }, nothing)] : different.map(
      ({ path, before, after }) => h('li', {}, h('span', {}, path), ' ', before === undefined ? h('em', {}, 'new') : h('del', {}, value(before)), ' → ', after === undefined ? h('em', {}, 'gone') : h('ins', {}, value(after))))));
    const changed = new Set(different.map(({ path }) => path));
    this.#state.replaceChildren(...lines(now?.state ?? undefined).map(({ path, name, depth, value: inner }) => h('div', { 'data-changed': changed.has(path), 'data-depth': Math.min(depth, 8) },
      h('span', { class: 'key' }, name), ' ', inner === undefined ? '' : value(inner))));
  }

  /**
   * The room at this step.
   * @param {number} at @param {AbortSignal} signal @returns {Promise<Moment | undefined>} undefined if it is not remembered
   */
  async #moment(at, signal) {
    // What comes late belongs to the events as they were when it was asked for.
    const known = this.#known;
    const seq = this.#history.events[at - 1]?.seq;
    if (seq === undefined) return known.get(this.#before() ?? -1) ?? (this.#history.events.length === 0 ? [...known.values()][0] : undefined);
    const moment = known.get(seq) ?? (await get(`rooms/${encodeURIComponent(this.#room)}/history`, { at: seq }, signal));
    known.set(seq, moment);
    return moment;
  }

  end() {
    this.#newest.end();
    this.#steps.end();
  }
}

/** Whether the state is there. @param {Moment | undefined} moment @returns {moment is Moment} */
const isKnown = (moment) => moment !== undefined && moment.state !== null;

/** @param {unknown} value one line of a state */
const value = (value) => (isHidden(value) ? veil() : h('code', {}, JSON.stringify(value) ?? '–'));
