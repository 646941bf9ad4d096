// Which language is spoken. `w` holds its words; it changes with the language.

import { language, rememberLanguage } from '../lib/remember.js';
import { en } from './en.js';
import { ko } from './ko.js';

/** @typedef {typeof en} Words */

/** @type {Readonly<Record<'en' | 'ko', Words>>} */
const LANGUAGES = { en, ko };

/** @type {'en' | 'ko'} */
export let spoken = known(language()) ?? known(document.documentElement.lang) ?? 'en';

/** The words of the language that is spoken. */
export let w = LANGUAGES[spoken];

document.documentElement.lang = spoken;

/** @param {'en' | 'ko'} chosen */
export function speak(chosen) {
  spoken = chosen;
  w = LANGUAGES[chosen];
  document.documentElement.lang = chosen;
  rememberLanguage(chosen);
}

/** @param {string | null} language @returns {'en' | 'ko' | undefined} */
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
