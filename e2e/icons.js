// Draws the icons that a phone's home screen shows, from crates/server/web/icon.svg: `node e2e/icons.js`.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch } from './support/chromium.js';

const WEB = new URL('../crates/server/web/', import.meta.url);
const svg = readFileSync(new URL('icon.svg', WEB), 'utf8');

const browser = await launch();
const page = await browser.newPage();
for (const size of [180, 192, 512]) {
  // Phones cut the corners themselves, some to a circle: a transparent corner would be black, and all must be inside.
  const inner = Math.round(size * 0.86);
  const picture = svg.replace(/ rx="\d+"/, '').replace('<svg', `<svg width="${inner}" height="${inner}" style="display:block;margin:auto"`);
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(`<body style="margin:0;height:100vh;display:grid;background:${/fill="(#\w+)"/.exec(svg)?.[1]}">${picture}`);
  await page.screenshot({ path: fileURLToPath(new URL(`icon-${size}.png`, WEB)) });
}
await browser.close();
