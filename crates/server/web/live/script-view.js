// A window that shows the members' actions as runnable code.

import { asNode } from './as-node.js';
import { asRust } from './as-rust.js';
import { asWebsocat } from './as-websocat.js';
import { button, copy, h } from './dom.js';
import { SITE } from './rooms.js';
import { story } from './story.js';

const KINDS = /** @type {const} */ (['websocat', 'JavaScript', 'Rust']);

const HOW = {
  websocat: 'Sends the same in this room, and then what you type. The messages are listed after #.',
  JavaScript: 'Save it as recorded.test.mjs and run node --test recorded.test.mjs; it makes a room of its own.',
  Rust: 'Save it as tests/recorded.rs and run cargo test --test recorded; it makes a room of its own.',
};

/**
 * @param {import('./member.js').Member[]} members @param {boolean} all whether these were all members of the
 *   room
 */
export function showScript(members, all) {
  /** @type {typeof KINDS[number]} */
  let kind = 'websocat';
  const how = h('p', { class: 'hint' });
  const code = h('pre', { tabindex: '0', 'aria-label': 'The script' });
  const text = () => {
    if (kind === 'websocat') return members.map((member) => asWebsocat(member.log.all(), member.url)).filter(Boolean).join('\n') || '# nothing was said or heard yet\n';
    return (kind === 'Rust' ? asRust : asNode)(story(members, all), SITE);
  };
  const tabs = KINDS.map((name) => button(name, () => {
    kind = name;
    show();
  }));
  const show = () => {
    tabs.forEach((tab, index) => tab.setAttribute('aria-pressed', String(KINDS[index] === kind)));
    how.textContent = HOW[kind];
    code.textContent = text();
  };
  const copying = button('Copy', () => copy(code.textContent ?? '', copying), { class: 'primary' });
  show();
  open(`${all ? 'All members' : members.map(({ label }) => label).join(', ')} as…`, h('div', { class: 'bar' }, ...tabs, copying), how, code);
}

/**
 * A window over the page; Escape closes it.
 * @param {string} title @param {...Node} children
 */
export function open(title, ...children) {
  const dialog = h('dialog', { 'aria-label': title, onclose: () => dialog.remove() },
    h('header', {}, h('h2', {}, title), button('×', () => dialog.close(), { class: 'quiet close', 'aria-label': 'Close' })), ...children);
  document.body.append(dialog);
  dialog.showModal();
}
