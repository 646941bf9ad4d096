// The operators' page with answers that a test makes up: what a real node answers with luck, or once in a year.

/** @typedef {import('playwright-core').Page} Page */

export const ROOM = '32cd8a37-d116-4cf7-ab54-ad14cb7df569';
const HIDDEN = '(hidden)';
const MINUTE = 60_000;

/** When all of it was; today, so that a form's own time finds it. */
export const NOW = Date.now();

export const NODE = {
  node: '7f3a09c1d2e4b586', version: '0.1.0', commit: '94044205a1b2', started_at: NOW - 3 * 24 * 60 * MINUTE, draining: false, rooms: 214, connections: 1289,
  store: { name: 'sqlite:/var/lib/tablecast/tablecast.db', health: 'up' },
  tls: { domains: ['lunch.example'], not_after: NOW + 62 * 24 * 60 * MINUTE, last_error: null, next_renewal: NOW + 32 * 24 * 60 * MINUTE },
};

/** @param {number} n */
export const room = (n) => ({
  id: n === 0 ? ROOM : `room-${String(n).padStart(4, '0')}`, position: { epoch: 'b5fcfbf0cd7a7dd5', seq: 6 + n }, members: 3, connections: 4, watchers: 1,
  opened_at: NOW - (n + 5) * MINUTE, expires_at: NOW + 3 * 60 * MINUTE,
});

const EVENTS = [
  { joined: { member: 1, name: HIDDEN, colour: 0 } },
  { joined: { member: 2, name: HIDDEN, colour: 3 } },
  { change: { added: { number: 1, item: HIDDEN, name: HIDDEN } }, by: 1 },
  { change: { added: { number: 2, item: HIDDEN, name: HIDDEN } }, by: 2 },
  { change: { voted: { number: 1, on: true } }, by: 2 },
  { change: { locked: { name: HIDDEN, on: true } }, by: 1 },
];

/** The room's state after so many events. @param {number} count */
function state(count) {
  const items = [{ number: 1, item: HIDDEN, by: 1, name: HIDDEN, votes: count >= 5 ? [2] : [] }, { number: 2, item: HIDDEN, by: 2, name: HIDDEN, votes: [] }];
  return { title: HIDDEN, items: items.slice(0, Math.max(0, count - 2)), max_items: 100, decision: null, rules: { hidden_votes: false, votes_each: null }, locked: count >= 6, voted: count >= 5 ? [2] : [], removed: [], past: [] };
}

/** @param {object} more */
const visit = (more) => ({ at: NOW, what: 'joined', room: ROOM, member: '1', name: HIDDEN, address: '192.0.2.7', dialect: 'json', transport: 'websocket', code: null, reason: null, lasted_ms: null, ...more });

const VISITS = [
  visit({ at: NOW - MINUTE, what: 'closed', code: 4413, reason: 'reading too slowly', lasted_ms: 754_000 }),
  visit({ at: NOW - 2 * MINUTE, what: 'refused', member: null, name: null, code: 'room_full', reason: 'all 10 seats are taken', address: '2001:db8:17:4a00::1' }),
  visit({ at: NOW - 5 * MINUTE, what: 'watching', member: null, name: null, transport: 'sse' }),
  visit({ at: NOW - 14 * MINUTE }),
];

/**
 * What each address of the API answers, by its path below `/api/`. A function is asked with the query.
 * @type {Record<string, object | ((query: URLSearchParams) => object)>}
 */
export const ANSWERS = {
  node: NODE,
  rooms: (query) => {
    const found = Array.from({ length: 214 }, (_, n) => room(n)).filter(({ id }) => id.includes(query.get('search') ?? ''));
    const first = found.findIndex(({ id }) => id === query.get('after')) + 1;
    const rooms = found.slice(first, first + Number(query.get('limit')));
    return { rooms, open: 214, next: first + rooms.length < found.length ? rooms.at(-1)?.id : null };
  },
  [`rooms/${ROOM}`]: {
    ...room(0), state: state(EVENTS.length),
    seats: [
      { member: '1', name: HIDDEN, colour: 0, person: true, here: true, node: NODE.node },
      { member: '2', name: HIDDEN, colour: 3, person: false, here: false, node: NODE.node },
    ],
    connections_here: [
      { member: '1', dialect: 'json', transport: 'websocket', address: '192.0.2.7', since: NOW - 12 * MINUTE, round_trip_ms: 38, outbox: { frames: 0, bytes: 0, oldest_ms: null } },
      { member: null, dialect: 'json', transport: 'sse', address: '2001:db8:17:4a00::1', since: NOW - 5 * MINUTE, round_trip_ms: null, outbox: { frames: 12, bytes: 48_190, oldest_ms: 2100 } },
    ],
  },
  [`rooms/${ROOM}/history`]: (query) => {
    const at = query.get('at');
    if (at !== null) return { position: { epoch: 'b5fcfbf0cd7a7dd5', seq: Number(at) }, state: state(Number(at)), event: EVENTS[Number(at) - 1] };
    return { from: { epoch: 'b5fcfbf0cd7a7dd5', seq: 0, state: state(0) }, events: EVENTS.map(({ by, ...event }, n) => ({ seq: n + 1, by, event })) };
  },
  visits: { visits: VISITS, oldest_at: NOW - 3 * 24 * 60 * MINUTE, oldest_refusal_at: NOW - 60 * MINUTE },
};

/** @typedef {{ method: string, path: string, query: URLSearchParams, reveal: string | undefined, body: any }} Asked */

/**
 * Answers what the page asks the API. Returns what it has asked.
 * @param {Page} page
 * @param {typeof ANSWERS} [answers]
 * @returns {Promise<Asked[]>}
 */
export async function answering(page, answers = ANSWERS) {
  /** @type {Asked[]} */
  const asked = [];
  await page.route(/\/(api\/.*|readyz)$|\/api\/.*\?/, (route) => {
    const request = route.request();
    const { pathname, searchParams: query } = new URL(request.url());
    const path = pathname.replace(/^\/(api\/)?/, '');
    asked.push({ method: request.method(), path, query, reveal: request.headers()['tablecast-reveal'], body: request.postDataJSON() });
    const answer = answers[path];
    if (path === 'readyz') return route.fulfill({ json: answer ?? { status: 'ready' } });
    if (request.method() === 'POST') return route.fulfill({ json: {} });
    if (!answer) return route.fulfill({ status: 404, contentType: 'application/problem+json', json: { status: 404, code: 'not_found', detail: 'there is no such room, or it expired' } });
    return route.fulfill({ json: typeof answer === 'function' ? answer(query) : answer });
  });
  return asked;
}
