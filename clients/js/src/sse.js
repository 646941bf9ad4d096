// A connection by Server-Sent Events and POST, in the shape of a WebSocket: the events are the stream of one GET,
// commands and their answers go by POST, one at a time, and each may reach another node.

import { PATIENCE } from './link.js';

/** @import { Push } from './types.js' */

/** A message of the server: as it came, and understood. @typedef {{ text: string, push: Push<any, any> }} Message */

/** What one POST may carry: commands, and their bytes. */
const MOST_COMMANDS = 64;
const MOST_BYTES = 32_768;

/** The code of a connection that ends without a word, as browsers report it. */
const BROKEN = 1006;

/** Reads Server-Sent Events, in whatever pieces they come. */
export class EventReader {
  #decoder = new TextDecoder();
  #line = '';
  #isAfterReturn = false;
  #event = '';
  /** @type {string[]} */
  #data = [];

  /**
   * @param {Uint8Array} bytes the next ones
   * @returns {{ event: string, data: string }[]} what is complete; a comment is an event `:`
   */
  read(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    // A line end of two characters may come in two pieces.
    if (this.#isAfterReturn && text.startsWith('\n')) text = text.slice(1);
    else if (!text) return [];
    this.#isAfterReturn = text.endsWith('\r');
    const lines = (this.#line + text).split(/\r\n|\r|\n/);
    this.#line = lines.pop() ?? '';
    const complete = [];
    for (const line of lines) {
      const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (line === '') {
        if (this.#data.length) complete.push({ event: this.#event, data: this.#data.join('\n') });
        this.#event = '';
        this.#data = [];
      } else if (name === '') complete.push({ event: ':', data: value });
      else if (name === 'data') this.#data.push(value);
      else if (name === 'event') this.#event = value;
    }
    return complete;
  }
}

/** The answer of a command that is not sent, because an earlier one must be sent first. @type {(id: number, after: number) => Message} */
const fenced = (id, after) => message({ error: { id, code: 'unavailable', message: `command ${after} comes first`, after } });

/** @param {Push<any, any>} push @returns {Message} */
const message = (push) => ({ text: JSON.stringify(push), push });

/** Header values are ASCII. @param {string} json */
const ascii = (json) => json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * Fires `open`, `message` and `close` as a WebSocket does, and `ping` for each sign of life of the server. It is open
 * before the stream is, whose request needs the first message.
 */
export class EventSocket extends EventTarget {
  /** Connecting, open or closed, as a WebSocket counts. */
  readyState = 0;
  #url;
  #abort = new AbortController();
  #isAsked = false;
  /** The secret that says whose POST it is. @type {string | undefined} */
  #seat;
  /** @type {number | undefined} */
  #you;
  /** The position of what was delivered. */
  #epoch = '';
  #seq = 0;
  /** The position of the newest answer that has come. */
  #answeredAt = 0;
  /** Commands to send. @type {string[]} */
  #queue = [];
  /** The POST under way. @type {Promise<void> | null} */
  #post = null;
  /** Whether it has commands. */
  #isAsking = false;
  /** A command was given up: until it is sent again, nothing with a higher number is sent. 0: none was. */
  #gap = 0;
  /** What has come and waits for its turn, from the stream and from POSTs. @type {Message[]} */
  #events = [];
  /** @type {Message[]} */
  #answers = [];
  #heardAt = 0;
  /** After so much silence the stream is dead, ms. */
  #silence = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} url */
  constructor(url) {
    super();
    this.#url = url;
    void this.#reach();
  }

  /** Says nothing before a request has got there: one that is lost with the first message may still take the seat later. */
  async #reach() {
    try {
      const { status } = await fetch(this.#url, { method: 'HEAD', cache: 'no-store', signal: this.#abort.signal });
      if (status >= 500) return this.#end(BROKEN, `a proxy answered with ${status}`);
    } catch (error) {
      return this.#end(BROKEN, String(error));
    }
    if (this.readyState) return;
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {string} text */
  send(text) {
    if (!this.#isAsked) {
      this.#isAsked = true;
      void this.#listen(text);
      return;
    }
    this.#queue.push(text);
    // What is sent in one turn goes together.
    queueMicrotask(() => this.#flush());
  }

  /** @param {number} code 1000 gives the seat up, with any other it is kept */
  close(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    clearTimeout(this.#timer);
    if (code === 1000 && this.#seat) void this.#leave();
    else this.#abort.abort();
  }

  /** @param {string} first the first message */
  async #listen(first) {
    const { epoch = '', seq = 0 } = JSON.parse(first).resume ?? {};
    this.#epoch = epoch;
    this.#seq = seq;
    try {
      const headers = { Accept: 'text/event-stream', 'Tablecast-Join': ascii(first) };
      const response = await fetch(this.#url, { headers, cache: 'no-store', signal: this.#abort.signal });
      const isStream = response.ok && response.headers.get('Content-Type')?.startsWith('text/event-stream');
      if (!isStream || !response.body) return await this.#refused(response);
      const reader = response.body.getReader();
      const events = new EventReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        this.#heardAt = performance.now();
        for (const { event, data } of events.read(part.value)) this.#heard(event, data);
      }
      this.#end(BROKEN, 'the stream ended');
    } catch (error) {
      this.#end(BROKEN, String(error));
    }
  }

  /** @param {string} event @param {string} data */
  #heard(event, data) {
    if (event === ':') {
      this.dispatchEvent(new Event('ping'));
      // The pong. A timer of a hidden page would be late.
      this.#flush(true);
    } else if (event === 'close') {
      const { code, reason } = JSON.parse(data);
      this.#end(code, reason);
    } else if (event === '') {
      this.#events.push({ text: data, push: JSON.parse(data) ?? {} });
      this.#deliver();
    }
  }

  /**
   * Sends commands, unless a POST is under way: then they follow it.
   * @param {boolean} [evenNone] as a sign of life
   */
  #flush(evenNone = false) {
    if (this.readyState !== 1 || this.#post) return;
    const commands = this.#take();
    if (commands.length || evenNone) this.#post = this.#ask(commands);
    this.#deliver();
  }

  /** The commands of the next POST. */
  #take() {
    /** @type {string[]} */
    const commands = [];
    let bytes = 0;
    for (let text = this.#queue[0]; text !== undefined; text = this.#queue[0]) {
      const { id } = JSON.parse(text);
      if (this.#gap && id > this.#gap) this.#answers.push(fenced(id, this.#gap));
      else {
        bytes += new TextEncoder().encode(text).length;
        if (commands.length && (commands.length === MOST_COMMANDS || bytes > MOST_BYTES)) break;
        this.#gap = 0;
        commands.push(text);
      }
      this.#queue.shift();
    }
    return commands;
  }

  /** @param {string[]} commands */
  async #ask(commands) {
    this.#isAsking = commands.length > 0;
    const late = setTimeout(() => this.#end(4408, 'no answer'), PATIENCE);
    try {
      const response = await this.#send(commands);
      if (!response.ok) return await this.#refused(response);
      const { answers = [] } = /** @type {{ answers?: Push<any, any>[] }} */ (await response.json());
      if (answers.length !== commands.length) return this.#end(BROKEN, 'answers are missing');
      for (const answer of answers) {
        const { id = 0, code, after = id } = answer.error ?? {};
        // The commands of the queue would overtake it on another node.
        if (!this.#gap && (code === 'unavailable' || code === 'rate_limited')) this.#gap = after;
        this.#answeredAt = Math.max(this.#answeredAt, answer.ack?.seq ?? 0);
        this.#answers.push(message(answer));
      }
    } catch (error) {
      this.#end(BROKEN, String(error));
    } finally {
      clearTimeout(late);
      this.#post = null;
      this.#isAsking = false;
    }
    this.#deliver();
    this.#flush();
  }

  /** The exact text of each command is what the server knows it by. @param {string[]} commands @param {object} [leave] */
  #send(commands, leave) {
    const body = `${JSON.stringify({ seat: this.#seat, ...leave }).slice(0, -1)},"commands":[${commands.join()}]}`;
    const headers = { 'Content-Type': 'application/json' };
    return fetch(this.#url, { method: 'POST', headers, body, keepalive: !!leave, signal: this.#abort.signal });
  }

  async #leave() {
    await this.#post;
    await this.#send(this.#take(), { leave: true }).catch(() => {});
    this.#abort.abort();
  }

  /**
   * Passes on what has come, in the order that a WebSocket would have. An answer comes right before its event, because
   * it may have what others do not see of it; without an event, when the stream is at its position.
   */
  #deliver() {
    while (this.readyState === 1) {
      const [answer] = this.#answers;
      const [event] = this.#events;
      if (answer && event && this.#isInAnswer(event, answer)) this.#events.shift();
      else if (answer && this.#isDue(answer, event)) this.#say(this.#answers.shift());
      else if (event && !(this.#isAsking && this.#needsAnswer(event))) this.#say(this.#events.shift());
      else break;
    }
  }

  /**
   * A node that gave no answer sends the whole state before an event of which the member may see more than others.
   * Not needed where the answer is there.
   * @param {Message} event
   * @param {Message} answer
   */
  #isInAnswer({ push: { snapshot } }, { push: { ack } }) {
    if (!snapshot || !ack || snapshot.epoch !== this.#epoch || snapshot.seq !== this.#seq + 1) return false;
    return snapshot.seq <= ack.seq && snapshot.seq > ack.seq - (ack.own?.length ?? 0);
  }

  /** @param {Message} answer @param {Message | undefined} next */
  #isDue({ push: { ack } }, next) {
    if (!ack || ack.seq <= this.#seq) return true;
    const { event, snapshot } = next?.push ?? {};
    const { seq = 0 } = event ?? (snapshot?.epoch === this.#epoch ? snapshot : {});
    return seq > ack.seq - (ack.own?.length || 1);
  }

  /** Whether it may come of a command under way, whose answer must come first. @param {Message} event */
  #needsAnswer({ push: { event, snapshot } }) {
    const mayBe = snapshot ?? (event?.change !== undefined && event.by === this.#you ? event : null);
    return mayBe !== null && mayBe.seq > this.#answeredAt;
  }

  /** @param {Message | undefined} what */
  #say(what) {
    if (!what) return;
    const { text, push } = what;
    const { hello, snapshot, event } = push;
    if (hello) {
      this.#you = hello.you;
      this.#seat = hello.seat ?? hello.stream;
      this.#silence = hello.limits.ping_interval_ms + PATIENCE;
      this.#watch();
    }
    const whole = snapshot ?? (hello && 'seq' in hello ? hello : null);
    if (whole) {
      // An answer does not say of which epoch it is.
      const isUnsure = this.#isAsking || this.#answers.length > 0;
      if (snapshot && snapshot.epoch !== this.#epoch && isUnsure) return this.#end(BROKEN, 'the epoch changed');
      if (whole.epoch !== this.#epoch) this.#answeredAt = 0;
      this.#epoch = whole.epoch;
      this.#seq = whole.seq;
    }
    if (event) this.#seq = Math.max(this.#seq, event.seq);
    this.dispatchEvent(Object.assign(new Event('message'), { data: text }));
  }

  /** The server pings a silent stream, so one that stays silent is dead. */
  #watch() {
    clearTimeout(this.#timer);
    const left = () => this.#heardAt + this.#silence - performance.now();
    const look = () => (left() > 0 ? this.#watch() : this.#end(4408, 'no sign of life'));
    this.#timer = setTimeout(look, left());
  }

  /**
   * The server says by which code it would have closed a WebSocket. Without one something else has answered.
   * @param {Response} response
   */
  async #refused(response) {
    const { close = BROKEN, code, detail = `status ${response.status}` } = (await response.json().catch(() => null)) ?? {};
    if (close === 4400 && this.readyState === 1) this.#say(message({ error: { code, message: detail } }));
    this.#end(close, detail);
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}
