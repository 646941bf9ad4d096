// A run of the page, in Chromium.

import { LAST } from './check.js';
import { conduct } from './conduct.js';
import { launch } from '../support/chromium.js';
import { words } from '../support/words.js';
import { pause } from './world.js';

/** @import { Command, History, Mishap, Outcome, Plan, Plant, Step } from './types.js' */

/** Only a hanging run takes this long, also on a busy machine, ms. */
const PATIENCE = 60_000;

/** Typing takes at most this long, if there is a field, ms. */
const MOMENT = 10_000;

/** The planted fault is at this command. */
const PLANTED_AT = 3;

/** The visible state of the page. @typedef {{ status: string, stale: boolean, trouble: string, note: string, toasts: string[], retryIn: number | null, dishes: { name: string, waits: boolean }[] }} Seen */

/** The client's code for a refusal that the page shows, or else the text. @param {string} said */
const code = (said) => Object.entries(words.en.errors).find(([, text]) => said.endsWith(text))?.[0] ?? said;

/** The text before the names of dishes that were not added. */
const NOT_ADDED = words.en.notAdded('').split('.')[0] ?? '';

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let browser;

/** Runs in the page, before its own scripts: a clock that can be set, and an observer of the visible state. */
/** @param {{ taken: string, failed: string }} titles the titles of final screens, besides a closed table */
function inside({ taken, failed }) {
  const page = /** @type {any} */ (globalThis);
  page.chaosBy = 0;
  const now = Date.now;
  page.Date = class extends Date {
    /** @param {any[]} parts */
    constructor(...parts) {
      // @ts-expect-error Date takes any arguments
      super(...(parts.length > 0 ? parts : [now() + page.chaosBy]));
    }
    /** @override */
    static now = () => now() + page.chaosBy;
  };
  let before = '';
  const look = () => {
    /** @param {string} selector @returns {HTMLElement | null} */
    const one = (selector) => document.querySelector(selector);
    const text = (/** @type {string} */ selector) => one(selector)?.textContent ?? '';
    const trouble = one('.trouble');
    const hidden = trouble?.hidden ?? true;
    const dishes = [...document.querySelectorAll('.dish:not([data-gone])')].map((line) => ({ name: line.querySelector('.dish-name')?.textContent ?? '', waits: line.hasAttribute('data-waits') }));
    const title = text('.screen h1');
    const isOver = one('.closed') !== null || title === taken || title === failed;
    const clock = /(\d+):(\d\d)/.exec(trouble?.textContent ?? '');
    /** @type {Seen} */
    const seen = {
      status: one('.status')?.dataset['status'] ?? (isOver ? 'ended' : 'connecting'),
      stale: !hidden,
      trouble: one('.closed') ? 'not_found' : isOver ? title : hidden ? '' : (trouble?.textContent ?? ''),
      note: text('.add-note') || text('.screen .note'),
      toasts: [...document.querySelectorAll('.toast-text')].map((toast) => toast.textContent),
      retryIn: clock ? (Number(clock[1]) * 60 + Number(clock[2])) * 1000 : null,
      dishes,
    };
    const is = JSON.stringify(seen);
    if (is === before) return;
    before = is;
    page.chaosSeen(is);
  };
  addEventListener('DOMContentLoaded', () => {
    new MutationObserver(look).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true });
    look();
  });
}

/**
 * @param {Plan} plan
 * @param {Plant | null} plant
 * @returns {Promise<History>}
 */
