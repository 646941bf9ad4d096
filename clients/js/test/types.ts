// Compiled, never run: what the published types allow, and what they refuse.

import { Room, RoomError, again, createRoom, newPerson, roomUrl, type Saved, type View } from 'tablecast-client';
import { LunchRoom, applyMenu } from 'tablecast-client/lunch';
import WebSocket from 'ws';

type Count = { readonly total: number };
type Counted = { readonly plus: number };

const counter = new Room('ws://127.0.0.1:8000/ws/x/', {
  apply: (count: Count, { by = 0, change }: { by?: number; change: Counted }) =>
    'plus' in change ? { total: count.total + change.plus * by } : undefined,
});
counter.listen('outdated', ({ protocol, app }) => protocol + app);
const total: number | undefined = counter.view.state?.total;
counter.listen('change', ({ change }) => change.plus.toFixed());
counter.listen('away', ({ away }) => counter.localTime(away.until));
// @ts-expect-error: no such event
counter.listen('gone', () => {});
// @ts-expect-error: a view is not changed
counter.view.status = 'live';
// Without a reducer: members and events, and the state of the last hello.
const plain = new Room('ws://127.0.0.1:8000/ws/x/');
const asked: Promise<number> = plain.send('ask');
plain.listen('refused', ({ code, pending }) => code.padEnd(pending?.id ?? 0));

const saved: Saved | null = JSON.parse('null');
const lunch = new LunchRoom(roomUrl('http://127.0.0.1:8000', 'x'), { name: 'Mina', saved, WebSocket });
const stop: () => void = lunch.subscribe((view: View<import('../src/types.js').Menu>) => {
  for (const { item, votes } of view.state?.items ?? []) item.padEnd(votes.length);
  if (view.reason instanceof RoomError) view.reason.code.trim();
});
lunch.listen('change', ({ by, change }) => {
  // @ts-expect-error: the server or the clock may have done it
  by.toFixed();
  if (change.voted) {
    const { voted } = change;
    // @ts-expect-error: a hidden vote has no number
    voted.number.toFixed();
    if (voted.hidden) voted.any.valueOf();
    else voted.number.toFixed(voted.on ? 1 : 0);
    // @ts-expect-error: it is no other event
    change.added.item.trim();
  } else if (change.decided) change.decided.secret?.trim();
  else if (change.deadline) change.deadline.at?.toFixed();
  else if (change.ruled) change.ruled.votes?.map(({ number, votes }) => number + votes.length);
  // @ts-expect-error: no such event
  else if (change.priced) return;
});
const { watching, state } = lunch.view;
const best: number | undefined = watching ? state?.rules.votes_each?.valueOf() : state?.past[0]?.at;
void lunch.setRules({ votesEach: null });
// @ts-expect-error: no such rule
void lunch.setRules({ secret: true });
new LunchRoom('ws://127.0.0.1:8000/ws/x/', { watch: 'only', person: newPerson() });
new LunchRoom('ws://127.0.0.1:8000/ws/x/', { transport: 'sse', sse: new URL('http://127.0.0.1:8000/sse/x/') }).listen('transport', (name) => name === 'sse');
// @ts-expect-error: no such transport
new LunchRoom('ws://127.0.0.1:8000/ws/x/', { transport: 'polling' });
// @ts-expect-error: no such way to watch
new LunchRoom('ws://127.0.0.1:8000/ws/x/', { watch: 'always' });
const seq: Promise<number> = lunch.vote('pizza');
void lunch.remove(1);
// @ts-expect-error: an item is text
void lunch.add(1);
// @ts-expect-error: the menu's reducer is there already
new LunchRoom('ws://127.0.0.1:8000/ws/x/', { apply: applyMenu });

const made: Promise<{ id: string; url: string }> = createRoom('http://127.0.0.1:8000', {}, { signal: null });
const next: Promise<{ id: string }> = again('http://127.0.0.1:8000', 'x', { person: newPerson() });
void again('http://127.0.0.1:8000', 'x', { title: 'Friday', menu: [{ item: 'pho', name: 'Mina' }] });
// @ts-expect-error: a dish has the name of who wanted it
void again('http://127.0.0.1:8000', 'x', { menu: ['pho'] });
export { best, next, total, stop, seq, made, asked };
