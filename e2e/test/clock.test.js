// The device's clock is set while the page is open: the remaining time of the table does not change.

import { guest, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';
import { until } from '../support/wait.js';

const HOUR = 3_600_000;

for (const [how, by] of /** @type {const} */ ([['back', -HOUR], ['forward', HOUR]])) {
  test(`a clock that is set ${how} by an hour changes nothing of what is left`, async (t) => {
    const server = await site(t, ['--room-ttl', '50s']);
    const mina = await guest(t, server.base);
    const { page, context, w } = mina;
    await context.addInitScript(() => {
      const { now } = Date;
      let by = 0;
      Date.now = () => now() + by;
      addEventListener('set', (event) => (by = /** @type {CustomEvent} */ (event).detail));
    });
    await table.openShort(mina, server);
    const warning = page.getByRole('region', { name: w.closesSoon });
    /** The remaining seconds that the page shows, if less than a minute and not over. */
    const left = async () => Number(/ 0:(\d\d)$/.exec((await warning.locator('strong').textContent()) ?? '')?.[1] ?? 0);
    const before = await until('what is left', left, Boolean);
    await page.evaluate((by) => void dispatchEvent(new CustomEvent('set', { detail: by })), by);
    await until('a clock that runs on', left, (seconds) => seconds > 0 && seconds <= before - 3);
  });
}
