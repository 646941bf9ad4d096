// What a browser has and this Node may not: the same `ws` that the client's tests use.

import { createRequire } from 'node:module';

const near = createRequire(new URL('../../../../../clients/js/package.json', import.meta.url));
globalThis.WebSocket = near('ws');

export { plain as open } from '../../../web/live/socket.js';
