import { LunchRoom } from './client/lunch.js';
