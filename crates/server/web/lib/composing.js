// Hangul is composed: the Enter that ends a composition belongs to the keyboard, in every field. Safari tells it by the
// code alone, since there the composition has ended already.

document.addEventListener(
  'keydown',
  (event) => {
    if (event.key === 'Enter' && (event.isComposing || event.keyCode === 229)) event.preventDefault();
  },
  { capture: true },
);
