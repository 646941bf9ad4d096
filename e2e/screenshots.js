// Pictures of each screen for the documentation: npm run screenshots --prefix e2e

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { devtools, test } from './support/browser.js';
import { tour } from './support/tour.js';

const FOLDER = new URL('../docs/images/page/', import.meta.url);

/** By day on a phone, in Korean; by night on a desktop, in English. And the two most seen the other way round. */
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const MOST_SEEN = ['home', 'room', 'result'];

/** Of 100; letters are still sharp. */
const QUALITY = 78;

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

/** @type {({ name: string, screens?: string[] } & import('./support/browser.js').Device)[]} */
const SERIES = [
  { name: 'phone-light-ko', locale: 'ko-KR', colorScheme: 'light', ...PHONE },
  { name: 'desktop-dark-en', locale: 'en-US', colorScheme: 'dark', ...DESKTOP },
  { name: 'phone-dark-en', locale: 'en-US', colorScheme: 'dark', ...PHONE, screens: MOST_SEEN },
  { name: 'desktop-light-ko', locale: 'ko-KR', colorScheme: 'light', ...DESKTOP, screens: MOST_SEEN },
];

for (const { name, screens, ...device } of SERIES) {
  test(`pictures: ${name}`, (t) =>
    tour(t, { timezoneId: 'Asia/Seoul', ...device }, async (screen, guest) => {
      if (screens && !screens.includes(screen)) return;
      const tools = await devtools(guest);
      const { data } = await tools.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
      writeFileSync(new URL(`${screen}-${name}.webp`, FOLDER), Buffer.from(data, 'base64'));
      await tools.detach();
    }));
}
