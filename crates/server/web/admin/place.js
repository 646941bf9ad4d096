// What the page shows, as its address says it: `#rooms?search=32cd`, `#room/32cd8a37?at=4`, `#visits?code=4413`.

/** @typedef {'node' | 'rooms' | 'room' | 'visits'} Name */
/** @typedef {Record<string, string>} Query */
/** @typedef {{ name: Name, id: string, query: Query }} Place `id` is that of a room, or empty */

const NAMES = /** @type {const} */ (['node', 'rooms', 'room', 'visits']);

/** @param {string} hash @returns {Place} this node, if it says nothing that is known */
export function place(hash) {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const [said = '', id = ''] = path.split('/');
  const name = NAMES.find((one) => one === said) ?? 'node';
  if (name === 'room' && id === '') return { name: 'rooms', id: '', query: {} };
  return { name, id: name === 'room' ? decoded(id) : '', query: Object.fromEntries(new URLSearchParams(query)) };
}

/** @param {Name} name @param {string} [id] @param {Record<string, string | number | null | undefined>} [query] empty values are left out */
export function addressOf(name, id = '', query = {}) {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== '') said.set(key, String(value));
  return `#${name}${id && `/${encodeURIComponent(id)}`}${said.size > 0 ? `?${said}` : ''}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
