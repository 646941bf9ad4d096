// Creates and changes elements, and lists of them. Text stays text: nothing here parses markup.

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Props */

/**
 * An element. A function is a listener (`onclick`), `true` an empty attribute, `false` and null none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...present(children));
  return element;
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function s(tag, props = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  set(element, props);
  element.append(...present(children));
  return element;
}

/**
 * Sets attributes, and touches only those that differ.
 * @param {Element} element
 * @param {Props} props
 */
export function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else {
      const text = value === true ? '' : String(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
}

/**
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Shows these children and no others.
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/** @param {Child[]} children @returns {(Node | string)[]} */
const present = (children) => /** @type {(Node | string)[]} */ (children.filter((child) => child || child === ''));

/** Whether motion is switched off. */
export const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** How long elements glide to new places, ms. */
const GLIDE = 320;

/**
 * Shows `items` as children of `parent`, in this order. Elements that stay are moved, not created again, so that
 * focus and motion survive.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {object} how
 * @param {(item: T) => string} how.key
 * @param {(item: T) => HTMLElement} how.make
 * @param {(element: HTMLElement, item: T) => void} how.update
 * @param {Map<string, HTMLElement>} elements the shown ones by key; kept by the caller
 */
export function show(parent, items, { key, make, update }, elements) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const had = focused !== null && parent.contains(focused);
  const before = new Map([...elements].map(([key, element]) => [key, element.getBoundingClientRect()]));
  const kept = new Set(items.map(key));
  for (const [key, element] of elements) {
    if (kept.has(key)) continue;
    elements.delete(key);
    element.remove();
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    let element = elements.get(key(item));
    if (!element) {
      element = make(item);
      elements.set(key(item), element);
      appear(element);
    }
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  // A moved element loses its focus in most browsers.
  if (had && document.activeElement !== focused) focused.focus({ preventScroll: true });
  glide(elements, before);
}

/** @param {HTMLElement} element */
function appear(element) {
  if (isCalm()) return;
  const from = { opacity: 0, transform: 'translateY(-6px) scale(.98)' };
  element.animate([from, {}], { duration: 240, easing: 'ease-out' });
}

/**
 * Moves an element from its old place to the new one.
 * @param {Map<string, HTMLElement>} elements
 * @param {Map<string, DOMRect>} before
 */
function glide(elements, before) {
  if (isCalm()) return;
  for (const [key, element] of elements) {
    const then = before.get(key);
    if (!then) continue;
    const now = element.getBoundingClientRect();
    const [x, y] = [then.left - now.left, then.top - now.top];
    if (Math.abs(x) + Math.abs(y) < 1) continue;
    element.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], { duration: GLIDE, easing: 'cubic-bezier(.2,.8,.2,1)' });
  }
}

/**
 * Copies a text. Without https the clipboard may not be available to pages; then the old way is tried.
 * @param {string} text
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    field.value = text;
    const focused = document.activeElement;
    // Inside an open dialog nothing outside can be selected.
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return copied;
  }
}
