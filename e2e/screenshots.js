// Makes the pictures of each screen for the documentation: npm run screenshots --prefix e2e
//
// A name without a suffix is a phone in light mode in English; a suffix says what is
// different.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { guest, test } from './support/browser.js';
import { ROOM, answering } from './support/operator.js';
import { site } from './support/site.js';
import { tour } from './support/tour.js';

const FOLDER = new URL('../docs/images/page/', import.meta.url).pathname;

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1120, height: 720 } };
/** Enough for flat colours, and a picture is a quarter as large. */
const COLOURS = '64';

const MOST_SEEN = ['home', 'room', 'decide', 'result', 'check'];

/** @type {({ suffix: string, screens?: string[] } & import('./support/browser.js').Device)[]} */
const SERIES = [
  { suffix: '', ...PHONE },
  { suffix: '-ko', locale: 'ko-KR', ...PHONE, screens: MOST_SEEN },
  { suffix: '-dark', colorScheme: 'dark', ...PHONE, screens: MOST_SEEN },
  { suffix: '-desktop', ...DESKTOP, screens: MOST_SEEN },
  { suffix: '-desktop-dark-ko', locale: 'ko-KR', colorScheme: 'dark', ...DESKTOP, screens: MOST_SEEN },
];

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

after(() => {
  const files = readdirSync(FOLDER).map((file) => join(FOLDER, file));
  // If it is missing: apt install pngquant
  execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--ext', '.png', COLOURS, ...files]);
});

for (const { suffix, screens, ...device } of SERIES) {
  test(`pictures${suffix}`, (t) =>
    tour(t, { timezoneId: 'Asia/Seoul', ...device }, async (screen, { page }) => {
      if (screens && !screens.includes(screen)) return;
      await page.screenshot({ path: join(FOLDER, `${screen}${suffix}.png`), caret: 'hide', animations: 'disabled' });
    }));
}

test('picture of the operators’ page', async (t) => {
  const server = await site(t, ['--admin-listen', '127.0.0.1:0']);
  const { page } = await guest(t, server.operators, { ...DESKTOP, viewport: { width: 1120, height: 1000 } });
  await answering(page);
  await page.goto(`/#room/${ROOM}?at=5`);
  await page.getByText('Event 5, 5 of 6: voted.').waitFor();
  await page.screenshot({ path: join(FOLDER, 'operator.png'), caret: 'hide', animations: 'disabled' });
});
