// Opening a table. People are in meetings: it stays longer than those of programs.

import { createRoom } from '../client/http.js';
import { root } from './page.js';

/** How long a table stays without a join or a change, in minutes. */
export const STAYS = 180;

/** @param {{ title?: string | null, minutes?: number }} [settings] */
export async function openTable({ title = null, minutes = STAYS } = {}) {
  try {
    return await createRoom(root, { title, minutes });
  } catch (error) {
    // This server keeps no table as long. Then it is as long as it says.
    if (/** @type {{ code?: string }} */ (error).code !== 'bad_request') throw error;
    return createRoom(root, { title });
  }
}
