// A table as the protocol describes it, with all that only the server knows: it decides commands, and says what each
// viewer sees. Its state is changed in place; no part is shared with the client's reducer.

/** @typedef {{ number: number, item: string, by: number, name: string, votes: number[], seen: number[], vetoes: number[] }} Dish */

const REMOVED = 20;
const PAST = 5;

const name = (/** @type {number} */ id) => `member ${id}`;

/** A value without the fields that are undefined, and shared with nobody. @template T @param {T} value @returns {T} */
const plain = (value) => JSON.parse(JSON.stringify(value));

/** Of earlier decisions no draw is kept. @param {any} decision */
const without = (decision) => ({ ...decision, draw: null });

export class Table {
  now = 1_000;
  /** @type {Dish[]} */
  items = [];
  /** Newest first. @type {Dish[]} */
  removed = [];
  /** @type {string | null} */
  title = null;
  rules = { hidden_votes: false, votes_each: /** @type {number | null} */ (null) };
  /** @type {object | undefined} */
  deadline;
  /** @type {number | undefined} */
  host;
  locked = false;
  /** While votes are hidden. @type {number[]} */
  voted = [];
  /** Whether somebody has voted in secret since the votes were last shown. */
  #sealed = false;
  /** @type {number | undefined} */
  nudged;
  draws = 0;
  /** @type {any} */
  drawing = null;
  /** All decisions, newest first; the first one stands. @type {any[]} */
  decisions = [];
  decided = 0;
  #last = 0;

  /** @param {number | null} viewer */
  view(viewer) {
    const shown = (/** @type {Dish} */ dish) => {
      const { number, item, by, name, votes, seen, vetoes } = dish;
      let all = votes;
      if (this.rules.hidden_votes) {
        all = seen.filter((id) => id !== viewer);
        if (viewer !== null && votes.includes(viewer)) all.push(viewer);
      }
      return { number, item, by, name, votes: all, vetoes: vetoes.length ? vetoes : undefined };
    };
    const [decision = null, ...past] = this.decisions;
    return plain({
      title: this.title,
      items: this.items.map(shown),
      max_items: 100,
      rules: this.rules,
      deadline: this.deadline,
      host: this.host,
      locked: this.locked,
      voted: this.#voted(),
      nudged_at: this.nudged,
      removed: this.removed.map(shown),
      next_draw: { number: this.draws + 1, commitment: `commitment ${this.draws + 1}` },
      drawing: this.drawing,
      decision,
      past: past.map(without),
    });
  }

