import { Commands } from './commands.js';
import { RoomError } from './errors.js';
import { Link } from './link.js';
import { KINDS, greet, happen, replace } from './replica.js';

/** @import { Push, Replica, RoomEvents, RoomOptions, Saved, View } from './types.js' */

/**
 * A seat in a room, and the room as seen from it. Connects when made, and comes back by itself.
 *
 * Events: `view` after each change of `view`; and, as they come from the server, `joined`, `back`, `away`, `left`,
 * `renamed` and `change` (the application's), each with the event as `detail`.
 * @template S the application's state
 * @template E the application's events
 */
export class Room extends EventTarget {
  /** @type {RoomOptions<S, E>['apply']} */
  #apply;
  #link;
  #commands;
  /** @type {string | undefined} */
  #seat;
  /** @type {string | undefined} */
  #name;
  /** @type {number | undefined} */
  #colour;
  /** @type {Replica<S> | null} */
  #replica = null;
  /** Nothing that happened is missing. */
  #caughtUp = false;
  /** `back`: it answers again, but what happened meanwhile may not be here yet. @type {'up' | 'down' | 'back'} */
  #store = 'up';
  /** @type {View<S>} */
  #view;

  /**
   * @param {string | URL} url from `roomUrl` or `createRoom`
   * @param {RoomOptions<S, E>} options
   */
  constructor(url, { apply, name, colour, saved, WebSocket = globalThis.WebSocket }) {
    super();
    if (!WebSocket) throw new TypeError("there is no WebSocket here: pass one as the option WebSocket, for example that of the package 'ws'");
    this.#apply = apply;
    this.#name = saved?.name ?? name;
    this.#colour = saved?.colour ?? colour;
    this.#link = new Link(url, WebSocket, {
      opened: () => this.#introduce(),
      heard: (text) => this.#heard(text),
      probe: () => this.#probe(),
      lost: (closeCode) => this.#lost(closeCode),
      changed: () => this.#changed(),
    });
    this.#commands = new Commands((text) => {
      this.#link.send(text);
      this.#link.asked();
    });
    if (saved) {
      this.#seat = saved.seat;
      this.#replica = /** @type {Replica<S> | null} */ (saved.replica);
      this.#commands.nextId = saved.nextId;
      // Whoever waited for them is gone.
      for (const pending of saved.pending) this.#commands.add(pending, true).catch(() => {});
    }
    this.#view = this.#look();
    this.#link.open();
  }

  /** The room as it is known now. */
  get view() {
    return this.#view;
  }

  /**
   * What to keep to have the same seat again after a reload; null without a seat. Changes with `view`.
   * @returns {Saved | null}
   */
  get saved() {
    if (!this.#seat) return null;
    const { pending, nextId } = this.#commands;
    return { seat: this.#seat, name: this.#name, colour: this.#colour, nextId, pending, replica: this.#replica };
  }

  /**
   * Calls with the view, now and whenever there is another. Needs no `this`.
   * @param {(view: View<S>) => void} listener
   * @returns {() => void} ends it
   */
  subscribe = (listener) => {
    const call = () => listener(this.#view);
    this.addEventListener('view', call);
    call();
    return () => this.removeEventListener('view', call);
  };

  /**
   * Listens to one type of event, typed.
   * @template {keyof RoomEvents<E>} K
   * @param {K} type
   * @param {(event: RoomEvents<E>[K]) => void} listener
   * @returns {() => void} ends it
   */
  listen(type, listener) {
    /** @type {(event: any) => void} */
    const call = ({ detail }) => listener(detail);
    this.addEventListener(type, call);
    return () => this.removeEventListener(type, call);
  }

  /**
   * Says a command; it is kept until there is an answer, over as many connections as that takes.
   * @param {string} command
   * @param {object} content
   * @returns {Promise<number>} its place in the room's history, once `view` shows what it did
   * @throws {RoomError} the server's refusal; `unsure` if the seat was lost; the room's end
   */
  send(command, content) {
    if (this.#link.status === 'ended') return Promise.reject(this.#link.reason);
    const answer = this.#commands.add({ id: this.#commands.nextId, command, content });
    // First shown (and saved), then sent: its number must not be given twice.
    this.#changed();
    this.#commands.flush();
    return answer;
  }

  /**
   * Takes another name, and another colour if there is one.
   * @param {string} name
   * @param {number} [colour] 0 to 11
   */
  rename(name, colour) {
    return this.send('rename', { name, colour });
  }

  /**
   * Tries to connect now, also when it has ended. Does nothing while it is connected. If a name was refused, it joins
   * without one.
   */
  retryNow() {
    this.#link.retryNow();
  }

  /** Leaves the room: the seat is given up. */
  close() {
    this.#seat = undefined;
    this.#link.close();
  }

  /**
   * A time of the store as this device's clock will show it, ms.
   * @param {number} time
   * @returns {number}
   */
  localTime(time) {
    return time - (this.#replica?.offset ?? 0);
  }

  #introduce() {
    const { epoch, seq } = this.#replica ?? {};
    const said = this.#seat ? { resume: { seat: this.#seat, epoch, seq } } : { join: { name: this.#name, colour: this.#colour } };
    this.#link.send(JSON.stringify(said));
  }

  /** @param {string} text */
  #heard(text) {
    /** @type {Push<S, E>} */
    let push;
    try {
      push = JSON.parse(text) ?? {};
    } catch {
      return this.#link.drop('the server said something that is no JSON');
    }
    const { hello, snapshot, event, ack, error, status } = push;
    if (hello) {
      this.#seat = hello.seat;
      this.#replica = greet(this.#replica, hello);
      this.#caughtUp = !hello.resumed;
      this.#store = 'up';
      this.#link.greeted(hello.limits.ping_interval_ms, hello.limits.seat_grace_ms);
      this.#commands.greeted(hello.limits);
    }
    const replica = this.#replica;
    if (replica && snapshot) {
      this.#replica = replace(replica, snapshot);
      this.#caughtUp = true;
    }
    if (replica && event && event.seq > replica.seq) {
      if (event.seq > replica.seq + 1) return this.#link.drop('the server left out an event');
      this.#replica = happen(replica, event, this.#apply);
      const { you } = replica;
      // The last of the missed events says that we are back.
      if (event.back?.member === you) this.#caughtUp = true;
      if (event.away?.member === you) this.#caughtUp = false;
      if (event.renamed?.member === you) ({ name: this.#name, colour: this.#colour } = event.renamed);
    }
    let answered = false;
    if (replica && ack) {
      this.#commands.acknowledged(ack.id, { epoch: replica.epoch, seq: ack.seq });
      answered = true;
    }
    if (error) {
      const reason = new RoomError(error.code, error.message);
      if (error.id === undefined) this.#link.complaint = reason;
      else answered = this.#commands.refused(error.id, reason);
    }
    if (status) {
      this.#store = status.store === 'up' ? 'back' : 'down';
      // Its answer comes after what happened meanwhile.
      if (status.store === 'up') this.#link.ask();
    }
    if (answered && this.#store === 'back') this.#store = 'up';
    this.#changed();
    if (event) {
      const kind = KINDS.find((kind) => event[kind]);
      if (kind) this.dispatchEvent(new CustomEvent(kind, { detail: event }));
    }
    if (this.#replica) this.#commands.reached(this.#replica);
    if (status) this.#commands.hurry();
    else this.#commands.flush();
  }

  /** To take the name that one has changes nothing, and is answered. Unless that name is just about to change. */
  #probe() {
    const { me } = this.#view;
    if (me && !this.#commands.busy) {
      this.#link.send(JSON.stringify({ id: this.#commands.nextId++, rename: { name: me.name } }));
    }
  }

  /** @param {number} closeCode */
  #lost(closeCode) {
    this.#commands.lost();
    // Who has no seat yet said a join alone. What it was refused for is not said again.
    if (!this.#seat && (closeCode === 4400 || closeCode === 1009)) this.#name = this.#colour = undefined;
    const seatIsLost = closeCode === 4401 && this.#seat !== undefined;
    if (seatIsLost) {
      this.#seat = undefined;
      this.#commands.forget();
    }
    return seatIsLost;
  }

  #changed() {
    if (this.#link.status === 'ended') {
      this.#commands.lost();
      this.#commands.end(/** @type {RoomError} */ (this.#link.reason));
    }
    this.#view = this.#look();
    this.dispatchEvent(new Event('view'));
  }

  /** @returns {View<S>} */
  #look() {
    const replica = this.#replica;
    const link = this.#link;
    const status = link.status === 'live' && !this.#caughtUp ? 'connecting' : link.status;
    const store = this.#store === 'up' ? 'up' : 'down';
    return Object.freeze({
      status,
      stale: status !== 'live' || store === 'down' || link.doubtful,
      retryAt: link.retryAt,
      reason: link.reason,
      store,
      me: replica?.members.find((member) => member.id === replica.you) ?? null,
      members: replica?.members ?? [],
      seats: replica?.seats ?? null,
      ttlMs: replica?.ttl_ms ?? null,
      state: replica?.state ?? null,
      position: replica && { epoch: replica.epoch, seq: replica.seq },
      expiresAt: replica && this.localTime(replica.expires_at),
      pending: this.#commands.pending,
    });
  }
}
