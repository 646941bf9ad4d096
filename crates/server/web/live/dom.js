// Making elements. Text is only ever text: nothing here parses markup.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. A function is a listener (`onclick`), `true` an empty attribute, `false` and null none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child instanceof Node || typeof child === 'string'));
  return element;
}

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
 * Copies, and says so on the button for a moment.
 * @param {string} text @param {HTMLElement} on
 */
export async function copy(text, on) {
  const before = on.textContent;
  try {
    await navigator.clipboard.writeText(text);
    on.textContent = 'Copied';
  } catch {
    // Without a secure context or the right to.
    on.textContent = 'Not allowed';
  }
  setTimeout(() => (on.textContent = before), 1200);
}

const spoken = h('p', { class: 'spoken', role: 'status' });
let due = '';
/** @type {ReturnType<typeof setTimeout> | undefined} */
let speaking;

/** Where `announce` speaks. */
export const speaker = spoken;

/**
 * Tells a screen reader, and not more often than can be listened to: of several things the last.
 * @param {string} text
 */
export function announce(text) {
  due = text;
  speaking ??= setTimeout(() => {
    speaking = undefined;
    spoken.textContent = due;
  }, 800);
}
