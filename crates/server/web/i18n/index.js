// The chosen language. `w` holds its texts, and its content changes with the language.

import { language, rememberLanguage } from '../lib/remember.js';

/** @typedef {typeof import('./en.js').en} Words */
/** @typedef {'en' | 'ko'} Language */

/** Only the chosen language is loaded. */
const LANGUAGES = {
  en: async () => (await import('./en.js')).en,
  ko: async () => (await import('./ko.js')).ko,
};

/** The language of the page. */
export const spoken = () => known(document.documentElement.lang) ?? 'en';

/** The texts of that language; empty before `ready`. @type {Words} */
export const w = /** @type {any} */ ({});

/** @param {Language} chosen */
async function learn(chosen) {
  Object.assign(w, await LANGUAGES[chosen]());
  document.documentElement.lang = chosen;
}

/** Must be awaited before anything is shown. */
export const ready = learn(known(language()) ?? spoken());

/** @param {Language} chosen */
export async function speak(chosen) {
  await learn(chosen);
  rememberLanguage(chosen);
}

/** @param {string | null} language @returns {Language | undefined} */
function known(language) {
  return language === 'en' || language === 'ko' ? language : undefined;
}

/**
 * Why something failed, in words.
 * @param {unknown} error
 */
export function why(error) {
  const { code, message } = /** @type {{ code?: string, message?: string }} */ (error ?? {});
  const { errors } = w;
  if (code !== undefined && Object.hasOwn(errors, code)) return errors[/** @type {keyof typeof errors} */ (code)];
  return message ?? String(error);
}
