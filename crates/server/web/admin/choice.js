// A dialog that says what will happen, and does it or not.

import { button, h } from '../live/dom.js';

/**
 * @param {object} of
 * @param {string} of.title
 * @param {(string | HTMLElement)[]} of.says
 * @param {string} of.does the name of the button
 * @param {() => Promise<void>} of.act if it fails, the dialog stays and says why
 * @returns {Promise<boolean>} whether it was done
 */
export function choice({ title, says, does, act }) {
  return new Promise((resolve) => {
    let done = false;
    const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    const doing = h('button', { class: 'primary' }, does);
    const form = h('form', { class: 'choice', onsubmit: async (event) => {
      event.preventDefault();
      if (doing.disabled) return;
      doing.disabled = true;
      problem.hidden = true;
      try {
        await act();
        done = true;
        dialog.close();
      } catch (error) {
        problem.textContent = error instanceof Error ? error.message : String(error);
        problem.hidden = false;
        doing.disabled = false;
      }
    } }, ...says.map((part) => (typeof part === 'string' ? h('p', {}, part) : part)), problem,
    h('div', { class: 'bar' }, doing, button('Cancel', () => dialog.close())));
    const dialog = h('dialog', { class: 'asks', 'aria-labelledby': 'asks', onclose: () => {
      dialog.remove();
      resolve(done);
    } }, h('h2', { id: 'asks' }, title), form);
    document.body.append(dialog);
    dialog.showModal();
    // Not what cannot be taken back.
    (form.querySelector('input') ?? form.querySelector('button[type=button]'))?.focus();
  });
}
