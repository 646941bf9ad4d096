// Parts that stay in place while the rest scrolls, if they leave enough space for it.

/** They may take this much of the height. */
const MOST = 0.55;

/** @type {ResizeObserver | undefined} */
let observer;

/**
 * Lets them scroll with the rest while they are too high: with large text on a small screen they would cover it. They are
 * no lower then, so this does not go to and fro.
 * @param {HTMLElement} root
 */
export function watchSpace(root) {
  const fixed = /** @type {HTMLElement[]} */ ([...root.querySelectorAll('.bar, .strips, .dock')]);
  const measure = () => {
    const height = fixed.reduce((sum, { offsetHeight }) => sum + offsetHeight, 0);
    root.toggleAttribute('data-cramped', height > innerHeight * MOST);
  };
  observer?.disconnect();
  observer = new ResizeObserver(measure);
  for (const element of [...fixed, document.documentElement]) observer.observe(element);
}
