// Words and times, compared and written. Pure.

/**
 * Equal for this are texts that people take for the same: NFC, case and blanks apart.
 * @param {string} text
 */
export function fold(text) {
  return text.normalize('NFC').toLowerCase().trim().replace(/\s+/gu, ' ');
}

/**
 * What stands for a name on a small disc: its first character as people see it.
 * @param {string} text
 */
export function initial(text) {
  const first = 'Segmenter' in Intl ? [...new Intl.Segmenter().segment(text.trim())][0]?.segment : [...text.trim()][0];
  return (first ?? '?').toUpperCase();
}

/**
 * A time left as a clock shows it: `0:59`, `12:03`, `1:02:03`. Never below zero.
 * @param {number} ms
 */
export function clock(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** With which consonants the digits end when they are said: 영, 일, 이, 삼, 사, 오, 육, 칠, 팔, 구. */
const DIGITS = [21, 8, 0, 16, 0, 0, 1, 8, 8, 0];

/** The number of the consonant that ends a word of Hangul, or a number as it is said: 0 is none. @param {string} word */
function final(word) {
  const last = word.normalize('NFC').trim().at(-1)?.charCodeAt(0) ?? 0;
  if (last >= 0xac00 && last <= 0xd7a3) return (last - 0xac00) % 28;
  return DIGITS[last - 48] ?? 0;
}

/**
 * The final consonant decides which Korean particle follows: `particle('김', '을', '를')`.
 * @param {string} word
 * @param {string} closed after a consonant
 * @param {string} open after a vowel, and after what is no Hangul
 */
export const particle = (word, closed, open) => (final(word) ? closed : open);

/** A word with 로 or 으로: ㄹ counts as a vowel there. @param {string} word */
export const towards = (word) => word + (final(word) && final(word) !== 8 ? '으로' : '로');
