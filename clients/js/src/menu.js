// The lunch menu. Pure: what happens makes a new one.

/** @import { Candidate, ChangeEvent, Item, Menu, MenuChange } from './types.js' */

/** @type {(item: Item) => Candidate} */
const candidate = ({ number, item, name, votes }) => ({ number, item, name, votes: votes.length });

/**
 * The menu after an event.
 * @param {Menu} menu
 * @param {ChangeEvent<MenuChange>} event
 * @returns {Menu}
 */
export function applyMenu(menu, { by, change }) {
  const { added, removed, restored, voted, titled, drawing, contributed, decided } = change;
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
  if (contributed && menu.drawing) {
    const { name, value } = contributed;
    const contributions = [...menu.drawing.contributions, { member: by, name, value }];
    return { ...menu, drawing: { ...menu.drawing, contributions } };
  }
  return decided ? decide(menu, by, decided) : menu;
}

/** @type {(menu: Menu, by: number, decided: NonNullable<MenuChange['decided']>) => Menu} */
function decide(menu, by, { how, name, winner: number, secret }) {
  const drawing = secret === undefined ? null : menu.drawing;
  const among = drawing?.candidates ?? menu.items.map(candidate);
  const winner = among.find((one) => one.number === number);
  if (!winner) return menu;
  if (!drawing || secret === undefined) return { ...menu, decision: { how, by, name, winner, draw: null } };
  // It is theirs who started it, not theirs who ended it.
  const { by: starter, name: _, ...draw } = drawing;
  const decision = { how, by: starter, name, winner, draw: { ...draw, secret } };
  return { ...menu, drawing: null, decision };
}
