// The page's own words, so that a test finds what people find, by its name, in each language.

import { en } from '../../crates/server/web/i18n/en.js';

/** @typedef {typeof en} Words */

// By an address: the type checker would follow it to files that are there only when a server serves them.
const korean = new URL('../../crates/server/web/i18n/ko.js', import.meta.url);

/** @type {{ en: Words, ko: Words }} */
export const words = { en, ko: (await import(korean.href)).ko };