export function run(plan, plant) {
  return conduct(plan, plant, async ({ world, began, record, client }) => {
    const now = () => Date.now() - began;
    const context = await (await (browser ??= launch())).newContext({ baseURL: world.base(client), locale: 'en-US', reducedMotion: 'reduce' });
    context.setDefaultTimeout(PATIENCE);
    context.on('weberror', (error) => record({ crash: `client ${client}: ${error.error().stack}` }));
    const page = await context.newPage();
    const tools = await context.newCDPSession(page);
    const planted = client === 0 ? plant : null;
    /** Unanswered commands, in order. @type {Command[]} */
    const waiting = [];
    /** Unanswered commands of a page that is gone. @type {Command[]} */
    const left = [];
    let keys = 0;
    let additions = 0;
    let isStuck = false;
    /** @type {Seen | undefined} */
    let seen;
    /** @type {string | null} */
    let held = null;
    /** The last refusal shown; a new page does not show those of the page before. */
    let note = '';

    /** @param {Command} command @param {Outcome} outcome */
    const settle = (command, outcome) => {
      if (planted === 'never-answers' && command.key === PLANTED_AT) return;
      const list = waiting.includes(command) ? waiting : left;
      list.splice(list.indexOf(command), 1);
      record({ answered: { client, key: command.key, outcome } });
    };
    /** @param {Seen} seen */
    const view = ({ status, stale, trouble, retryIn, dishes }) => {
      const store = trouble.includes(words.en.storeDown) ? 'down' : 'up';
      const pending = dishes.filter(({ waits }) => waits).length;
      const last = dishes.some(({ name, waits }) => name === LAST && !waits);
      return { client, life: 0, at: now(), status, stale, store, reason: trouble, retryIn, epoch: null, seq: null, pending, last };
    };
    await page.exposeFunction('chaosSeen', (/** @type {string} */ text) => {
      if (isStuck) return;
      seen = /** @type {Seen} */ (JSON.parse(text));
      const { status, dishes } = seen;
      const settled = new Set(dishes.filter(({ waits }) => !waits).map(({ name }) => name));
      for (const command of [...waiting]) if (settled.has(command.item ?? '') && status === 'live') settle(command, { ok: true, seq: null });
      for (const toast of seen.toasts) {
        const named = (toast.split(': ')[0] ?? '').split(', ');
        for (const command of [...waiting, ...left]) if (named.includes(command.item ?? '')) settle(command, { ok: false, code: code(toast) });
      }
      const [, missing] = seen.note.split(NOT_ADDED);
      if (missing !== undefined) {
        const named = (missing.split('.')[0] ?? '').split(', ');
        const reason = code(seen.note);
        // If the room is gone, that is the reason; else it follows the names, or is not known.
        const why = reason !== seen.note ? reason : seen.trouble === 'not_found' ? 'not_found' : 'unsure';
        for (const command of [...waiting, ...left]) if (named.includes(command.item ?? '')) settle(command, { ok: false, code: why });
      } else if (seen.note !== note && seen.note !== '') {
        const refused = waiting.find(({ item }) => !dishes.some(({ name }) => name === item));
        if (refused) settle(refused, { ok: false, code: code(seen.note) });
      }
      note = seen.note;
      record({ shown: view(seen) });
      if (planted === 'false-live' && status === 'live' && settled.size >= PLANTED_AT) isStuck = true;
    });
    await page.addInitScript(inside, { taken: words.en.takenTitle, failed: words.en.failedTitle });
    await page.goto(`/r/${world.id}`);
    const box = page.locator('#add');
    await box.waitFor();

    /** @param {string} item */
    const type = async (item) => {
      await box.fill(item, { timeout: MOMENT });
      await box.press('Enter', { timeout: MOMENT });
    };
    /** @param {Step | Mishap} order */
    async function obey(order) {
      switch (order.do) {
        case 'add': {
          // Without a table there is no field.
          if (!(await box.isVisible())) return;
          const item = `c${client} ${keys}`;
          /** @type {Command} */
          const command = { client, life: 0, key: keys++, do: 'add', item, at: now() };
          record({ command });
          waiting.push(command);
          const isPlanted = ++additions === PLANTED_AT;
          if (isPlanted && planted === 'lose') return settle(command, { ok: true, seq: null });
          if (isPlanted && planted === 'reorder') return void (held = item);
          try {
            await type(item);
          } catch {
            // The table has gone at this moment.
            return settle(command, { gone: true, kept: false });
          }
          if (isPlanted && planted === 'double') await type(`c${client} again`);
          if (isPlanted && planted === 'false-end' && seen) record({ shown: { ...view(seen), status: 'ended' } });
          if (held !== null) {
            await type(held);
            held = null;
          }
          return;
        }
        case 'vote':
          // Lines move, so a mouse click would sometimes hit another one.
          return page.evaluate((of) => {
            const buttons = [...document.querySelectorAll('.dish-vote')];
            /** @type {HTMLElement | undefined} */ (buttons[of % Math.max(1, buttons.length)])?.click();
          }, order.of);
        case 'freeze':
          record({ excused: { client, from: now(), to: now() + order.for } });
          await tools.send('Page.setWebLifecycleState', { state: 'frozen' });
          await pause(order.for);
          return void (await tools.send('Page.setWebLifecycleState', { state: 'active' }));
        case 'hide':
          record({ excused: { client, from: now(), to: now() + order.for } });
          await turn('hidden');
          await pause(order.for);
          return turn('visible');
        case 'offline':
          record({ excused: { client, from: now(), to: now() + order.for } });
          await context.setOffline(true);
          await pause(order.for);
          return context.setOffline(false);
        case 'clock':
          return page.evaluate((by) => void (/** @type {any} */ (globalThis).chaosBy += by), order.by);
        case 'reload': {
          // The storage as it is when the page goes.
          const kept = await page.evaluate(() => JSON.stringify(Object.entries(sessionStorage)) + JSON.stringify(Object.entries(localStorage)));
          left.push(...waiting);
          for (const command of waiting.splice(0)) record({ answered: { client, key: command.key, outcome: { gone: true, kept: kept.includes(`${command.item}\\"`) } } });
          await context.setOffline(false);
          for (;;) {
            const arrived = await page.reload().then(
              () => true,
              () => false,
            );
            if (arrived && (await box.isVisible())) return;
            // sleep: a person who sees an error instead of a page tries again after a moment
            await pause(500);
          }
        }
      }
    }
    /** @param {string} state */
    const turn = (state) =>
      page.evaluate((state) => {
        Object.defineProperty(document, 'visibilityState', { configurable: true, value: state });
        Object.defineProperty(document, 'hidden', { configurable: true, value: state === 'hidden' });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
      }, state);
    /** One after the other, as a person does it. */
    let turns = Promise.resolve();
    return {
      act: (order) => (turns = turns.then(() => obey(order))),
      retryNow: () => void page.evaluate(() => /** @type {HTMLElement | null} */ (document.querySelector('.trouble:not([hidden]) button:not([hidden])'))?.click()),
      async wrong(items) {
        const there = (seen?.dishes ?? []).map(({ name }) => name).sort();
        return isStuck || there.join() === [...items].sort().join() ? null : `${there.join()} instead of ${items.join()}`;
      },
      close: () => context.close(),
    };
  });
}
