// The golden frames, which the server's tests read too.

import { readFileSync, readdirSync } from 'node:fs';

const FOLDER = new URL('../../../../docs/frames/', import.meta.url);

/**
 * @param {string} name
 * @returns {{ name: string, from: 'client' | 'server', dialect: 'json' | 'text', first?: object[], frame: any }}
 */
export const golden = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));

export const allGolden = () => readdirSync(FOLDER).map((file) => golden(file.replace('.json', '')));

/** The answer to a resume, where commands up to this number were applied. */
export function resumed(applied = 0) {
  const { applied: _, ...hello } = golden('hello-resumed').frame.hello;
  return { hello: { ...hello, ...(applied && { applied }) } };
}
