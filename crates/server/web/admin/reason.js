// Why names are shown, if they are. The node logs it with each answer that has them.

import { h } from '../live/dom.js';
import { choice } from './choice.js';

/** Of a tab alone, and gone with it. */
const KEY = 'tablecast.operator.reason';

/** As long as the node takes. */
const LONGEST = 200;

let given = stored();

/** Hears `change` when it was given or taken back. */
export const reasons = new EventTarget();

/** Empty: names are hidden. */
export const reason = () => given;

/** @param {string} text */
export function giveReason(text) {
  given = text.trim();
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // Storage may be switched off; then it is gone when the page is loaded again.
  }
  reasons.dispatchEvent(new Event('change'));
}

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** Asks for it. @returns {Promise<boolean>} whether there is one now */
export function askReason() {
  const field = h('input', { id: 'reason', name: 'reason', required: true, maxlength: LONGEST, autocomplete: 'off' });
  return choice({
    title: 'Show names',
    says: [
      'Names, titles and dishes are what people wrote for each other, so they are hidden.',
      'Say why you look. The node writes your reason, your address and the room into its log, each time it shows them. Votes that are hidden stay hidden.',
      h('div', { class: 'field' }, h('label', { for: 'reason' }, 'Reason'), field),
    ],
    does: 'Show names',
    act: async () => giveReason(field.value),
  });
}
