// The parts of a form as controls. A change is in the parts at once.

import { button, h, prose } from './dom.js';

/** @typedef {import('./schema.js').Part} Part */

/**
 * @param {Part} part @param {string} name its label @param {() => void} changed
 * @returns {HTMLElement}
 */
export function view(part, name, changed) {
  const said = [part.note, part.limits].filter(Boolean).join(' — ');
  // For a value with parts, the parts are enough.
  const hint = said && part.kind !== 'object' && part.kind !== 'choice' ? h('small', { class: 'hint', title: said }, ...prose(said)) : null;
  const inner = controls(part, name, changed);
  if (!part.nullable) return h('div', { class: 'part' }, inner, hint);
  const isNull = h('input', { type: 'checkbox', 'aria-label': `${name} is null`, onchange: () => {
    part.isNull = isNull.checked;
    inner.toggleAttribute('hidden', part.isNull);
    changed();
  } });
  isNull.checked = part.isNull;
  inner.toggleAttribute('hidden', part.isNull);
  return h('div', { class: 'part' }, inner, h('label', { class: 'null' }, isNull, 'null'), hint);
}

/** @param {Part} part @param {string} name @param {() => void} changed @returns {HTMLElement} */
function controls(part, name, changed) {
  switch (part.kind) {
    case 'object':
      return h('div', { class: 'object' }, ...part.members.map((member) => row(member, changed)));
    case 'choice':
      return choice(part, name, changed);
    case 'list':
      return list(part, name, changed);
    case 'fixed':
      return h('code', {}, JSON.stringify(part.value));
    case 'boolean': {
      const box = h('input', { type: 'checkbox', 'aria-label': name, onchange: () => {
        part.value = box.checked;
        changed();
      } });
      box.checked = part.value === true;
      return box;
    }
    case 'text':
      if (part.options.length > 0) return pick(part.options, part.value, name, (value) => {
        part.value = value;
        changed();
      });
    // falls through
    default: {
      const input = h('input', {
        'aria-label': name, autocomplete: 'off', spellcheck: 'false', ...(part.kind === 'number' && { inputmode: 'numeric' }),
        oninput: () => {
          part.value = input.value;
          changed();
        },
      });
      input.value = String(part.value);
      return input;
    }
  }
}

/** @param {import('./schema.js').Member} member @param {() => void} changed */
function row(member, changed) {
  const inner = view(member.part, member.key, changed);
  if (member.required) return h('div', { class: 'row' }, h('span', { class: 'key' }, member.key), inner);
  const on = h('input', { type: 'checkbox', onchange: () => {
    member.on = on.checked;
    inner.toggleAttribute('hidden', !member.on);
    changed();
  } });
  on.checked = member.on;
  inner.toggleAttribute('hidden', !member.on);
  return h('div', { class: 'row' }, h('label', { class: 'key' }, on, member.key), inner);
}

/** @param {Part} part @param {string} name @param {() => void} changed */
function choice(part, name, changed) {
  const place = h('div', {});
  const show = () => {
    const picked = part.parts[part.picked];
    place.replaceChildren(...(picked ? [view(picked, name, changed)] : []));
  };
  show();
  const select = pick(part.options.map(String), String(part.options[part.picked]), `${name}: which`, (_, index) => {
    part.picked = index;
    show();
    changed();
  });
  return h('div', { class: 'choice' }, select, place);
}

/** @param {Part} part @param {string} name @param {() => void} changed */
function list(part, name, changed) {
  const place = h('div', { class: 'list' });
  const show = () => {
    place.replaceChildren(
      ...part.parts.map((one, index) =>
        h('div', { class: 'row' }, view(one, `${name} ${index + 1}`, changed), button('×', () => {
          part.parts.splice(index, 1);
          show();
          changed();
        }, { 'aria-label': `remove ${name} ${index + 1}`, class: 'quiet' })),
      ),
      button('+', () => {
        part.parts.push(part.another());
        show();
        changed();
      }, { 'aria-label': `add to ${name}`, class: 'quiet' }),
    );
  };
  show();
  return place;
}

/** @param {string[]} options @param {string} value @param {string} name @param {(value: string, index: number) => void} picked */
function pick(options, value, name, picked) {
  const select = h('select', { 'aria-label': name, onchange: () => picked(select.value, select.selectedIndex) }, ...options.map((one) => h('option', { value: one }, one)));
  select.value = value;
  return select;
}

