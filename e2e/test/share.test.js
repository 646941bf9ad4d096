// The texts about the link to share.

import { equal } from 'node:assert/strict';
import { guest, named, test } from '../support/browser.js';
import { site } from '../support/site.js';
import * as table from '../support/table.js';

test('who opened the page by a name that each device has for itself is told that its link leads nobody here, and what to do', async (t) => {
  const server = await site(t);
  const { port } = new URL(server.base);
  for (const locale of ['en-US', 'ko-KR']) {
    for (const [base, isLocal] of /** @type {const} */ ([[server.base, true], [`http://localhost:${port}`, true], [`http://lunch.localhost:${port}`, true], [named(server.base), false]])) {
      const one = await guest(t, base, { locale });
      const { page, w } = one;
      await table.open(one);
      await page.getByRole('button', { name: w.invite, exact: true }).click();
      const sheet = page.getByRole('dialog', { name: w.share });
      for (const place of [sheet, page.locator('.invite-card')]) {
        const said = (await place.locator('.note').textContent()) ?? '';
        equal(said, isLocal ? `${w.localText} --listen 0.0.0.0:${port}` : w.aloneText, base);
      }
      equal(await sheet.getByRole('textbox', { name: w.link }).inputValue(), page.url());
      await one.context.close();
    }
  }
});
