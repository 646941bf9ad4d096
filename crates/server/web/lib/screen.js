// Which screen it is. Pure.

/** @import { Menu, View } from '../client/types.js' */

/** @typedef {'room' | 'arriving' | 'full' | 'restarting' | 'unreachable' | 'unknown' | 'gone' | 'taken' | 'failed'} Screen */

/**
 * What there is to show: a room, or why there is none.
 * @param {Pick<View<Menu>, 'status' | 'reason' | 'state'>} view
 * @returns {Screen}
 */
export function screenOf({ status, reason, state }) {
  const code = reason?.code;
  if (status === 'ended') {
    if (code === 'not_found') return state ? 'gone' : 'unknown';
    if (code === 'gone') return 'gone';
    return code === 'taken_over' ? 'taken' : 'failed';
  }
  if (code === 'room_full') return 'full';
  if (state) return 'room';
  if (code === 'restarting' || code === 'unavailable') return 'restarting';
  return status === 'offline' || reason ? 'unreachable' : 'arriving';
}
