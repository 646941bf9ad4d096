// Automatic checks of accessibility.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Serious and critical findings, one on each line.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>}
 */
export async function findings(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(SOURCE);
  return page.evaluate(async () => {
    // A colour that is changing just now is not the one that people read.
    const ends = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ends.map(({ finished }) => finished));
    const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] });
    /** @type {{ id: string, impact: string, help: string, nodes: { html: string, failureSummary: string }[] }[]} */
    const serious = violations.filter((/** @type {any} */ { impact }) => impact === 'serious' || impact === 'critical');
    return serious.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)}: ${node.failureSummary}`));
  });
}
