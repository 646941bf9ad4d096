/** Random bytes, in hex. @param {number} count */
export function randomHex(count) {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What tells this client's connections from those of another tab: the field `client` of its first message. */
export const newClient = () => ((crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % 1_048_575) + 1;

/**
 * A new key for the option `person`: 32 random hex digits. Make one for each person and site, and keep it as you keep a
 * password.
 */
export const newPerson = () => randomHex(16);
