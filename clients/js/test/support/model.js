// A server as the protocol describes it, without a network: each message waits until the test moves it.

import { FakePost, FakeStream, event } from './events.js';
import { FakeWebSocket } from './fakes.js';
import { golden, resumed } from './frames.js';

const { hello: HELLO } = golden('hello').frame;

/**
 * @typedef {object} Seat
 * @property {string} token
 * @property {number} last the highest number that was applied
 * @property {(() => void) | null} late applies the newest command whose outcome is open, if that still happens
 * @property {Set<number>} decided numbers that were refused, or changed nothing
 */

/** The answer to a command, with what only its sender may see. @type {(id: number, seq: number, change: any) => object} */
const ack = (id, seq, change) => ({ ack: { id, seq, ...(change.secret && { own: [change] }) } });

/** An event as everybody sees it. @type {(event: any) => object} */
const shown = (event) => (event.change?.secret ? { ...event, change: { hidden: true } } : event);

/** A POST of commands: how many are not answered yet, and the answers. @typedef {{ asked: FakePost, left: number, answers: object[] }} Post */

/** One connection, with the messages under way in both directions. */
class Wire {
  /** @type {{ text: string | null, post?: Post }[]} */
  up = [];
  /** @type {object[]} */
  down = [];
  /** POSTs whose answers are on their way. @type {Post[]} */
  answered = [];
  /** All that the network may lose. @type {Set<FakePost>} */
  posts = new Set();
  /** The POST of the command that is taken now. @type {Post | undefined} */
  post;
  /** @type {Seat | null} */
  seat = null;
  /** The number of the command that was given up: nothing higher is taken before it comes again. */
  gap = 0;

  /** @param {FakeWebSocket | FakeStream} socket */
  constructor(socket) {
    this.socket = socket;
  }

  /** @param {object} push */
  answer(push) {
    (this.post?.answers ?? this.down).push(push);
  }
}

export class Model {
  /** All applied commands, in order. @type {{ seat: Seat, id: number, text: string, item: string, seq: number }[]} */
  applied = [];
  /** @type {any[]} */
  events = [];
  /** The store cannot be reached. */
  down = false;
  /** The seq of the newest whole state that was sent: earlier events are not sent. */
  toldAt = 0;
  /** Whether random faults have ended. */
  calm = false;
  /** Numbers that got an unjustified `outdated`. @type {string[]} */
  wrong = [];
  #random;
  #takesInOrder;
  /** @type {Seat[]} */
  #seats = [];
  /** @type {Wire[]} */
  #wires = [];

  /**
   * @param {(below: number) => number} random
   * @param {boolean} takesInOrder whether commands after one that was given up are given up with it
   */
  constructor(random, takesInOrder) {
    this.#random = random;
    this.#takesInOrder = takesInOrder;
  }

  /** A WebSocket of a page, for as long as the page lives. @param {() => boolean} lives */
  socketClass(lives) {
    const wires = this.#wires;
    return class extends FakeWebSocket {
      /** @param {string} url @param {string} protocol */
      constructor(url, protocol) {
        super(url, protocol);
        this.wire = new Wire(this);
        if (!lives()) return;
        // One at a time: a client that opens another has given up the one before.
        wires.splice(0, wires.length, this.wire);
      }

      /** @override @param {string} text */
      send(text) {
        if (lives()) this.wire.up.push({ text });
      }
    };
  }

  /** A stream or a POST of a page. @param {FakeStream | FakePost} asked */
  take(asked) {
    if (!(asked instanceof FakePost)) {
      const wire = new Wire(asked);
      wire.up.push({ text: JSON.stringify(asked.first) });
      this.#wires.splice(0, this.#wires.length, wire);
      return;
    }
    const [wire] = this.#wires;
    if (!wire?.seat || wire.seat.token !== asked.body.seat) return asked.breaks();
    /** @type {object[]} */
    const commands = asked.body.commands;
    const post = { asked, left: commands.length, answers: [] };
    wire.posts.add(asked);
    if (commands.length) wire.up.push(...commands.map((one) => ({ text: JSON.stringify(one), post })));
    else wire.answered.push(post);
  }

