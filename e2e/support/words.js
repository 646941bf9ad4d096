// The page's own texts, so that a test finds elements by the same names as people, in each language.

import { en } from '../../crates/server/web/i18n/en.js';

/** @typedef {typeof en} Words */

// Imported by its URL: otherwise the type checker would follow imports of files that exist only on a server.
const korean = new URL('../../crates/server/web/i18n/ko.js', import.meta.url);

/** @type {{ en: Words, ko: Words }} */
export const words = { en, ko: (await import(korean.href)).ko };
