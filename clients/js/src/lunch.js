// The lunch menu, and a seat in a room that has one.

import { randomHex } from './random.js';
import { Room } from './room.js';

/** @import { Candidate, ChangeEvent, Contribution, Item, Menu, MenuChange, RoomOptions, Saved } from './types.js' */

/** How long a draw waits for missing contributions, ms; and the time between two attempts to end it. */
const PATIENCE = 3_000;

/** @type {(which: number | string) => { number: number } | { item: string }} */
const target = (which) => (typeof which === 'number' ? { number: which } : { item: which });

/**
 * A room with the lunch menu. `which` is an item's number, or its text: then it is the first equal one. Takes part in
 * draws by itself: see "The draw" in the protocol.
 * @extends {Room<Menu, MenuChange>}
 */
export class LunchRoom extends Room {
  /** @type {Contribution | null} */
  #contribution;
  /** The epoch in which it was sent. @type {string | undefined} */
  #epoch;
  /** The draw under way. @type {number | undefined} */
  #draw;
  /** Everybody has contributed, so `reveal` was sent. */
  #complete = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {string | URL} url from `roomUrl` or `createRoom`
   * @param {Omit<RoomOptions<Menu, MenuChange>, 'apply'>} [options]
   */
  constructor(url, options) {
    super(url, { ...options, apply: applyMenu });
    this.#contribution = options?.saved?.contribution ?? null;
    this.#epoch = this.view.position?.epoch;
    this.addEventListener('view', () => this.#takePart());
  }

  /**
   * @override
   * @returns {Saved | null}
   */
  get saved() {
    const saved = super.saved;
    return saved && { ...saved, contribution: this.#contribution };
  }

  /** This client's contribution to the newest draw that it took part in, for `verifyDraw`. */
  get contribution() {
    return this.#contribution;
  }

  /** Adds an item at the end. @param {string} item */
  add(item) {
    return this.send('add', { item });
  }

  /** Removes an item. @param {number | string} which */
  remove(which) {
    return this.send('remove', target(which));
  }

  /** Puts a removed item back at its old place, with its votes. @param {number} number */
  restore(number) {
    return this.send('restore', { number });
  }

  /** Votes for an item. @param {number | string} which */
  vote(which) {
    return this.send('vote', { ...target(which), on: true });
  }

  /** Takes your vote back. @param {number | string} which */
  unvote(which) {
    return this.send('vote', { ...target(which), on: false });
  }

  /** Names the room; null removes the name. @param {string | null} title */
  setTitle(title) {
    return this.send('title', { title });
  }

  /** Lets the room live its full lifetime again. */
  extend() {
    return this.send('extend', {});
  }

  /**
   * Decides: by votes, with a draw if several items have the most; or by a draw among all.
   * @param {'votes' | 'draw'} how
   */
  decide(how) {
    return this.send('decide', { how });
  }

  #takePart() {
    const { status, me, members, state, pending, position } = this.view;
    const drawing = status === 'live' ? state?.drawing : null;
    if (drawing?.number !== this.#draw) {
      this.#draw = drawing?.number;
      this.#complete = false;
      clearInterval(this.#timer);
      if (drawing) this.#timer = setInterval(() => this.#reveal(drawing.number), PATIENCE);
    }
    if (!drawing || !me) return;
    const { number: draw, commitment, contributions } = drawing;
    /** @type {(member: number) => boolean} */
    const has = (member) => contributions.some((one) => one.member === member);
    const mine = this.#contribution;
    if (!has(me.id)) {
      if (pending.some(({ command }) => command === 'contribute')) return;
      // A client that lost its seat meanwhile is another member now.
      const said = mine?.draw === draw && mine.member === me.id;
      // Its event will come, or it was refused. In another epoch the store has lost it.
      if (said && this.#epoch === position?.epoch) return;
      this.#epoch = position?.epoch;
      const value = said ? mine.value : randomHex(32);
      this.#contribution = { draw, member: me.id, value, commitment };
      this.#say('contribute', { draw, value });
    } else if (!this.#complete && members.every(({ id, away }) => away || has(id))) {
      this.#complete = true;
      this.#reveal(draw);
    }
  }

  /** @param {number} draw */
  #reveal(draw) {
    if (!this.view.pending.some(({ command }) => command === 'reveal')) this.#say('reveal', { draw });
  }

  /**
   * Nobody waits for the answer: it is refused if others were first, or if it is too early.
   * @param {string} command
   * @param {object} content
   */
  #say(command, content) {
    this.send(command, content).catch(() => {});
  }
}

/** @type {(item: Item) => Candidate} */
const candidate = ({ number, item, name, votes }) => ({ number, item, name, votes: votes.length });

/**
 * The menu after an event; undefined after one of a newer server that is not known here.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu | undefined}
 */
export function applyMenu(menu, { by, change }) {
  const { added, removed, restored, voted, titled, extended, drawing, contributed, decided } = change;
  const { items } = menu;
  if (added) return { ...menu, items: [...items, { ...added, by, votes: [] }] };
  if (removed) return { ...menu, items: items.filter((item) => item.number !== removed.number) };
  if (restored) return { ...menu, items: [...items, restored].sort((a, b) => a.number - b.number) };
  if (voted) {
    const vote = (/** @type {Item} */ item) => {
      if (item.number !== voted.number) return item;
      const votes = item.votes.filter((member) => member !== by);
      return { ...item, votes: voted.on ? [...votes, by] : votes };
    };
    return { ...menu, items: items.map(vote) };
  }
  if (titled) return { ...menu, title: titled.title };
  if (drawing) {
    const { number, name, commitment, next_commitment } = drawing;
    const candidates = items.filter((item) => drawing.candidates.includes(item.number)).map(candidate);
    return {
      ...menu,
      next_draw: { number: number + 1, commitment: next_commitment },
      drawing: { number, commitment, by, name, candidates, contributions: [] },
    };
  }
  if (contributed) {
    if (!menu.drawing) return menu;
    const { name, value } = contributed;
    const contributions = [...menu.drawing.contributions, { member: by, name, value }];
    return { ...menu, drawing: { ...menu.drawing, contributions } };
  }
  if (decided) return decide(menu, by, decided);
  return extended ? menu : undefined;
}

/** @type {(menu: Menu, by: number, decided: NonNullable<MenuChange['decided']>) => Menu} */
function decide(menu, by, { how, name, winner: number, secret }) {
  const drawing = secret === undefined ? null : menu.drawing;
  const among = drawing?.candidates ?? menu.items.map(candidate);
  const winner = among.find((one) => one.number === number);
  if (!winner) return menu;
  if (!drawing || secret === undefined) return { ...menu, decision: { how, by, name, winner, draw: null } };
  // The decision belongs to the member who started the draw, not to the one who ended it.
  const { by: starter, name: _, ...draw } = drawing;
  const decision = { how, by: starter, name, winner, draw: { ...draw, secret } };
  return { ...menu, drawing: null, decision };
}
