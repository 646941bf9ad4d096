// The page's size on the wire, and when it is usable.

import { ok } from 'node:assert/strict';
import { devtools, guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';

/** The promised maximum, in bytes, with all headers and an empty cache. */
const PROMISED = 60_000;

/** A release build sends `max-age=31536000, immutable` with each file, a debug build `no-cache`. */
const KEPT_LONGER = 19;

/**
 * Loads an address into an empty browser.
 * @param {import('../support/browser.js').Guest} guest
 * @param {string} path
 * @param {(guest: import('../support/browser.js').Guest) => Promise<void>} isUsable
 * @param {{ cpu?: number, network?: { latency: number, kbit: number } }} [slow]
 */
async function load(guest, path, isUsable, { cpu = 1, network } = {}) {
  const tools = await devtools(guest);
  await tools.send('Network.enable');
  if (cpu > 1) await tools.send('Emulation.setCPUThrottlingRate', { rate: cpu });
  if (network) {
    const bytes = (network.kbit * 1000) / 8;
    const conditions = { offline: false, latency: network.latency, downloadThroughput: bytes, uploadThroughput: bytes };
    await tools.send('Network.emulateNetworkConditions', conditions);
  }
  let bytes = 0;
  tools.on('Network.responseReceived', ({ response }) => (bytes += response.headers['cache-control'] === 'no-cache' ? KEPT_LONGER : 0));
  tools.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  await guest.page.goto(path, { waitUntil: 'networkidle' });
  await isUsable(guest);
  return { bytes };
}

/** Records when the page is usable for the first time. @param {string} selector */
function noteWhenUsable(selector) {
  const look = () => {
    const element = document.querySelector(selector);
    if (!element || element.matches(':disabled')) return;
    performance.mark('usable');
    observer.disconnect();
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, attributes: true });
}

/** That time, in ms after the request. @param {import('../support/browser.js').Guest} guest */
const usableAt = ({ page }) => page.evaluate(() => Math.round(performance.getEntriesByName('usable')[0]?.startTime ?? NaN));

test('each page weighs less than was promised, and when it can be used is measured', async (t) => {
  const server = await site(t);
  const host = await guest(t, server.base);
  const id = await table.open(host);
  for (const item of ['김밥', 'Pho', 'Ramen']) await table.add(host, item);
  const home = /** @type {const} */ (['/', '.home form button', async (/** @type {import('../support/browser.js').Guest} */ { page, w }) => page.getByRole('button', { name: w.open }).waitFor()]);
  const room = /** @type {const} */ ([`/r/${id}`, '.dishes > li:nth-child(3) .dish-vote', table.isLive]);
  for (const [path, selector, isUsable] of [home, room]) {
    for (const [how, slow, locale = 'en-US'] of /** @type {const} */ ([
      ['as it is', {}],
      ['in Korean', {}, 'ko-KR'],
      ['CPU slowed fourfold', { cpu: 4 }],
      ['CPU slowed fourfold, 1.6 Mbit/s, 150 ms', { cpu: 4, network: { latency: 150, kbit: 1600 } }],
    ])) {
      const one = await guest(t, server.base, { locale, viewport: { width: 390, height: 844 } });
      await one.page.addInitScript(noteWhenUsable, selector);
      const { bytes } = await load(one, path, async (guest) => void (await isUsable(guest)), slow);
      t.diagnostic(`${path.replace(id, 'ID')}, ${how}: ${bytes} bytes, usable after ${await usableAt(one)} ms`);
      ok(bytes < PROMISED, `${path} weighs ${bytes} bytes`);
      await one.context.close();
    }
  }
});
