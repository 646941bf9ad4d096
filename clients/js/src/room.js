import { Commands } from './commands.js';
import { RoomError } from './errors.js';
import { Link, ahead } from './link.js';
import { newClient } from './random.js';
import { transports } from './transport.js';

/** @import { ChangeEvent, Hello, Listened, Member, Pending, Push, Replica, RoomEvent, RoomEvents, RoomOptions, Saved, TransportName, Version, View, Whole } from './types.js' */

/** A smaller difference may be the transit time of a message, ms. */
const SLEPT = 1_000;

/** How many members who have left are known, as many as the server remembers. */
const FORMER = 256;

/** The kinds of events. @type {readonly (keyof RoomEvents<any>)[]} */
const KINDS = ['joined', 'back', 'away', 'left', 'renamed', 'change'];

/**
 * A seat in a room, or a place to watch it, and a copy of the room. It connects when it is created, and reconnects by
 * itself.
 *
 * Events: `view` after each change of `view` or `saved`; `joined`, `back`, `away`, `left`, `renamed` and `change`
 * (the application's) as they come from the server, each with the event as `detail`; `outdated`, once, at the first
 * event that this client does not know, with the server's `Version` as `detail`; `transport` when it talks to the server
 * in another way than before, with its name as `detail`; and `refused` when a command in `saved` was given up, with a
 * `RoomError` as `detail`.
 * @template S the application's state
 * @template E the application's events
 */
export class Room extends EventTarget {
  /** @type {NonNullable<RoomOptions<S, E>['apply']>} */
  #apply;
  #link;
  #commands;
  /** @type {string | undefined} */
  #seat;
  /** @type {string | undefined} */
  #name;
  /** @type {number | undefined} */
  #colour;
  /** @type {string | undefined} */
  #person;
  #watch;
  #client = newClient();
  /** Whether it takes the seat from another tab: not if it comes back by itself. */
  #takes = true;
  /** @type {Replica<S> | null} */
  #replica = null;
  /** The replica to save: the one before the newest event, until all listeners have handled that event. @type {Replica<S> | null} */
  #kept = null;
  /** What only we may see of events of our own that have not come yet, by their seq. @type {Map<number, E>} */
  #own = new Map();
  /** Nothing is missing. */
  #caughtUp = false;
  /** There was an event that is not known here. From then on the state and `#kept` stay as they were before it. */
  #outdated = false;
  /** `back`: it answers again, but changes of the meantime may not have arrived yet. @type {'up' | 'down' | 'back'} */
  #store = 'up';
  /** @type {TransportName | null} */
  #transport = null;
  /** @type {View<S>} */
  #view;

  /**
   * @param {string | URL} url from `roomUrl` or `createRoom`
   * @param {RoomOptions<S, E>} [options]
   */
  constructor(url, { apply = (state) => state, name, colour, person, watch, saved, transport, sse, WebSocket = globalThis.WebSocket } = {}) {
    super();
    this.#apply = apply;
    this.#name = saved?.name ?? name;
    this.#colour = saved?.colour ?? colour;
    this.#person = saved?.person ?? person;
    // Servers of before watching refuse the field.
    this.#watch = watch || undefined;
    if (this.#person !== undefined && !/^[0-9a-f]{32}$/.test(this.#person)) throw new TypeError('person is not 32 lower-case hex digits, as from newPerson()');
    this.#link = new Link(transports(url, { WebSocket, sse, transport }), {
      opened: () => this.#introduce(),
      heard: (text) => this.#heard(text),
      probe: () => this.#probe(),
      lost: (closeCode) => this.#lost(closeCode),
      changed: () => this.#changed(),
    });
    const say = (/** @type {string} */ text) => {
      this.#link.send(text);
      this.#link.asked();
    };
    this.#commands = new Commands(say, () => this.#changed());
    if (saved) {
      const { seat, replica, nextId, sentId = nextId - 1, pending } = saved;
      this.#seat = seat;
      this.#replica = this.#kept = moved(/** @type {Replica<S> | null} */ (replica), ahead());
      Object.assign(this.#commands, { nextId, sentId });
      // After a reload nobody holds their promises any more.
      const refused = (/** @type {RoomError} */ detail) => this.dispatchEvent(new CustomEvent('refused', { detail }));
      for (const one of pending) this.#commands.add(one).catch(refused);
    }
    this.#view = this.#look();
    this.#link.open();
  }

  /** The room as it is known now. */
  get view() {
    return this.#view;
  }

  /** How it talks to the server, as of the last hello; null before the first one. */
  get transport() {
    return this.#transport;
  }

