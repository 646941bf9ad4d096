// Debian's Chromium, and people who sit before it.

import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test as nodeTest } from 'node:test';
import { chromium } from 'playwright-core';
import { words } from './words.js';
import { DEADLINE } from './wait.js';

/** @typedef {import('node:test').TestContext} TestContext */

const CHROMIUM = '/usr/bin/chromium';

/** Chromium says so by itself when the network or the server is away, or the room is. */
export const NETWORK = /^Failed to load resource|^WebSocket connection to /;

/** A name of this machine that is not its own alone, as phones would use. Only the browser knows it. */
const NAME = 'lunch.test';

/** The same site, as it is called in the network. @param {string} base */
export const named = (base) => base.replace('127.0.0.1', NAME);

/** What takes this long hangs, in ms. Said of each test: of the runner it would hold for a whole file, however many are in it. */
const LIMIT = 900_000; // A tour looks at two dozen screens.

/** How long one waits for a picture of a page that perhaps hangs, in ms. */
const PICTURE = 5000;

/** One for all tests of a file. @type {Promise<import('playwright-core').Browser> | undefined} */
let browser;

after(async () => (await browser)?.close());

function launch() {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}; \`cargo xtask test\` installs it, or: apt install chromium`);
  return chromium.launch({
    executablePath: CHROMIUM,
    // Root has no sandbox, and the only pages are our own.
    chromiumSandbox: false,
    // It would ask its maker for news otherwise.
    args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--host-resolver-rules=MAP ${NAME} 127.0.0.1`],
  });
}

/** What a test may say of a guest's device, besides what it says of a browser context. */
/** @typedef {import('playwright-core').BrowserContextOptions & { may?: RegExp }} Device */

/** Who takes part in a test. @type {WeakMap<TestContext, { page: import('playwright-core').Page, faults: string[] }[]>} */
const guests = new WeakMap();

/**
 * A test with guests. It fails too if one of them noticed what a page must not do; then, as with any failure, it
 * leaves pictures of what they could see.
 * @param {string} name
 * @param {(t: TestContext) => Promise<void>} body
 */
export function test(name, body) {
  // Not awaited: tests wait for each other by themselves.
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

/** Somebody with a browser of their own. @typedef {Awaited<ReturnType<typeof guest>>} Guest */

/**
 * A guest, who notices whatever a page must not do: errors, warnings, violations of its policy, requests to elsewhere.
 * The test fails of them, except for what `may` be in the console.
 * @param {TestContext} t
 * @param {string} base the site's address
 * @param {Device} [device]
 */
export async function guest(t, base, { may, ...options } = {}) {
  const { host, hostname } = new URL(base);
  const context = await (await (browser ??= launch())).newContext({ baseURL: base, locale: 'en-US', ...options });
  context.setDefaultTimeout(DEADLINE);
  // Without TLS the clipboard is for a device's own pages alone.
  if (hostname !== NAME) await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: base });
  /** @type {string[]} */
  const faults = [];
  /** @param {string} url */
  const isOurs = (url) => url.startsWith('data:') || url.startsWith('blob:') || url === 'about:blank' || new URL(url).host === host;
  context.on('request', (request) => isOurs(request.url()) || faults.push(`a request to elsewhere: ${request.url()}`));
  context.on('weberror', (error) => faults.push(`an error nobody caught: ${error.error().stack}`));
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type()) || may?.test(message.text())) return;
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
 * Leaves a picture of what could be seen.
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

/** The tools of the browser for this page. @param {Guest} guest */
export const devtools = ({ context, page }) => context.newCDPSession(page);

/**
 * The page is in the background, or in front again. In Chromium without a window no page ever is, so it is only told.
 * @param {Guest} guest
 * @param {'hidden' | 'visible'} state
 */
export const turn = ({ page }, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: state });
    Object.defineProperty(document, 'hidden', { configurable: true, value: state === 'hidden' });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, state);
