// Typing Korean: an input method composes each syllable from letters before it becomes text.

import { devtools } from './browser.js';

/** Single initial consonants, in the order of U+1100. */
const ALONE = [...'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'];

/** The steps of a syllable while it is typed: ㄱ, 기, 김. @param {string} syllable */
function steps(syllable) {
  const letters = [...syllable.normalize('NFD')];
  return letters.map((letter, at) =>
    at === 0 ? (ALONE[letter.charCodeAt(0) - 0x1100] ?? letter) : letters.slice(0, at + 1).join('').normalize('NFC'),
  );
}

/**
 * Types into the focused element. Afterwards the last syllable is still being composed, as for anybody who has
 * not pressed another key.
 * @param {import('./browser.js').Guest} guest
 * @param {string} text
 */
export async function compose(guest, text) {
  const tools = await devtools(guest);
  const syllables = [...text];
  const last = syllables.at(-1) ?? '';
  for (const [at, syllable] of syllables.entries()) {
    for (const seen of steps(syllable)) {
      await tools.send('Input.imeSetComposition', { text: seen, selectionStart: seen.length, selectionEnd: seen.length });
    }
    if (at < syllables.length - 1) await tools.send('Input.insertText', { text: syllable });
  }
  /** @param {number} windowsVirtualKeyCode */
  const enter = async (windowsVirtualKeyCode) => {
    const key = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode };
    await tools.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...key });
    // This submits a form; the browser omits it if the page has handled the key.
    await tools.send('Input.dispatchKeyEvent', { type: 'char', text: '\r', ...key });
    await tools.send('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
  };
  return {
    /** The Enter that ends the composition: the page gets the key before the text is there. */
    enter: () => enter(13),
    /** The last syllable becomes text. Safari reports Enter to the page only now, as the input method's key 229. */
    finish: async () => {
      await tools.send('Input.insertText', { text: last });
      await enter(229);
      await tools.detach();
    },
  };
}