  /** Makes one step: a connection opens, or a message arrives at one side. @returns {boolean} whether there was one */
  move() {
    const [wire] = this.#wires;
    if (!wire) return false;
    if (wire.socket.readyState === 0) {
      wire.socket.opens();
      return true;
    }
    if (wire.socket.readyState !== 1) return false;
    const { up, down, answered } = wire;
    const all = [up, down, answered].filter(({ length }) => length);
    const one = all[this.#random(all.length || 1)];
    if (one === down) this.#say(wire.socket, down.shift() ?? {});
    if (one === up) this.#next(wire);
    if (one === answered) {
      const { asked, answers } = answered.shift() ?? {};
      asked?.answers(answers ?? []);
    }
    return one !== undefined;
  }

  /** @param {FakeWebSocket | FakeStream} socket @param {object} push */
  #say(socket, push) {
    if (socket instanceof FakeWebSocket) return socket.hears(push);
    // A stream comes in any pieces, and line ends are of two kinds.
    const text = (this.#random(4) ? '' : ': ping\n\n') + event(push);
    const bytes = new TextEncoder().encode(this.#random(2) ? text : text.replaceAll('\n', '\r\n'));
    for (let from = 0, to; from < bytes.length; from = to) {
      to = from + 1 + this.#random(bytes.length);
      socket.writes(bytes.slice(from, to));
    }
  }

  /** Takes what comes next from the client. @param {Wire} wire */
  #next(wire) {
    const { text = null, post } = wire.up.shift() ?? {};
    if (text === null) return;
    // Another node may take each POST, and knows nothing of the one before.
    if (post && post !== wire.post) wire.gap = 0;
    wire.post = post;
    this.#take(wire, text);
    if (post && --post.left === 0) wire.answered.push(post);
  }

  /** The connection is gone, with the messages under way. @param {boolean} seatToo */
  cut(seatToo) {
    const [wire] = this.#wires.splice(0);
    // Messages that had already reached the server.
    for (let more = this.#random(3); wire && more > 0 && wire.up.length && wire.seat; more--) this.#next(wire);
    if (seatToo) this.#seats = [];
    wire?.socket.ends(1006);
    for (const asked of wire?.posts ?? []) asked.breaks();
  }

  /** @param {boolean} down */
  store(down) {
    this.down = down;
    for (const wire of this.#wires) if (wire.seat) wire.down.push({ status: { store: down ? 'down' : 'up' } });
  }

  /** Somebody else does something. */
  other() {
    this.#tell({ by: 99, change: { item: 'other' } });
  }

  /** The state as the member may see it. */
  state() {
    return this.events.flatMap(({ change }) => (change ? [change.item] : []));
  }

  /**
   * Makes an event. Who gets no answer before it, and may see more of it than others, gets the whole state instead.
   * @param {object} what
   * @param {number} [id] the command that is answered with it
   */
  #tell(what, id) {
    /** @type {any} */
    const event = { seq: this.events.length + 1, expires_at: HELLO.expires_at, ...what };
    this.events.push(event);
    const { seq, change } = event;
    for (const wire of this.#wires) {
      const { seat, down, post } = wire;
      if (!seat) continue;
      if (id !== undefined) wire.answer(ack(id, seq, change));
      // The node of a stream need not be the one that answers.
      if (change?.secret && (id === undefined || (post && this.#random(2) === 0))) {
        const { snapshot } = golden('snapshot').frame;
        down.push({ snapshot: { ...snapshot, epoch: HELLO.epoch, members: HELLO.members, seq, state: this.state() } });
        if (id === undefined) this.toldAt = seq;
      }
      down.push({ event: shown(event) });
    }
    return seq;
  }

  /** @param {Wire} wire @param {string} text */
  #take(wire, text) {
    const said = JSON.parse(text);
    if (said.join || said.resume) return this.#enter(wire, said.resume);
    const { seat } = wire;
    if (!seat) throw new Error(`said before the hello: ${text}`);
    const { id, ...what } = said;
    /** @param {string} code @param {object} [more] */
    const refuse = (code, more) => wire.answer({ error: { id, code, message: code, ...more } });
    const giveUp = (/** @type {string} */ code) => {
      if (this.#takesInOrder) wire.gap = id;
      refuse(code);
    };
    if (wire.gap && id > wire.gap) return refuse('unavailable', { after: wire.gap });
    if (wire.gap === id) wire.gap = 0;
    if (!this.calm && this.#random(15) === 0) return giveUp('rate_limited');
    this.#settle(seat);
    if (id <= seat.last) {
      const done = this.applied.find((one) => one.seat === seat && one.id === id);
      if (done?.text === text) return wire.answer(ack(id, done.seq, this.events[done.seq - 1].change));
      if (!seat.decided.has(id)) this.wrong.push(text);
      return refuse(done ? 'conflict' : 'outdated');
    }
    const apply = (isAnswered = false) => {
      seat.last = id;
      const seq = this.#tell({ by: 1, change: what.add }, isAnswered ? id : undefined);
      this.applied.push({ seat, id, text, item: what.add.item, seq });
    };
    if (this.down || (!this.calm && this.#random(12) === 0)) {
      // Applied now in spite of the answer, or a moment later, or never.
      if (what.add && this.#random(3) === 0) apply();
      else if (what.add && this.#random(2) === 0) seat.late = () => id > seat.last && apply();
      return giveUp('unavailable');
    }
    if (what.add) return apply(true);
    seat.decided.add(id);
    if (what.bad) return refuse('not_found');
    return wire.answer({ ack: { id, seq: this.events.length } });
  }

  /** An open outcome is settled before the next command is decided. @param {Seat} seat */
  #settle(seat) {
    const { late } = seat;
    seat.late = null;
    if (late && this.#random(2) === 0) late();
  }

  /** @param {Wire} wire @param {{ seat: string, seq: number } | undefined} resume */
  #enter(wire, resume) {
    let seat = this.#seats.find(({ token }) => token === resume?.seat);
    if (resume && !seat) {
      this.#wires.splice(0);
      return wire.socket.ends(4401);
    }
    const seq = this.events.length;
    const missed = this.events.slice(resume?.seq);
    if (resume && seat && !missed.some(({ by, change }) => by === 1 && change?.secret)) {
      this.#tell({ back: { member: 1 } });
      wire.down.push({ hello: { ...resumed(seat.last).hello, you: 1, seat: seat.token } });
      wire.down.push(...this.events.filter((event) => event.seq > resume.seq).map((event) => ({ event: shown(event) })));
    } else {
      if (!seat) {
        seat = { token: `seat ${this.#random(1e9)}`, last: 0, late: null, decided: new Set() };
        this.#seats.push(seat);
      }
      wire.down.push({ hello: { ...HELLO, you: 1, seat: seat.token, ...(seat.last && { applied: seat.last }), seq, state: this.state() } });
      this.toldAt = seq;
    }
    if (this.down) wire.down.push({ status: { store: 'down' } });
    wire.seat = seat ?? null;
  }
}
