// The README's example of a page, for the type checker.
// ---
import { createRoom, roomUrl } from 'tablecast-client';
import { LunchRoom } from 'tablecast-client/lunch';

const id = (location.hash ||= (await createRoom(location.href)).id).slice(1);
const saved = JSON.parse(sessionStorage.getItem(id) ?? 'null');
const room = new LunchRoom(roomUrl(location.href, id), { name: 'Mina', saved });

room.subscribe(({ status, stale, retryAt, state }) => {
  sessionStorage.setItem(id, JSON.stringify(room.saved));
  const wait = retryAt && Math.ceil((retryAt - Date.now()) / 1000);
  document.title = wait ? `offline, next try in ${wait} s` : status;
  document.body.classList.toggle('stale', stale);
  document.body.replaceChildren(...(state?.items ?? []).map(({ item, votes }) => `${item}: ${votes.length} `));
});

await room.add('김치찌개');
await room.vote('김치찌개').catch((error) => alert(error.message));
