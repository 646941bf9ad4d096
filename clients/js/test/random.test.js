// Many members, random commands, random network failures: all see the same in the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyDraw } from 'tablecast-client/draw';
import { proxy } from './support/proxy.js';
import { generator } from './support/random.js';
import { join, live, until } from './support/rooms.js';
import { serve } from './support/server.js';

const MEMBERS = 8;
const STEPS = 300;

const seeds = process.env['SEED'] ? [Number(process.env['SEED'])] : [1, 2, Date.now() % 1_000_000];

/** @type {readonly import('tablecast-client').TransportName[][]} */
const ways = [['websocket'], ['sse', 'websocket']];

for (const [seed, way] of seeds.flatMap((seed) => ways.map((way) => /** @type {const} */ ([seed, way])))) {
  test(`members over failing networks agree in the end: by ${way.join(' and ')}, SEED=${seed}`, async (t) => {
    const random = generator(seed);
    const server = await serve(t);
    const { url, get } = await server.room();
    const members = await Promise.all(
      Array.from({ length: MEMBERS }, async (_, n) => {
        const net = await proxy(t, server.port);
        return { net, room: join(t, net.through(url), { transport: way[n % way.length] }) };
      }),
    );
    await Promise.all(members.map(({ room }) => live(room)));

    /** Each addition that was acknowledged. @type {string[]} */
    const added = [];
    let removed = 0;
    /** @type {Promise<unknown>[]} */
    const answers = [];
    /** @param {Promise<unknown>} answer */
    const keep = (answer, then = () => {}) => {
      answers.push(
        answer.then(then, (error) => {
          // Another member was first, or the menu is full; `outdated` if this answer was lost with the
          // connection, and a newer command was applied. None of these changed anything, as the sum at the end
          // shows.
          const known = ['not_found', 'menu_full', 'nothing_to_decide', 'drawing', 'outdated', 'votes_spent', 'too_many_votes', 'votes_hidden', 'vetoed', 'too_soon'];
          assert.ok(known.includes(error.code), error);
        }),
      );
    };
    for (let step = 0; step < STEPS; step++) {
      const member = members[random(MEMBERS)];
      assert.ok(member);
      const { room, net } = member;
      const known = room.view.state?.items ?? [];
      const item = known[random(Math.max(1, known.length))]?.number ?? 1;
      switch (random(15)) {
        case 0:
          net.cut();
          break;
        case 1:
          room.retryNow();
          break;
        case 2:
          keep(room.remove(item), () => removed++);
          break;
        case 3:
          keep(room.rename(`name ${step}`));
          break;
        case 4:
        case 5:
          keep(random(2) ? room.vote(item) : room.unvote(item));
          break;
        case 6:
          // Wait until some answers have come.
          await Promise.race(answers.slice(-3).concat(Promise.resolve()));
          await fetch(`${server.base}/healthz`);
          break;
        case 7:
          keep(random(2) ? room.decide(random(2) ? 'draw' : 'votes') : room.setTitle(`title ${step}`));
          break;
        case 8:
          keep(random(2) ? room.veto(item) : room.unveto(item));
          break;
        case 9:
          keep(room.setRules({ hiddenVotes: random(3) > 0, votesEach: random(5) || null }));
          break;
        case 10:
          keep(random(2) ? room.reinstate(1 + random(5)) : random(2) ? room.nudge() : room.decideIn(3_600_000));
          break;
        default:
          keep(room.add(`item ${step}`), () => added.push(`item ${step}`));
      }
    }
    // From now on the client itself detects and repairs failures.
    await Promise.all(answers);
    const end = Math.max(...(await Promise.all(members.map(({ room }) => live(room)))).map((view) => view.position?.seq ?? 0));
    // A draw under way ends, whoever was disconnected.
    /** @type {(view: import('./support/rooms.js').View) => unknown} */
    const calm = ({ state, pending }) => !state?.drawing && !pending.length;
    await Promise.all(members.map(({ room }) => until(room, (view) => calm(view) && (view.position?.seq ?? 0) >= end)));

    // Each knows what the server shows them: it tells the same seat, taken by somebody who knows nothing yet.
    const rooms = [];
    for (const { room } of members) {
      const { saved, view } = room;
      assert.ok(saved);
      const fresh = join(t, url, { saved: { ...saved, replica: null } });
      const { state, members } = await live(fresh);
      assert.deepEqual([view.state, view.members], [state, members]);
      rooms.push(fresh);
    }
    const { decision } = (await get()).state;
    if (decision?.draw) {
      for (const { contribution } of rooms) {
        const verdict = verifyDraw(decision.draw, contribution);
        assert.deepEqual([verdict.commitmentHolds, verdict.winner], [true, decision.winner]);
      }
    }
    // Without secrets all know the same. A decision ends them.
    const [first] = rooms;
    assert.ok(first);
    await first.add('the last').then(() => added.push('the last'), (error) => assert.equal(error.code, 'menu_full'));
    await first.decide('votes');
    await until(first, ({ state }) => !state?.drawing);
    await first.setRules({ hiddenVotes: false });
    const there = await get();
    for (const room of rooms) {
      const view = await until(room, ({ position, status, pending }) => status === 'live' && (position?.seq ?? 0) >= there.seq && !pending.length);
      assert.deepEqual(view.state, there.state);
      assert.deepEqual(view.members, there.members);
      assert.deepEqual(view.pending, []);
    }
    // Each acknowledged command was applied, and none twice.
    assert.equal(there.state.items.length, added.length - removed);
    assert.equal(new Set(there.state.items.map((/** @type {any} */ { item }) => item)).size, there.state.items.length);
  });
}
