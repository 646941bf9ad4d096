// Debian's Chromium without a window: the same engine, without the parts that only a window needs.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium-headless-shell';

/** Root has no sandbox, and the only pages are our own. Otherwise it would contact its vendor. */
const ARGS = ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Starts it, also with these arguments. @param {string[]} args */
export function launch(...args) {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}; \`cargo xtask test\` installs it, or: apt install chromium-headless-shell`);
  return chromium.launch({ executablePath: CHROMIUM, chromiumSandbox: false, args: [...ARGS, ...args] });
}
