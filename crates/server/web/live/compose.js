// A member's next message: picked and filled in, or written by hand, and sent once or repeatedly.

import { button, h, labelled, prose } from './dom.js';
import { view } from './form-view.js';
import { parse } from './log.js';
import { form, read } from './schema.js';

/** Arbitrary names for new members. */
const NAMES = ['Mina', 'Jun', 'Sora', 'Tom', 'Ada', 'Lin'];

/** The shortest interval of a browser's timers, ms. */
const FASTEST = 4;

/**
 * A choice, with a form or a fixed text.
 * @typedef {{ group: string, name: string, note: string, sayable?: import('./describe.js').Sayable, text?: string }} Choice
 */

/** Nearly the most bytes of an item: 62 flags of 8. */
const WIDE = '🇰🇷'.repeat(62);

/**
 * Changes of a menu that grows to its limit and keeps changing there. Text members get the whole menu each time,
 * so the queue for one who does not read soon reaches the server's limit.
 */
const FLOOD = {
  json: ['add', 'add', 'add', 'remove'].map((command) => JSON.stringify({ id: 1, [command]: { item: WIDE } })),
  text: ['add', 'add', 'add', 'remove'].map((word) => `${word}:${WIDE}`),
};

export class Composer {
  #member;
  #index;
  #description;
  /** @type {import('./schema.js').Part | null} */
  #part = null;
  #byHand = false;
  /** @type {Choice[]} */
  #choices = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #repeating;
  #wasOpen = false;

