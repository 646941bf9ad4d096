// A list that keeps its elements: what stays is moved, not made again, so that focus and motion survive.

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** How long elements glide to new places, ms. */
const GLIDE = 320;

/**
 * Shows `items` as children of `parent`, in this order.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {object} how
 * @param {(item: T) => string} how.key
 * @param {(item: T) => HTMLElement} how.make
 * @param {(element: HTMLElement, item: T) => void} how.update
 * @param {Map<string, HTMLElement>} elements those that are shown, by key; kept by the caller
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
  if (calm()) return;
  const from = { opacity: 0, transform: 'translateY(-6px) scale(.98)' };
  element.animate([from, {}], { duration: 240, easing: 'ease-out' });
}

/**
 * From where it was to where it is.
 * @param {Map<string, HTMLElement>} elements
 * @param {Map<string, DOMRect>} before
 */
function glide(elements, before) {
  if (calm()) return;
  for (const [key, element] of elements) {
    const then = before.get(key);
    if (!then) continue;
    const now = element.getBoundingClientRect();
    const [x, y] = [then.left - now.left, then.top - now.top];
    if (Math.abs(x) + Math.abs(y) < 1) continue;
    element.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], { duration: GLIDE, easing: 'cubic-bezier(.2,.8,.2,1)' });
  }
}
