// Who uses this browser, for all tables of this site.

import { newPerson } from '../client/random.js';
import { me } from './remember.js';

/** Their key, given to each join. Where nothing can be stored it lasts as long as the page. */
export const person = (me.person ??= newPerson());
