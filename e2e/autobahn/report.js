// What the Autobahn suite found, as a document.

/**
 * What the suite says of a case. There are several words for a failure, such as `WRONG CODE`.
 * @typedef {{ behavior: string, behaviorClose: string }} Case
 */

/** The name of our server in the suite's reports. */
export const AGENT = 'echo';

/**
 * The groups of cases that must pass. The suite has only two more, 12 and 13: compression, which is absent on
 * purpose.
 */
export const GROUPS = new Map([
  ['1', 'frames of each size'],
  ['2', 'pings and pongs'],
  ['3', 'reserved bits'],
  ['4', 'reserved opcodes'],
  ['5', 'fragments'],
  ['6', 'UTF-8'],
  ['7', 'the closing handshake'],
  ['9', 'large messages, many fragments'],
  ['10', 'one message in fragments of each size'],
]);

/**
 * From best to worst. Informational: any behaviour is right. Non-strict: what the standard allows but does not
 * recommend, such as finding a fault late.
 */
const VERDICTS = ['OK', 'INFORMATIONAL', 'NON-STRICT', 'FAILED'];

/** @param {string} word */
const rank = (word) => (VERDICTS.includes(word) ? VERDICTS.indexOf(word) : VERDICTS.length - 1);

/** Cases by number. @param {string} a @param {string} b */
const byNumber = (a, b) => a.localeCompare(b, 'en', { numeric: true });

/**
 * @param {Record<string, Record<string, Case>>} index what the suite has found
 * @param {string} title the first lines of the document
 * @returns {{ text: string, bad: string[] }} the document, and the cases that did not pass
 */
export function report(index, title) {
  const cases = Object.entries(index[AGENT] ?? {}).sort(([a], [b]) => byNumber(a, b));
  // It judges the messages and the closing handshake; the worse one counts.
  const verdicts = cases.map(([number, { behavior, behaviorClose }]) => {
    const verdict = Math.max(rank(behavior), rank(behaviorClose));
    return { number, group: number.split('.')[0], verdict };
  });
  const rows = [...GROUPS].map(([group, about]) => {
    const found = verdicts.filter((one) => one.group === group);
    if (found.length === 0) throw new Error(`the suite ran no case of group ${group}`);
    const counts = VERDICTS.map((_, verdict) => found.filter((one) => one.verdict === verdict).length);
    return `| ${[group, about, ...counts].join(' | ')} |`;
  });
  const bad = verdicts.filter((one) => one.verdict > VERDICTS.indexOf('INFORMATIONAL'));
  const named = bad.map((one) => `${one.number}: ${VERDICTS[one.verdict]}`);
  const text = `${title}
| group | cases | OK | informational | non-strict | failed |
|---|---|---|---|---|---|
${rows.join('\n')}

${named.map((line) => `- ${line}`).join('\n') || 'All pass.'}

*Informational*: there is no right and wrong in it. *Non-strict*: as the standard says, but not as it recommends; here it
counts as a failure. Groups 12 and 13 are compression, which is absent on purpose; there is no 8 and no 11.
`;
  return { text, bad: named };
}
