// What others do, in words: for screen readers, and where something can be done about it, for everybody.

import { w } from '../i18n/index.js';
import { called } from './people.js';

/** @import { App } from './app.js' */

/**
 * Listens for as long as the room lasts. Words are looked up when something happens, in the language of then.
 * @param {App} app
 */
export function news(app) {
  const { room } = app;
  /** The view before the newest event: names and dishes that are gone are in it. */
  let before = app.view();
  let now = before;
  room.subscribe((view) => {
    before = now;
    now = view;
  });

  /** @param {number} id */
  const name = (id) => called([...now.members, ...before.members].find((member) => member.id === id)?.name ?? '');
  const isMe = (/** @type {number} */ id) => now.me?.id === id;
  /** @param {number} number */
  const item = (number) => [...(now.state?.items ?? []), ...(before.state?.items ?? [])].find((item) => item.number === number)?.item ?? '';
  /** What was missed is not told one by one. */
  const tell = (/** @type {number} */ id, /** @type {string} */ text) => !isMe(id) && now.status === 'live' && app.announce(text);

  room.listen('joined', ({ joined }) => tell(joined.member, w.said.joined(called(joined.name))));
  room.listen('back', ({ back }) => tell(back.member, w.said.back(name(back.member))));
  room.listen('away', ({ away }) => tell(away.member, w.said.away(name(away.member))));
  room.listen('left', ({ left }) => tell(left.member, w.said.left(name(left.member))));
  room.listen('renamed', ({ by, renamed }) => {
    const was = before.members.find(({ id }) => id === by)?.name;
    if (was !== undefined && was !== renamed.name) tell(by, w.said.renamed(called(was), called(renamed.name)));
  });
  room.listen('change', ({ by, change }) => {
    const { added, removed, restored, voted, titled, extended } = change;
    const who = name(by);
    if (added) tell(by, w.said.added(who, added.item));
    if (restored) tell(by, w.said.restored(who, restored.item));
    if (voted) tell(by, (voted.on ? w.said.voted : w.said.unvoted)(who, item(voted.number)));
    if (titled) tell(by, w.said.titled(who, titled.title ?? w.untitled));
    if (extended) tell(by, w.said.extended(who));
    if (removed && !isMe(by) && now.status === 'live') {
      app.toast(w.removedBy(who, item(removed.number)), {
        name: w.putBack,
        run: () => app.attempt(room.restore(removed.number)),
      });
    }
  });
}