  #select = h('select', { onchange: () => this.#pick() });
  #note = h('p', { class: 'hint' });
  #form = h('div', { class: 'form' });
  #editor = h('textarea', {
    rows: 2, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', 'aria-label': 'The message as it is sent',
    oninput: () => {
      this.#byHand = true;
      this.#measure();
    },
  });
  #size = h('small', { class: 'hint' });
  #sending = button('Send', () => this.#send(), { class: 'primary', title: 'Ctrl+Enter' });
  #binary = button('as binary', () => this.#member.sayBinary(new TextEncoder().encode(this.#editor.value)), { title: 'The same bytes in a binary message' });
  #times = h('input', { inputmode: 'numeric', value: '300', size: 5 });
  #every = h('input', { inputmode: 'numeric', value: '100', size: 5 });
  #repeat = button('Start', () => (this.#repeating === undefined ? this.#start() : this.stop()));

  /**
   * @param {import('./member.js').Member} member @param {number} index its index, for a name
   * @param {import('./describe.js').Description} description
   */
  constructor(member, index, description) {
    this.#member = member;
    this.#index = index;
    this.#description = description;
    const repeat = h('details', { class: 'repeat' }, h('summary', {}, 'Repeat'),
      h('p', { class: 'hint' }, 'Sends it repeatedly, each time with a new id and with a count for {n}. Several lines are sent in turn.'),
      h('div', { class: 'bar' }, labelled('times', this.#times), labelled('every, ms', this.#every), this.#repeat,
        button('Flood', () => this.write(FLOOD[member.dialect].join('\n')), { title: 'Lines that give everybody else a lot to read' })),
    );
    const onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.#send();
    };
    this.element = h('div', { class: 'compose', onkeydown }, labelled('Message', this.#select), this.#note, this.#form, this.#editor,
      h('div', { class: 'bar' }, this.#sending, this.#binary, this.#size), repeat);
    this.refresh();
  }

  /** The messages that can be sent now. */
  refresh() {
    const open = this.#member.state === 'open';
    const isJson = this.#member.dialect === 'json';
    const before = this.#select.value;
    this.#choices = isJson ? this.#ofJson(open) : this.#ofText(open);
    const groups = new Set(this.#choices.map(({ group }) => group));
    this.#select.replaceChildren(...[...groups].map((group) =>
      h('optgroup', { label: group }, ...this.#choices.flatMap((one, index) => (one.group === group ? [h('option', { value: `${one.group}/${one.name}`, 'data-at': index }, one.name)] : []))),
    ));
    const still = this.#choices.some(({ group, name }) => `${group}/${name}` === before);
    const best = this.#choices[0];
    const stays = still && this.#wasOpen === open;
    this.#select.value = stays ? before : best ? `${best.group}/${best.name}` : '';
    this.#wasOpen = open;
    this.element.toggleAttribute('hidden', !isJson && !open);
    this.#sending.textContent = open ? 'Send' : 'Connect';
    this.#sending.disabled = this.#member.state === 'connecting' || this.#member.state === 'closing';
    this.#binary.disabled = this.#repeat.disabled = !open;
    if (!open) this.stop();
    // Written text stays as long as it can be sent.
    if (!stays) this.#pick();
  }

  /** The initial text. */
  get text() {
    return this.#editor.value;
  }

  stop() {
    clearTimeout(this.#repeating);
    this.#repeating = undefined;
    this.#repeat.textContent = 'Start';
  }

  /** @param {string} text puts it there, to be sent */
  write(text) {
    this.#editor.value = text;
    this.#byHand = true;
    this.#measure();
  }

  /** @param {boolean} open @returns {Choice[]} */
  #ofJson(open) {
    const of = (/** @type {string} */ role, /** @type {string} */ group) =>
      this.#description.says.filter((one) => one.role === role).map((sayable) => ({ group, name: sayable.name, note: sayable.note, sayable }));
    const firsts = of('first', 'First message');
    const raw = (/** @type {string} */ name, /** @type {any} */ value, note = '') => ({ group: 'Come back', name, note, text: JSON.stringify(value) });
    const { seat, epoch, seq = 0 } = this.#member;
    const resumes = !seat ? [] : [
      raw('where I was', { resume: { seat, epoch, seq } }, 'The events that were missed follow.'),
      raw('without a position', { resume: { seat } }, 'The whole state is sent.'),
      raw('from seq 0', { resume: { seat, epoch, seq: 0 } }, 'Events, if the room remembers them all.'),
      raw('from the future', { resume: { seat, epoch, seq: seq + 1000 } }, 'No such position yet: the whole state is sent.'),
      raw('from another epoch', { resume: { seat, epoch: 'ffffffffffffffff', seq } }, 'Nothing to continue from: the whole state is sent.'),
      raw('with a forged seat', { resume: { seat: 'f'.repeat(32), epoch, seq } }, 'Nobody has it: refused.'),
    ];
    if (firsts.length === 0) firsts.push(.../** @type {any} */ ([{ group: 'First message', name: 'join', note: '', text: JSON.stringify({ join: { name: NAMES[this.#index % NAMES.length] } }) }]));
    const blank = [{ group: 'By hand', name: 'anything', note: 'Send anything; the log shows the answer of the server.', text: open ? `{"id":${this.#member.nextId},}` : '{}' }];
    return open ? [...of('command', 'Command'), ...blank, ...firsts, ...resumes] : [...resumes, ...firsts, ...blank];
  }

  /** @param {boolean} open @returns {Choice[]} */
  #ofText(open) {
    if (!open) return [];
    const lines = this.#description.says.filter((one) => one.role === 'line').map(({ name, note, example }) => ({ group: 'Line', name, note, text: example }));
    // The simplest first.
    lines.sort((a, b) => a.text.length - b.text.length);
    return [...lines, { group: 'By hand', name: 'anything', note: '', text: '' }];
  }

  #pick() {
    const choice = this.#choices[Number(this.#select.selectedOptions[0]?.dataset['at'])];
    this.#byHand = false;
    this.#part = null;
    this.#note.replaceChildren(...prose(choice?.note ?? ''));
    this.#form.replaceChildren();
    if (choice?.sayable) {
      const { seat, epoch, seq, nextId } = this.#member;
      const known = choice.sayable.role === 'command' ? { id: nextId } : { seat, epoch, seq, name: NAMES[this.#index % NAMES.length] };
      this.#part = form(choice.sayable.schema, this.#description.root, choice.sayable.example, known);
      // The number first, as people usually write it.
      this.#part.members.sort((a, b) => Number(b.key === 'id' && b.on) - Number(a.key === 'id' && a.on));
      this.#form.replaceChildren(view(this.#part, choice.name, () => this.#write()));
      this.#write();
    } else {
      this.#editor.value = choice?.text ?? '';
      this.#measure();
    }
  }

  /** Copies the form into the editor. */
  #write() {
    if (!this.#part) return;
    this.#byHand = false;
    this.#editor.value = JSON.stringify(read(this.#part));
    this.#measure();
  }

  #measure() {
    const bytes = new TextEncoder().encode(this.#editor.value).length;
    const most = this.#member.limits?.message_bytes;
    this.#size.textContent = `${bytes}${most ? ` of ${most}` : ''} bytes${this.#byHand && this.#part ? ', by hand' : ''}`;
  }

  #send() {
    if (this.#member.state !== 'open') {
      this.#member.connect(this.#editor.value);
      return;
    }
    this.#member.say(this.#editor.value);
    this.#renumber();
  }

  /** The next command has the next number. */
  #renumber() {
    const id = this.#part?.members.find(({ key }) => key === 'id');
    if (id && !this.#byHand) {
      id.part.value = String(this.#member.nextId);
      const input = this.#form.querySelector('input[aria-label="id"]');
      if (input instanceof HTMLInputElement) input.value = id.part.value;
      this.#write();
    } else if (Number.isSafeInteger(parse(this.#editor.value)?.id)) {
      this.#editor.value = withId(this.#editor.value, this.#member.nextId);
    }
  }

  #start() {
    const text = this.#editor.value;
    const lines = text.split('\n').filter(Boolean);
    const inTurn = this.#member.dialect === 'text' || lines.every((line) => parse(line) !== undefined);
    const messages = inTurn ? lines : [text];
    const times = Math.min(Number(this.#times.value) || 1, 100_000);
    const every = Math.max(Number(this.#every.value) || 0, FASTEST);
    let count = 0;
    const next = () => {
      if (count >= times || this.#member.state !== 'open') {
        this.stop();
        return;
      }
      const message = messages[count % messages.length] ?? '';
      count += 1;
      const numbered = message.replaceAll('{n}', String(count));
      this.#member.say(this.#member.dialect === 'json' ? withId(numbered, this.#member.nextId) : numbered);
      this.#repeat.textContent = `Stop (${count} of ${times})`;
      this.#repeating = setTimeout(next, every);
    };
    next();
  }
}

/** @param {string} text a command @param {number} id */
const withId = (text, id) => text.replace(/("id"\s*:\s*)-?\d+/, `$1${id}`);
