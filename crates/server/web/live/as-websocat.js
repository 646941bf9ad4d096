// A story as command lines: `websocat` sends what the member sent, then whatever is typed.

import { parse } from './log.js';
import { PROTOCOL } from './member.js';

/** @param {string} text in quotes that no shell looks into */
export const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * websocat ends a message where a line ends.
 * @param {string} text
 */
function oneLine(text) {
  const value = parse(text);
  return text.includes('\n') && value !== undefined ? JSON.stringify(value) : text;
}

/** @param {string} text in a comment, which must not end within it */
const comment = (text) => `# ${text.replaceAll(/\p{Cc}+/gu, ' ')}`;

/**
 * A line for each connection. Values that are known only at run time, such as another member's seat,
 * are the recorded ones.
 * @param {import('./log.js').Entry[]} entries of one member @param {string} url
 * @returns {string}
 */
export function asWebsocat(entries, url) {
  /** @type {{ json: boolean, said: string[], notes: string[] }[]} */
  const connections = [];
  for (const one of entries) {
    if (one.way === 'note' && one.kind === 'connect') connections.push({ json: one.json === true, said: [], notes: [] });
    const current = connections.at(-1);
    if (!current) continue;
    if (one.way === 'in') current.notes.push(comment(`< ${one.text}`));
    if (one.kind === 'closed') current.notes.push(comment(one.text));
    if (one.way !== 'out') continue;
    if (one.kind === 'binary') current.notes.push('# a binary message was said here, which this line leaves out');
    else if (oneLine(one.text).includes('\n')) current.notes.push('# a message with line ends was said here, which this line leaves out');
    else {
      current.said.push(oneLine(one.text));
      current.notes.push(comment(`> ${one.text}`));
    }
  }
  return connections
    .map(({ json, said, notes }) => {
      const protocol = json ? ` --protocol ${PROTOCOL}` : '';
      const preambles = said.map((text) => ` --preamble ${quote(text)}`).join('');
      // Arguments after a preamble would be taken for preambles.
      return `${notes.join('\n')}\nwebsocat${protocol} ${quote(url)}${preambles}\n`.trimStart();
    })
    .join('\n');
}
