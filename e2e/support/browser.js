// Debian's Chromium, and the guests who use it.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test as nodeTest } from 'node:test';
import { launch } from './chromium.js';
import { words } from './words.js';
import { DEADLINE } from './wait.js';

/** @typedef {import('node:test').TestContext} TestContext */

/** Chromium's own messages when the network, the server or the room is gone. */
export const NETWORK = /^Failed to load resource|^WebSocket connection to /;

/** A name of this machine that is not `localhost`, as phones would use. Only the browser knows it. */
const NAME = 'lunch.test';

/** The same site by its name in the network. @param {string} base */
export const named = (base) => base.replace('127.0.0.1', NAME);

/** The limit of each test, in ms. As an option of the runner it would apply to a whole file with all its tests. */
const LIMIT = 3_600_000; // A tour looks at two dozen screens, on a busy machine for half an hour.

/** How long to wait for a picture of a page that may hang, in ms. */
const PICTURE = 5000;

/** One browser for all tests of a file. @type {Promise<import('playwright-core').Browser> | undefined} */
let browser;

after(async () => (await browser)?.close());

/** The options of a guest's device: those of a browser context, and `may`. */
/** @typedef {import('playwright-core').BrowserContextOptions & { may?: RegExp }} Device */

/**
 * The browser contexts whose sockets a test relays. A relay may pass on what a page said just before its socket closed,
 * and the browser then warns of the relay's own socket.
 * @type {WeakSet<import('playwright-core').BrowserContext>}
 */
export const relayed = new WeakSet();
const LATE = /^WebSocket is already in CLOSING or CLOSED state/;

/** The guests of a test. @type {WeakMap<TestContext, { page: import('playwright-core').Page, faults: string[] }[]>} */
const guests = new WeakMap();

/**
 * A test with guests. It also fails if a guest noticed something that a page must not do. After any failure it
 * leaves pictures of their screens.
 * @param {string} name
 * @param {(t: TestContext) => Promise<void>} body
 */
export function test(name, body) {
  // Not awaited: the runner runs tests one after the other.
  void nodeTest(name, { timeout: LIMIT }, async (t) => {
    guests.set(t, []);
    const there = () => guests.get(t) ?? [];
    try {
      await body(t);
      const faults = there().flatMap(({ faults }) => faults);
      if (faults.length > 0) throw new Error(faults.join('\n'));
    } catch (error) {
      for (const { page, faults } of there()) await show(t, page, faults);
      throw error;
    }
  });
}

/** A guest with a separate browser context. @typedef {Awaited<ReturnType<typeof guest>>} Guest */

/**
 * A guest who notices everything that a page must not do: errors, warnings, violations of its policy, requests to
 * other sites. These make the test fail, except console messages that match `may`.
 * @param {TestContext} t
 * @param {string} base the site's address
 * @param {Device} [device]
 */
export async function guest(t, base, { may, ...options } = {}) {
  const { host, hostname } = new URL(base);
  const context = await (await (browser ??= launch(`--host-resolver-rules=MAP ${NAME} 127.0.0.1`))).newContext({ baseURL: base, locale: 'en-US', ...options });
  context.setDefaultTimeout(DEADLINE);
  // Without TLS only pages of the device itself may use the clipboard.
  if (hostname !== NAME) await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: base });
  /** @type {string[]} */
  const faults = [];
  /** @param {string} url */
  const isOurs = (url) => url.startsWith('data:') || url.startsWith('blob:') || url === 'about:blank' || new URL(url).host === host;
  context.on('request', (request) => isOurs(request.url()) || faults.push(`a request to elsewhere: ${request.url()}`));
  context.on('weberror', (error) => faults.push(`an error nobody caught: ${error.error().stack}`));
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type()) || may?.test(message.text())) return;
    if (relayed.has(context) && LATE.test(message.text())) return;
    faults.push(`${message.type()} in the console: ${message.text()}`);
  });
  context.on('dialog', (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('page', (page) => {
    page.on('websocket', (socket) => isOurs(socket.url()) || faults.push(`a socket to elsewhere: ${socket.url()}`));
  });
  const page = await context.newPage();
  guests.get(t)?.push({ page, faults });
  t.after(() => context.close());
  return {
    context,
    page,
    /** The words of the page in this guest's language. */
    w: options.locale?.startsWith('ko') ? words.ko : words.en,
  };
}

/**
 * Leaves a picture of the screen.
 * @param {TestContext} t
 * @param {import('playwright-core').Page} page
 * @param {string[]} faults
 */
async function show(t, page, faults) {
  try {
    const picture = join(mkdtempSync(join(tmpdir(), 'tablecast-seen-')), 'page.png');
    await page.screenshot({ path: picture, timeout: PICTURE });
    const text = await page.locator('body').ariaSnapshot({ timeout: PICTURE });
    t.diagnostic([`${page.url()} looked like ${picture}`, text, ...faults].join('\n'));
  } catch (error) {
    t.diagnostic(`${page.url()} could not be seen: ${error}`);
  }
}

/** In ms: a clock can be stopped only at a time in its future, however late the stop is. */
const AN_HOUR = 3_600_000;

/** Before the page is opened: its time passes only when it is told to. @param {import('playwright-core').Page} page */
export async function stopTime(page) {
  await page.clock.install({ time: Date.now() - AN_HOUR });
  await page.clock.pauseAt(Date.now());
}

/** The developer tools of this page. @param {Guest} guest */
export const devtools = ({ context, page }) => context.newCDPSession(page);

/**
 * Puts the page into the background, or in front again. Headless Chromium has no background, so the page is only
 * told.
 * @param {Guest} guest
 * @param {'hidden' | 'visible'} state
 */
export const turn = ({ page }, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: state });
    Object.defineProperty(document, 'hidden', { configurable: true, value: state === 'hidden' });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, state);
