// A run of the JavaScript client, in Node.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { conduct } from './conduct.js';

/** @import { History, Plan, Plant } from './types.js' */
/** @typedef {import('./person.js').Order} Order */

/**
 * @param {Plan} plan
 * @param {Plant | null} plant
 * @returns {Promise<History>}
 */
export function run(plan, plant) {
  return conduct(plan, plant, async ({ world, began, record, client }) => {
    const { tempo, transport } = plan;
    const base = `127.0.0.1:${world.ways[client]?.port}`;
    const workerData = { base, id: world.id, client, tempo, transport, began, plant: client === 0 ? plant : null };
    const worker = new Worker(new URL('person.js', import.meta.url), { workerData });
    worker.on('message', record);
    worker.on('error', (error) => record({ crash: `client ${client}: ${error.stack}` }));
    await once(worker, 'message');
    /** @param {Order} order */
    const obey = (order) => worker.postMessage(order);
    return {
      /** @param {Order} order */
      async act(order) {
        obey(order);
        if (order.do !== 'hide' && order.do !== 'offline') return;
        const from = Date.now() - began;
        record({ excused: { client, from, to: from + order.for } });
        // sleep: how long it lasts, by the plan
        await new Promise((resolve) => setTimeout(resolve, order.for));
        obey({ do: order.do === 'hide' ? 'show' : 'online' });
      },
      retryNow: () => obey({ do: 'retryNow', at: 0, who: client }),
      wrong: async () => null,
      close: async () => void (await worker.terminate()),
    };
  });
}
