// The parts that the console is made of.

import { copy as toClipboard, h } from '../lib/dom.js';

export { h };

/** @typedef {import('../lib/dom.js').Child} Child */

/** @param {string} text @param {() => void} onclick @param {Record<string, string | boolean>} [props] */
export const button = (text, onclick, props = {}) => h('button', { type: 'button', ...props, onclick }, text);

let labels = 0;

/**
 * A control with its label in front.
 * @param {string} text @param {HTMLElement} control @param {...Child} more
 */
export function labelled(text, control, ...more) {
  control.id ||= `c${++labels}`;
  return h('div', { class: 'field' }, h('label', { for: control.id }, text), control, ...more);
}

/**
 * A note of the description: text between backticks is code.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export const prose = (text) => text.split('`').map((part, at) => (at % 2 === 1 ? h('code', {}, part) : part));

/**
 * Copies, and shows that on the button for a moment.
 * @param {string} text @param {HTMLElement} on
 */
export async function copy(text, on) {
  const before = on.textContent;
  on.textContent = (await toClipboard(text)) ? 'Copied' : 'Not allowed';
  setTimeout(() => (on.textContent = before), 1200);
}

const spoken = h('p', { class: 'spoken', role: 'status' });
let due = '';
/** @type {ReturnType<typeof setTimeout> | undefined} */
let speaking;

/** The live region of `announce`. */
export const speaker = spoken;

/**
 * Announces a text to screen readers, but not too often: of several texts only the last.
 * @param {string} text
 */
export function announce(text) {
  due = text;
  speaking ??= setTimeout(() => {
    speaking = undefined;
    spoken.textContent = due;
  }, 800);
}
