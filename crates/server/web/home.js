// The first page: open a table.

import { ready, spoken, w, why } from './i18n/index.js';
import { fill, h } from './lib/dom.js';
import { STAYS, openTable } from './lib/open.js';
import { opening } from './lib/opening.js';
import { foot, root as site } from './lib/page.js';
import { forgetVisits, visits } from './lib/remember.js';
import { table } from './lib/pictures.js';
import { untilTonight } from './lib/text.js';

/** @import { Visit } from './lib/remember.js' */

const root = /** @type {HTMLElement} */ (document.getElementById('page'));

/** @param {string} [titled] what was typed already */
function build(titled = '') {
  document.title = `Tablecast – ${w.hello}`;
  const picture = table({ seats: [0, 1, 2, 4, 5, 6, 8, 9, null, null], dishes: [0, 1, 4, 7, 2], class: 'hero' });
  const title = h('input', { id: 'title', name: 'title', placeholder: w.tableNameHint, maxlength: 200, autocomplete: 'off', enterkeyhint: 'go' });
  title.value = titled;
  const until = h('input', { type: 'radio', name: 'stays' });
  const lengths = [h('input', { type: 'radio', name: 'stays', checked: true }), until].map((input) =>
    h('label', { class: 'length' }, input, h('span', {}, input === until ? w.tonight : w.minutes(STAYS))),
  );
  const rules = opening();
  const button = h('button', { class: 'main big' }, w.open);
  const refusal = h('p', { class: 'refusal', role: 'alert' });
  const more = h(
    'details',
    { class: 'more' },
    h('summary', {}, w.details, h('span', { class: 'note' }, ` (${w.optional})`)),
    h('label', { class: 'label', for: 'title' }, w.tableName),
    title,
    h('fieldset', {}, h('legend', { class: 'label' }, w.staysOpen), h('div', { class: 'lengths two' }, ...lengths)),
    rules.element,
  );
  more.open = titled !== '';
  const form = h('form', { class: 'open', onsubmit: open }, button, refusal, more);

  /** @param {SubmitEvent} event */
  async function open(event) {
    event.preventDefault();
    const minutes = until.checked ? untilTonight(new Date(), STAYS) : STAYS;
    button.disabled = true;
    fill(button, w.opening);
    picture.classList.add('turning');
    try {
      const { page } = await openTable({ title: title.value.trim() || null, minutes, ...rules.settings(new FormData(form)) });
      location.assign(page);
    } catch (error) {
      fill(refusal, why(error));
    }
    button.disabled = false;
    fill(button, w.open);
    picture.classList.remove('turning');
  }

  fill(
    root,
    h(
      'main',
      { class: 'home' },
      h('div', { class: 'home-picture' }, picture),
      h('div', { class: 'home-text' }, h('p', { class: 'brand-name' }, 'Tablecast'), h('h1', {}, w.hello), h('p', { class: 'pitch' }, w.pitch), form, h('p', { class: 'note' }, w.noAccount)),
      lately(),
    ),
    foot(() => build(title.value)),
  );
}

/** Recently visited tables, if there are any. */
function lately() {
  const list = visits();
  if (list.length === 0) return null;
  const section = h(
    'section',
    { class: 'lately', 'aria-label': w.lately },
    h(
      'div',
      { class: 'part-head' },
      h('h2', { class: 'part-title' }, w.lately),
      h(
        'button',
        {
          type: 'button',
          class: 'link',
          onclick: () => {
            forgetVisits();
            section.remove();
          },
        },
        w.forget,
      ),
    ),
    h('ul', {}, ...list.map(visit)),
  );
  return section;
}

/** @param {Visit} visit */
function visit({ id, title, items, at, expiresAt, winner }) {
  const isOpen = expiresAt > Date.now();
  const when = new Date(at).toLocaleString(spoken(), { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' });
  return h(
    'li',
    {},
    h(
      'a',
      { href: `${site}r/${encodeURIComponent(id)}`, class: 'visit' },
      h('span', { class: 'visit-title' }, title ?? (items.join(', ') || w.untitled)),
      h('span', { class: 'note' }, winner === null ? when : `${when} · ${w.chose(winner)}`),
      h('span', { class: isOpen ? 'tag open' : 'tag' }, isOpen ? w.isOpen : w.isClosed),
    ),
  );
}

await ready;
build();
// A page from the browser's back/forward cache does not know the tables visited since.
addEventListener('pageshow', (event) => event.persisted && build());
