// Opening a table. People are in meetings: it stays longer than those of programs.

import { again, createRoom } from '../client/http.js';
import { root } from './page.js';
import { person } from './person.js';

/** @import { CreatedRoom, NextSettings, Remembered, RoomSettings } from '../client/types.js' */

/** How long a table stays without a join or a change, in minutes. */
export const STAYS = 180;

/**
 * @param {number} minutes
 * @param {(settings: NextSettings) => Promise<CreatedRoom>} make
 */
async function staying(minutes, make) {
  try {
    return await make({ person, minutes });
  } catch (error) {
    const { code } = /** @type {{ code?: string }} */ (error);
    if (code !== 'bad_request') throw error;
    // Perhaps this server keeps no table as long. Then it is as long as it says.
    return make({ person });
  }
}

/** Opens one, whose host is this browser's person. @param {RoomSettings} [settings] */
export const openTable = ({ minutes, ...settings } = {}) => staying(minutes ?? STAYS, (ours) => createRoom(root, { ...settings, ...ours }));

/**
 * Opens the table that comes after this one, or finds it: it is the same for all.
 * @param {string} id
 * @param {Remembered} known what is on the screen
 */
export const openAgain = (id, known) => staying(STAYS, (ours) => again(root, id, { ...known, ...ours }));
