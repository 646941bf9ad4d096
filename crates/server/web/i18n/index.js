// The chosen language. `w` holds its texts, and changes with the language.

import { language, rememberLanguage } from '../lib/remember.js';

/** @typedef {typeof import('./en.js').en} Words */
/** @typedef {'en' | 'ko'} Language */

/** Only the chosen language is loaded. */
const LANGUAGES = {
  en: async () => (await import('./en.js')).en,
  ko: async () => (await import('./ko.js')).ko,
};

/** @type {Language} */
export let spoken = known(language()) ?? known(document.documentElement.lang) ?? 'en';

/** The texts of the chosen language; not set before `ready`. @type {Words} */
export let w;

/** @param {Language} chosen */
async function learn(chosen) {
  w = await LANGUAGES[chosen]();
  spoken = chosen;
  document.documentElement.lang = chosen;
}

/** Must be awaited before anything is shown. */
export const ready = learn(spoken);

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
