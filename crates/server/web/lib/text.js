// Compares and formats texts and times. Pure.

/**
 * Texts that look the same to people are equal: differences in NFC, case, blanks and invisible characters
 * do not count.
 * @param {string} text
 */
export function fold(text) {
  return text.replace(/[\u2800\u3164\uFFA0]/gu, ' ').replace(/[\p{DI}\uFFF9-\uFFFC]/gu, '').normalize('NFC').toLowerCase().trim().replace(/\s+/gu, ' ');
}

/**
 * The first web address in a text, and the text with only its host, because that is what matters to whoever follows it.
 * Anything but http and https is text like any other.
 * @param {string} text
 * @returns {{ href: string, host: string, text: string } | null}
 */
export function link(text) {
  const [found = ''] = /\bhttps?:\/\/[^\s<>"']+/i.exec(text) ?? [];
  // The end of a sentence is no part of it.
  const address = found.replace(/[.,;:!?)\]}]+$/, '');
  try {
    const { href, host } = new URL(address);
    return { href, host, text: text.replace(address, () => host) };
  } catch {
    return null;
  }
}

/** A dish as it is shown. @param {string} text */
export const shown = (text) => link(text)?.text ?? text;

/** The number of marks on a letter is limited as in real writing, for drawings, which do not clip. @param {string} text */
export const fewMarks = (text) => text.replace(/(\p{M}{2})\p{M}+/gu, '$1');

/**
 * The letter for a name on a small disc: its first character as people see it.
 * @param {string} text
 */
export function initial(text) {
  const first = 'Segmenter' in Intl ? [...new Intl.Segmenter().segment(text.trim())][0]?.segment : [...text.trim()][0];
  return fewMarks(first ?? '?').toUpperCase();
}

/**
 * A remaining time as on a clock: `0:59`, `12:03`, `1:02:03`. Never below zero.
 * @param {number} ms
 */
export function clock(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/**
 * The minutes from now until midnight here, but at least this many, and no more than a room may live.
 * @param {Date} now
 * @param {number} least
 */
export function untilTonight(now, least) {
  const midnight = new Date(now).setHours(24, 0, 0, 0);
  return Math.min(1440, Math.max(least, Math.ceil((midnight - now.getTime()) / 60_000)));
}

/** Hangul with the same final sound as these characters, both alone and at the end of a word. @type {Record<string, string>} */
const SAID = { 0: '영', 1: '일', 2: '이', 3: '삼', 4: '사', 5: '오', 6: '육', 7: '칠', 8: '팔', 9: '구', l: '엘', m: '엠', n: '엔', ng: '엥' };

/** The number of the final consonant of a spoken word: 0 means none, or unknown. @param {string} word */
function final(word) {
  // Brackets, signs and pictures at the end are not spoken.
  const last = /(ng|[\p{L}\p{N}])[^\p{L}\p{N}]*$/u.exec(word.normalize('NFC').toLowerCase())?.[1] ?? '';
  const code = (SAID[last] ?? last).charCodeAt(0) - 0xac00;
  return code >= 0 && code < 11_172 ? code % 28 : 0;
}

/**
 * The final consonant decides which Korean particle follows: `particle('김', '을', '를')`.
 * @param {string} word
 * @param {string} closed after a consonant
 * @param {string} open after a vowel, and if unknown
 */
export const particle = (word, closed, open) => (final(word) ? closed : open);

/** A word with 로 or 으로: ㄹ counts as a vowel there. @param {string} word */
export const towards = (word) => word + (final(word) && final(word) !== 8 ? '으로' : '로');
