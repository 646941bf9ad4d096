// Opening a table. People are in meetings: it stays longer than those of programs.

import { createRoom } from '../client/http.js';
import { root } from './page.js';

/** @import { RoomSettings } from '../client/types.js' */

/** How long a table stays without a join or a change, in minutes. */
export const STAYS = 180;

/** @param {RoomSettings} [settings] */
export async function openTable(settings) {
  try {
    return await createRoom(root, { minutes: STAYS, ...settings });
  } catch (error) {
    // Perhaps this server keeps no table as long. Then it is as long as it says.
    if (/** @type {{ code?: string }} */ (error).code !== 'bad_request') throw error;
    return createRoom(root, { ...settings, minutes: null });
  }
}
