// Compiled, never run: what the published types allow, and what they refuse.

import { Room, RoomError, createRoom, roomUrl, type Saved, type View } from 'tablecast-client';
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
const seq: Promise<number> = lunch.vote('pizza');
void lunch.remove(1);
// @ts-expect-error: an item is text
void lunch.add(1);
// @ts-expect-error: the menu's reducer is there already
new LunchRoom('ws://127.0.0.1:8000/ws/x/', { apply: applyMenu });

const made: Promise<{ id: string; url: string }> = createRoom('http://127.0.0.1:8000', {}, { signal: null });
export { total, stop, seq, made, asked };
