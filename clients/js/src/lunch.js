// The lunch menu, and a seat in a room that has one.

import { randomHex } from './random.js';
import { Room } from './room.js';

/** @import { Candidate, ChangeEvent, Contribution, Decision, Drawing, Drawn, Item, Menu, MenuChange, MenuChanges, Numbered, Revealed, RoomOptions, Saved } from './types.js' */

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
  /** Nobody is waited for: everybody has contributed, so `reveal` was sent, or the server ends the draw. */
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

  /**
   * Lets the votes decide at this time; null: at none.
   * @param {number | null} at ms by this device's clock, as from `Date.now()`: 5 s to 24 h from now
   */
  setDeadline(at) {
    return this.send('deadline', { at: at && Math.round(at - this.localTime(0)) });
  }

  /** Lets the votes decide after this time. @param {number} ms 5 s to 24 h */
  decideIn(ms) {
    return this.send('deadline', { in_ms: ms });
  }

  /** Reminds those who have not voted; once a minute in a room. */
  nudge() {
    return this.send('nudge');
  }

  /** Says that you cannot eat this: it is no candidate then. @param {number | string} which */
  veto(which) {
    return this.send('veto', { ...target(which), on: true });
  }

  /** Takes your veto back. @param {number | string} which */
  unveto(which) {
    return this.send('veto', { ...target(which), on: false });
  }

  /**
   * Sets the rules of the room; what is absent stays.
   * @param {{ hiddenVotes?: boolean, votesEach?: number | null }} rules `votesEach`: 1 to 100; null: no limit
   */
  setRules({ hiddenVotes, votesEach }) {
    return this.send('rules', { hidden_votes: hiddenVotes, votes_each: votesEach });
  }

  /** Only the host changes the menu from now on. Only the host may say so. */
  lock() {
    return this.send('lock', { on: true });
  }

  /** Everybody may change the menu again. */
  unlock() {
    return this.send('lock', { on: false });
  }

  /** Makes another member host in your place. @param {number} member */
  makeHost(member) {
    return this.send('host', { member });
  }

  /** Asks a member to leave, for good. Only the host may. @param {number} member */
  dismiss(member) {
    return this.send('dismiss', { member });
  }

  /** Makes one of `state.past` the decision again. @param {number} number */
  reinstate(number) {
    return this.send('reinstate', { decision: number });
  }

  #takePart() {
    const { status, me, members, state, pending, position } = this.view;
    // Who watches has no part in it.
    const drawing = status === 'live' && me ? state?.drawing : null;
    if (drawing?.number !== this.#draw) {
      this.#draw = drawing?.number;
      // The server ends such a draw itself.
      this.#complete = drawing?.ends_at !== undefined;
      clearInterval(this.#timer);
      if (drawing && !this.#complete) this.#timer = setInterval(() => this.#reveal(drawing.number), PATIENCE);
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

/** How many items that were removed, and how many earlier decisions, a menu has. */
const REMOVED = 20;
const PAST = 5;

/** @type {(item: Item) => Candidate} */
const candidate = ({ number, item, name, votes }) => ({ number, item, name, votes: votes.length });

/** Without the fields that are undefined: what the server leaves out is absent here too. @template {object} T @param {T} all */
const given = (all) => /** @type {T} */ (Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

/** @type {(members: readonly number[], by: number, on: boolean) => number[]} */
const toggled = (members, by, on) => [...members.filter((member) => member !== by), ...(on ? [by] : [])];

/** The items, with another one of this number. @type {(menu: Menu, number: number, other: (item: Item) => Item) => Item[]} */
const withOther = ({ items }, number, other) => items.map((item) => (item.number === number ? other(item) : item));

/** @type {(drawing: Drawing, secret: string) => Drawn} */
const drawn = ({ number, commitment, candidates, contributions }, secret) => ({ number, commitment, secret, candidates, contributions });

/** All decisions that can be looked at again, newest first, without their draws. @type {(menu: Menu) => Numbered[]} */
const numbered = ({ decision, past }) => (decision?.number ? [/** @type {Numbered} */ ({ ...decision, draw: null }), ...past] : [...past]);

/** @type {(item: Item, by: number, on: boolean) => Item} */
function veto({ vetoes = [], ...item }, by, on) {
  const left = toggled(vetoes, by, on);
  return left.length ? { ...item, vetoes: left } : item;
}

/** @type {(menu: Menu, number: number, by: number, on: boolean) => Menu} */
function vote(menu, number, by, on) {
  const items = withOther(menu, number, (item) => ({ ...item, votes: toggled(item.votes, by, on) }));
  // One vote more than the rules allow, with those for removed items: the one for what was removed first is taken back.
  let left = (menu.rules.votes_each ?? Infinity) - items.filter(({ votes }) => votes.includes(by)).length;
  const removed = menu.removed.map((item) => (item.votes.includes(by) && left-- <= 0 ? { ...item, votes: toggled(item.votes, by, false) } : item));
  return { ...menu, items, removed };
}

/** @type {(menu: Menu, votes?: Revealed) => Menu} */
function reveal(menu, votes) {
  if (!votes) return menu;
  const all = new Map(votes.map(({ number, votes }) => [number, votes]));
  const show = (/** @type {Item} */ item) => ({ ...item, votes: all.get(item.number) ?? item.votes });
  return { ...menu, items: menu.items.map(show), removed: menu.removed.map(show) };
}

/**
 * The menu after each kind of event; `applyMenu` leaves out its undefined fields. `by` is undefined where no member acts.
 * @type {{ [K in keyof MenuChanges]: (menu: Menu, event: MenuChanges[K], by: number) => Menu }}
 */
const AFTER = {
  added: (menu, added, by) => ({ ...menu, items: [...menu.items, { ...added, by, votes: [] }] }),
  removed: (menu, { number }) => ({
    ...menu,
    items: menu.items.filter((item) => item.number !== number),
    removed: [...menu.items.filter((item) => item.number === number), ...menu.removed].slice(0, REMOVED),
  }),
  restored(menu, restored) {
    const { number } = restored;
    // One's own hidden votes are in the copy here, not in the event.
    const item = menu.removed.find((item) => item.number === number) ?? restored;
    return {
      ...menu,
      items: [...menu.items, item].sort((a, b) => a.number - b.number),
      removed: menu.removed.filter((item) => item.number !== number),
    };
  },
  voted(before, { number, on, any }, by) {
    const menu = number === undefined ? before : vote(before, number, by, on);
    return any === undefined ? menu : { ...menu, voted: toggled(menu.voted, by, any).sort((a, b) => a - b) };
  },
  vetoed: (menu, { number, on }, by) => ({ ...menu, items: withOther(menu, number, (item) => veto(item, by, on)) }),
  titled: (menu, { title }) => ({ ...menu, title }),
  extended: (menu) => menu,
  deadline: (menu, { at, name }, by) => ({ ...menu, deadline: at === null ? undefined : given({ at, by, name }) }),
  nudged: (menu, { at }) => ({ ...menu, nudged_at: at }),
  ruled(before, { hidden_votes, votes_each, votes }) {
    const menu = reveal(before, votes);
    // What comes back brings nobody more votes than allowed.
    const isLess = (votes_each ?? Infinity) < (menu.rules.votes_each ?? Infinity);
    const removed = isLess ? menu.removed.map((item) => ({ ...item, votes: [] })) : menu.removed;
    const after = { ...menu, removed };
    // Whoever had votes only there has none.
    return { ...(before.rules.hidden_votes ? after : counted(after)), rules: { hidden_votes, votes_each } };
  },
  locked: (menu, { on }) => ({ ...menu, locked: on }),
  hosted: (menu, { member }) => ({ ...menu, host: member, locked: menu.locked && member !== undefined }),
  dismissed: (menu) => menu,
  cleared(menu, { member }) {
    const clear = (/** @type {Item} */ item) => ({ ...veto(item, member, false), votes: toggled(item.votes, member, false) });
    return { ...menu, items: menu.items.map(clear), removed: menu.removed.map(clear), voted: toggled(menu.voted, member, false) };
  },
  drawing(before, { number, name, commitment, next_commitment, ends_at, votes, ...drawing }, by) {
    const menu = reveal(before, votes);
    const candidates = menu.items.filter((item) => drawing.candidates.includes(item.number)).map(candidate);
    return {
      ...menu,
      next_draw: { number: number + 1, commitment: next_commitment },
      drawing: given({ number, commitment, by, name, candidates, contributions: [], ends_at }),
    };
  },
  contributed(menu, { name, value }, member) {
    const { drawing } = menu;
    return drawing ? { ...menu, drawing: { ...drawing, contributions: [...drawing.contributions, { member, name, value }] } } : menu;
  },
  decided(before, { how, name, winner, secret, at, votes }, by) {
    const menu = reveal(before, votes);
    const drawing = secret === undefined ? null : menu.drawing;
    const among = drawing?.candidates ?? menu.items.map(candidate);
    const won = among.find(({ number }) => number === winner);
    if (!won) return menu;
    // The decision belongs to the member who started the draw, not to the one who ended it.
    const who = drawing ?? { by, name };
    const past = numbered(menu);
    /** @type {Decision} */
    const decision = given({
      number: at && Math.max(0, ...past.map(({ number }) => number)) + 1,
      how,
      by: who.by,
      name: who.name,
      at,
      deadline: who.by === undefined || undefined,
      winner: won,
      draw: drawing && drawn(drawing, /** @type {string} */ (secret)),
    });
    return { ...menu, deadline: undefined, drawing: drawing ? null : menu.drawing, decision, past: past.slice(0, PAST) };
  },
  reinstated(menu, { decision: number }) {
    const decision = menu.past.find((one) => one.number === number);
    return decision ? { ...menu, decision, past: numbered(menu).filter((one) => one !== decision) } : menu;
  },
};

/** What servers of before version 2 leave out of the state. */
const NEW = { rules: { hidden_votes: false, votes_each: null }, locked: false, voted: [], removed: [], past: [] };

/**
 * The menu after an event; undefined after one of a newer server that is not known here.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu | undefined}
 */
export function applyMenu(menu, { by, change }) {
  const [[kind, event] = ['']] = Object.entries(change);
  if (!Object.hasOwn(AFTER, kind)) return undefined;
  /** @type {Menu} */
  const next = given(/** @type {any} */ (AFTER)[kind]({ ...NEW, ...menu }, event, by));
  // Of hidden votes the events say who has any.
  return next.rules.hidden_votes ? next : counted(next);
}

/** With those who have voted, where votes are open. @param {Menu} menu @returns {Menu} */
function counted(menu) {
  const voted = new Set([...menu.items, ...menu.removed].flatMap(({ votes }) => votes));
  return { ...menu, voted: [...voted].sort((a, b) => a - b) };
}