  /** Who has voted, hidden or not. */
  #voted() {
    if (this.rules.hidden_votes) return this.voted;
    const all = [...this.items, ...this.removed].flatMap(({ votes }) => votes);
    return all.filter((id, at) => all.indexOf(id) === at).sort((a, b) => a - b);
  }

  /** All items as others may see them now. @param {Dish[]} dishes */
  #reveal(dishes) {
    this.#sealed = false;
    for (const dish of dishes) dish.seen = [...dish.votes];
    return dishes.map(({ number, votes }) => ({ number, votes }));
  }

  /** @param {Dish} dish */
  #candidate({ number, item, name, votes }) {
    return { number, item, name, votes: votes.length };
  }

  /**
   * @param {number | undefined} by
   * @param {number} winner
   * @param {'votes' | 'draw'} how
   * @param {any} draw
   * @param {any[]} among
   */
  #decide(by, winner, how, draw, among) {
    const decision = {
      number: ++this.decided,
      how,
      by,
      name: by && name(by),
      at: this.now,
      deadline: by === undefined || undefined,
      winner: among.find(({ number }) => number === winner),
      draw,
    };
    this.decisions = [decision, ...this.decisions].slice(0, PAST + 1);
    this.deadline = undefined;
  }

  /**
   * Decides by the votes or by a draw; at the deadline `by` is undefined.
   * @param {number | undefined} by
   * @param {'votes' | 'draw'} how
   * @returns {object | null} what everybody sees; null: there is nothing to decide
   */
  settle(by, how) {
    const open = this.items.filter(({ vetoes }) => !vetoes.length);
    const most = Math.max(...open.map(({ votes }) => votes.length));
    const best = how === 'draw' ? open : open.filter(({ votes }) => votes.length === most);
    const [first] = best;
    if (!first || this.drawing) return null;
    const votes = this.rules.hidden_votes ? this.#reveal([...this.items, ...this.removed]) : undefined;
    const said = { name: by && name(by), votes };
    if (how === 'votes' && best.length === 1) {
      this.#decide(by, first.number, 'votes', null, this.items.map(this.#candidate));
      return { decided: { how, winner: first.number, at: this.now, ...said } };
    }
    const number = ++this.draws;
    const commitment = `commitment ${number}`;
    const ends_at = by === undefined ? this.now + 5_000 : undefined;
    this.drawing = { number, commitment, by, name: said.name, candidates: best.map(this.#candidate), contributions: [], ends_at };
    return { drawing: { number, candidates: best.map((dish) => dish.number), commitment, next_commitment: `commitment ${number + 1}`, ends_at, ...said } };
  }

  /** Ends the draw under way. @param {number} winner an index */
  end(winner) {
    const { number, commitment, by, candidates, contributions } = this.drawing;
    const won = candidates[winner % candidates.length].number;
    this.drawing = null;
    const secret = `secret ${number}`;
    this.#decide(by, won, 'draw', { number, commitment, secret, candidates, contributions }, candidates);
    return { decided: { how: 'draw', name: by && name(by), winner: won, secret, at: this.now } };
  }

  /** @param {number} number @returns {object | null} */
  restore(number) {
    const dish = this.removed.find((dish) => dish.number === number);
    if (!dish) return null;
    this.removed = this.removed.filter((one) => one !== dish);
    this.items = [...this.items, dish].sort((a, b) => a.number - b.number);
    const { seen, votes, vetoes, ...rest } = dish;
    const all = this.rules.hidden_votes ? seen : votes;
    return { restored: { ...rest, votes: all, vetoes: vetoes.length ? vetoes : undefined } };
  }

  /**
   * @param {number} by
   * @param {number} number
   * @returns {{ own: object, others: object } | null}
   */
  vote(by, number) {
    const dish = this.items.find((dish) => dish.number === number);
    if (!dish) return null;
    const on = !dish.votes.includes(by);
    const given = this.items.filter(({ votes }) => votes.includes(by)).length;
    if (on && given >= (this.rules.votes_each ?? Infinity)) return null;
    dish.votes = dish.votes.filter((id) => id !== by).concat(on ? [by] : []);
    // What is removed counts too, and the oldest of it goes.
    let all = given + (on ? 1 : -1) + this.removed.filter(({ votes }) => votes.includes(by)).length;
    for (const gone of [...this.removed].reverse()) {
      if (!gone.votes.includes(by) || all <= (this.rules.votes_each ?? Infinity)) continue;
      gone.votes = gone.votes.filter((id) => id !== by);
      all -= 1;
    }
    if (!this.rules.hidden_votes) return { own: { voted: { number, on } }, others: { voted: { number, on } } };
    const any = [...this.items, ...this.removed].some(({ votes }) => votes.includes(by));
    this.voted = this.voted.filter((id) => id !== by).concat(any ? [by] : []).sort((a, b) => a - b);
    this.#sealed = this.voted.length > 0;
    return { own: { voted: { number, on, any } }, others: { voted: { hidden: true, any } } };
  }

  /** @param {number} by @param {boolean} hidden @param {number | null} each */
  rule(by, hidden, each) {
    const all = [...this.items, ...this.removed];
    const voted = this.#voted();
    const ends = this.rules.hidden_votes && !hidden;
    if (ends && this.#sealed) return null;
    if ((each ?? Infinity) < (this.rules.votes_each ?? Infinity)) {
      const most = each ?? Infinity;
      if (this.#sealed || voted.some((id) => this.items.filter(({ votes }) => votes.includes(id)).length > most)) return null;
      for (const gone of this.removed) gone.votes = gone.seen = [];
    }
    if (!this.rules.hidden_votes && hidden) {
      this.voted = this.#voted();
      this.#reveal(all);
    }
    this.rules = { hidden_votes: hidden, votes_each: each };
    return { ruled: { ...this.rules, name: name(by), votes: ends ? this.#reveal(all) : undefined } };
  }

  /** @param {number} by @param {string} item */
  add(by, item) {
    const number = ++this.#last;
    this.items.push({ number, item, by, name: name(by), votes: [], seen: [], vetoes: [] });
    return { added: { number, item, name: name(by) } };
  }

  /** @param {number} number */
  remove(number) {
    const dish = this.items.find((dish) => dish.number === number);
    if (!dish) return null;
    this.items = this.items.filter((one) => one !== dish);
    this.removed = [dish, ...this.removed].slice(0, REMOVED);
    return { removed: { number } };
  }

  /** @param {number} by @param {number} number */
  veto(by, number) {
    const dish = this.items.find((dish) => dish.number === number);
    if (!dish) return null;
    const on = !dish.vetoes.includes(by);
    dish.vetoes = dish.vetoes.filter((id) => id !== by).concat(on ? [by] : []);
    return { vetoed: { number, on } };
  }

  /** @param {number | undefined} by @param {number | undefined} member */
  make(by, member) {
    this.host = member;
    if (member === undefined) this.locked = false;
    return { hosted: { member, name: by && name(by) } };
  }

  /** @param {number} by */
  contribute(by) {
    if (!this.drawing || this.drawing.contributions.some((/** @type {any} */ one) => one.member === by)) return null;
    const value = `value ${by}`;
    this.drawing = { ...this.drawing, contributions: [...this.drawing.contributions, { member: by, name: name(by), value }] };
    return { contributed: { name: name(by), value } };
  }

  /** @param {number} by @param {number} at an index in what was decided before */
  reinstate(by, at) {
    const [, ...past] = this.decisions;
    const decision = past[at];
    if (!decision) return null;
    this.decisions = [without(decision), ...this.decisions.filter((one) => one !== decision)];
    return { reinstated: { decision: decision.number, name: name(by), at: this.now } };
  }

  /** @param {number | undefined} by @param {number | null} at */
  until(by, at) {
    this.deadline = at === null ? undefined : { at, by, name: by && name(by) };
    return { deadline: { at, name: by && name(by) } };
  }

  /** @param {number} by */
  nudge(by) {
    this.nudged = this.now;
    return { nudged: { name: name(by), at: this.now } };
  }

  /** @param {number} by @param {boolean} on */
  lock(by, on) {
    if (this.host === undefined || this.locked === on) return null;
    this.locked = on;
    return { locked: { on, name: name(by) } };
  }
}