  /**
   * The data to keep for a reload: the seat, and unanswered commands. Null if there is neither, and after `close`.
   * It changes with `view`.
   * @returns {Saved | null}
   */
  get saved() {
    const { pending, nextId, sentId } = this.#commands;
    if (!this.#seat && !pending.length) return null;
    const replica = moved(this.#kept, -ahead());
    return { seat: this.#seat, name: this.#name, colour: this.#colour, person: this.#person, nextId, sentId, pending, replica };
  }

  /**
   * Calls the listener with the view, now and after each change. Needs no `this`.
   * @param {(view: View<S>) => void} listener
   * @returns {() => void} ends it
   */
  subscribe = (listener) => {
    const call = () => listener(this.#view);
    const end = () => this.removeEventListener('view', call);
    this.addEventListener('view', call);
    try {
      call();
    } catch (error) {
      // It threw at once, so the caller did not get the function that ends it.
      end();
      throw error;
    }
    return end;
  };

  /**
   * Listens to one type of event, typed.
   * @template {keyof Listened<E>} K
   * @param {K} type
   * @param {(event: Listened<E>[K]) => void} listener
   * @returns {() => void} ends it
   */
  listen(type, listener) {
    /** @type {(event: any) => void} */
    const call = ({ detail }) => listener(detail);
    this.addEventListener(type, call);
    return () => this.removeEventListener(type, call);
  }

  /**
   * Sends a command, and keeps it until there is an answer, over as many connections as needed.
   * @param {string} command
   * @param {object | null} [content] anything that JSON can represent; it is copied now
   * @returns {Promise<number>} its place in the room's history, once `view` shows its effect
   * @throws {RoomError} the server's refusal; `unsure` if the seat was lost; the room's end; `bad_command` if it
   *   cannot be sent
   */
  send(command, content = {}) {
    if (this.#link.status === 'ended') return Promise.reject(this.#link.reason);
    const id = this.#commands.nextId;
    /** @type {Pending} */
    let pending;
    try {
      if (typeof command !== 'string' || command === 'id') throw new TypeError(`${String(command)} is no command`);
      pending = { id, command, content: JSON.parse(JSON.stringify(content)) };
    } catch (cause) {
      const message = `a command has a name, and a content that JSON can carry: ${cause}`;
      return Promise.reject(new RoomError('bad_command', message, { cause }));
    }
    const answer = this.#commands.add(pending);
    // First shown (and saved), then sent: its number must not be used twice.
    if (!this.#commands.flush()) this.#changed();
    return answer;
  }

  /**
   * Gives up a command that was never sent, for example because somebody else has done it meanwhile. Its promise rejects
   * with `withdrawn`. A listener to `view` may do so after each connection, before anything is sent.
   * @param {number} id of one of `view.pending`
   * @returns {boolean} false: it was sent already, or is answered
   */
  withdraw(id) {
    const isGone = this.#commands.withdraw(id);
    if (isGone) this.#changed();
    return isGone;
  }

  /**
   * Takes another name, and another colour if one is given.
   * @param {string} name
   * @param {number} [colour] 0 to 11
   */
  rename(name, colour) {
    return this.send('rename', { name, colour });
  }

  /**
   * Tries to connect now, also after the room has ended. Does nothing while connected. If the name was refused, it
   * joins without one.
   */
  retryNow() {
    if (this.#link.status === 'ended') this.#takes = true;
    this.#link.retryNow();
  }

  /** Leaves the room and gives up the seat. */
  close() {
    this.#seat = undefined;
    this.#link.close();
  }

  /**
   * Converts a time of the store to this device's clock, ms.
   * @param {number} time
   * @returns {number}
   */
  localTime(time) {
    return this.#replica ? Math.round(time - this.#replica.offset + ahead()) : time;
  }

  #introduce() {
    const { epoch, seq } = this.#replica ?? {};
    const [person, client] = [this.#person, this.#client];
    const join = { name: this.#name, colour: this.#colour, person, watch: this.#watch, client };
    // What somebody gave in here is to be done, wherever they are now.
    const take = this.#takes || this.#commands.pending.length ? undefined : false;
    const said = this.#seat ? { resume: { seat: this.#seat, epoch, seq, person, client, take } } : { join };
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
    const { hello, snapshot, event: said, ack, error, status } = push;
    const own = said && this.#own.get(said.seq);
    const event = own && this.#own.delete(said.seq) ? { ...said, change: own } : said;
    // A whole state has what we did.
    if (hello || snapshot) this.#own.clear();
    if (hello) {
      // The seat was given up, but the person is known.
      if (this.#seat && this.#seat !== hello.seat) this.#commands.forget();
      this.#seat = hello.seat;
      this.#takes = false;
      this.#take(greet(this.#replica, hello));
      this.#caughtUp = !hello.resumed;
      this.#store = 'up';
      this.#link.greeted(hello.limits.ping_interval_ms, hello.limits.seat_grace_ms);
      this.#commands.counted(hello.applied ?? 0);
      this.#commands.greeted(hello.limits);
    }
    const replica = this.#replica;
    if (replica && snapshot) {
      this.#take(replace(replica, snapshot));
      this.#caughtUp = true;
    }
    const wasOutdated = this.#outdated;
    /** @type {(keyof RoomEvents<E>) | undefined} */
    let kind;
    if (replica && event && event.seq > replica.seq) {
      if (event.seq > replica.seq + 1) return this.#link.drop('the server left out an event');
      try {
        const next = happen(replica, event, wasOutdated ? (state) => state : this.#apply);
        kind = KINDS.find((kind) => event[kind]);
        if (!kind || next.state === undefined) this.#outdated = true;
        this.#take(next);
      } catch (cause) {
        // The next connection would deliver the same event.
        const message = cause instanceof Error ? cause.message : String(cause);
        return this.#link.close(new RoomError('failed', message, { cause }), 4400);
      }
      // After a reload these come again, to a client that may know them.
      if (this.#outdated) kind = undefined;
      const { joined, back, away, left, renamed } = event;
      const isOwn = (/** @type {{ member: number } | undefined} */ what) => what && what.member === replica.you;
      // The last missed event is our own `back`; or our own `joined`, if the seat was given up.
      if (isOwn(back) || isOwn(joined)) this.#caughtUp = true;
      if (isOwn(away) || isOwn(left)) this.#caughtUp = false;
      if (renamed && isOwn(renamed)) ({ name: this.#name, colour: this.#colour } = renamed);
    }
    let answered = false;
    if (replica && ack) {
      const { id, seq, own = [] } = ack;
      for (const [at, change] of own.entries()) this.#own.set(seq - own.length + 1 + at, change);
      this.#commands.acknowledged(id, { epoch: replica.epoch, seq });
      answered = true;
    }
    if (error) {
      const { id, code, message, after } = error;
      const reason = new RoomError(code, code === 'outdated' ? `not applied, or long ago: ${message}` : message);
      if (id === undefined) this.#link.complaint = reason;
      const became = this.#commands.refused(reason, id, after);
      if (became === 'stuck') return this.#link.drop(message);
      answered = became === 'refused' && id !== undefined;
    }
    if (status) {
      this.#store = status.store === 'up' ? 'back' : 'down';
      // Its answer comes after all changes of the meantime.
      if (status.store === 'up') this.#link.ask();
    }
    if (answered && this.#store === 'back') this.#store = 'up';
    if (!kind && !this.#outdated) this.#kept = this.#replica;
    const { transport } = this.#link;
    const isOther = hello && transport !== this.#transport;
    if (isOther) this.#transport = transport;
    this.#changed();
    if (isOther) this.dispatchEvent(new CustomEvent('transport', { detail: transport }));
    if (this.#outdated && !wasOutdated) this.dispatchEvent(new CustomEvent('outdated', { detail: this.#replica?.version }));
    if (event && kind) {
      this.dispatchEvent(new CustomEvent(kind, { detail: event }));
      // Not before: if the page saves and dies before all listeners have handled the event, it gets the event again
      // after the reload. So it must be saved once more now.
      this.#kept = this.#replica;
      queueMicrotask(() => this.dispatchEvent(new Event('view')));
    }
    if (this.#replica) this.#commands.reached(this.#replica);
    if (status) this.#commands.hurry();
    else this.#commands.flush();
  }

  /** @param {Replica<S>} next */
  #take(next) {
    this.#replica = this.#outdated && this.#kept ? { ...next, state: this.#kept.state } : next;
  }

  /**
   * Taking one's own name changes nothing, and is answered; to who watches, by a refusal. Not used while a change of
   * the name is under way.
   */
  #probe() {
    const { me, watching } = this.#view;
    if (this.#commands.busy) return void this.#commands.hurry();
    if (!me && !watching) return;
    const name = me?.name ?? this.#name ?? 'guest';
    this.#commands.add({ id: this.#commands.nextId, command: 'rename', content: { name } }, true).catch(() => {});
    this.#commands.flush();
  }

  /** @param {number} closeCode */
  #lost(closeCode) {
    this.#commands.lost();
    // The join was not understood. The refused name and colour are not sent again.
    if (!this.#seat && this.#link.status !== 'live' && (closeCode === 4400 || closeCode === 1009)) this.#name = this.#colour = undefined;
    // A full room refuses a person whose seat was given up; then they may watch.
    const seatIsLost = this.#seat !== undefined && (closeCode === 4401 || (closeCode === 4403 && this.#watch !== undefined));
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
    const isLive = this.#caughtUp && !this.#outdated;
    const status = link.status === 'live' && !isLive ? 'connecting' : link.status;
    // That of the state.
    const place = this.#outdated ? this.#kept : replica;
    const store = this.#store === 'up' ? 'up' : 'down';
    const { retryAt } = link;
    const localTime = (/** @type {number} */ time) => this.localTime(time);
    return Object.freeze({
      status,
      stale: status !== 'live' || store === 'down' || link.doubtful,
      // Converted to the device's clock at the time of reading.
      get retryAt() {
        return retryAt && Math.round(retryAt + ahead());
      },
      reason: link.reason,
      outdated: this.#outdated && replica ? replica.version : null,
      store,
      me: replica?.members.find((member) => member.id === replica.you) ?? null,
      watching: !!replica && replica.you === undefined,
      members: replica?.members ?? [],
      former: replica?.former ?? [],
      seats: replica?.seats ?? null,
      ttlMs: replica?.ttl_ms ?? null,
      state: replica?.state ?? null,
      position: place && { epoch: place.epoch, seq: place.seq },
      get expiresAt() {
        return replica && localTime(replica.expires_at);
      },
      pending: this.#commands.pending,
    });
  }
}

/**
 * The replica with its offset converted from one clock to another.
 * @template {{ offset: number } | null} R
 * @param {R} replica
 * @param {number} by
 * @returns {R}
 */
const moved = (replica, by) => replica && { ...replica, offset: replica.offset + by };

// Each event makes a new replica. Pure, except for the clock.

/**
 * @template S
 * @param {Replica<S>} replica
 * @param {Whole<S>} whole
 * @returns {Replica<S>}
 */
function replace(replica, { now, ...whole }) {
  const offset = now - performance.now();
  return { ...replica, former: [], ...whole, offset, behind: offset - ahead() };
}

/** That of servers that do not name it. @type {Version} */
const UNNAMED = { protocol: 0, app: 0 };

/**
 * A resumed hello has no state: the events after it continue from the known one.
 * @template S
 * @param {Replica<S> | null} replica
 * @param {Hello<S>} hello
 * @returns {Replica<S>}
 */
function greet(replica, { seat, stream, ...hello }) {
  // Who watches is nobody, whoever they were before.
  const next = /** @type {Replica<S>} */ ({ ...replica, you: undefined, version: UNNAMED, ...hello });
  return 'now' in hello ? replace(next, hello) : next;
}

/**
 * @template S, E
 * @param {Replica<S>} replica
 * @param {RoomEvent<E>} event the next one
 * @param {NonNullable<RoomOptions<S, E>['apply']>} apply
 * @returns {Replica<S>} its state is undefined if `apply` does not know the event
 */
function happen(replica, event, apply) {
  const { seq, expires_at, joined, back, away, left, renamed } = event;
  let { members, former = [] } = replica;
  /** @type {S | undefined} */
  let state = replica.state;
  /** @type {(id: number, news: Partial<Member>) => void} */
  const update = (id, news) => (members = members.map((m) => (m.id === id ? { ...m, ...news } : m)));
  if (joined) {
    const { member: id, name, colour } = joined;
    former = former.filter((one) => one.id !== id);
    members = [...members, { id, name, colour, away: false }].sort((a, b) => a.id - b.id);
  }
  if (back) update(back.member, { away: false });
  if (away) update(away.member, { away: true });
  if (left) {
    const gone = members.filter((m) => m.id === left.member).map(({ id, name, colour }) => ({ id, name, colour }));
    former = [...former, ...gone].slice(-FORMER);
    members = members.filter((m) => m.id !== left.member);
  }
  if (renamed) update(renamed.member, { name: renamed.name, colour: renamed.colour });
  if (event.change) state = apply(state, /** @type {ChangeEvent<E>} */ (event));
  // Without a deadline no room lives longer than its lifetime, so the store's clock shows at least this time. If the
  // known offset says less, the device may have slept, and its monotonic clock stood still; but its other clock went on.
  const least = Math.min(expires_at - replica.ttl_ms - performance.now(), replica.behind + ahead());
  const offset = least > replica.offset + SLEPT ? least : replica.offset;
  return /** @type {Replica<S>} */ ({ ...replica, seq, expires_at, members, former, state, offset });
}
