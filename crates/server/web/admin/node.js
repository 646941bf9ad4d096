// This node: whether it serves, and what it would say of itself.

import { button, h } from '../live/dom.js';
import { Newest, get, post, unready } from './api.js';
import { choice } from './choice.js';
import { facts, heading } from './parts.js';
import { away, when } from './words.js';

/** Under this a certificate that was not renewed is a concern, ms: renewal is due at a third of 90 days. */
const SOON = 14 * 86_400_000;

export class NodeView {
  title = 'This node';
  live = true;
  #newest = new Newest();
  #shown = h('div', { class: 'stack' });
  #drain = button('Begin drain…', () => void this.#drained(), { class: 'danger', disabled: true });
  element = h('section', { class: 'stack', 'aria-label': 'This node' }, heading('This node'), this.#shown, h('div', { class: 'bar' }, this.#drain));

  show() {
    return this.refresh();
  }

  async refresh() {
    const seen = await this.#newest.ask(async (signal) => {
      const [node, why] = await Promise.all([get('node', {}, signal), unready(signal)]);
      return { node: /** @type {import('./api.js').Node} */ (node), why };
    });
    if (!seen) return;
    const { node, why } = seen;
    const now = Date.now();
    this.#shown.replaceChildren(
      why === '' ? h('p', { class: 'verdict good' }, 'Ready: clients are sent here.') : h('p', { class: 'verdict bad' }, `Not ready. ${why}`),
      facts([
        ['Node', h('code', {}, node.node)],
        ['Version', node.commit ? `${node.version} (${node.commit})` : node.version],
        ['Started', h('span', {}, when(node.started_at), ` · ${away(node.started_at, now)}`)],
        ['Draining', node.draining ? h('strong', { class: 'warm' }, 'yes, it ends when its members have gone') : 'no'],
        ['Rooms open here', String(node.rooms)],
        ['Connections', String(node.connections)],
        ['Store', h('code', {}, node.store.name)],
        ['Store’s health', health(node.store)],
      ]),
      h('h3', {}, 'Certificate'),
      node.tls ? certificate(node.tls, now) : h('p', { class: 'hint' }, 'TLS does not end here, so there is no certificate.'),
    );
    this.#drain.disabled = node.draining;
  }

  async #drained() {
    const done = await choice({
      title: 'Begin drain',
      says: [
        'This node takes no more members and makes no more rooms: it answers 503, so a proxy asks another node.',
        'Its members are closed with 1012 and come back by themselves, elsewhere; if this is the only node, when it is started again. Seats are kept for --seat-grace.',
        'Then the process ends, this page with it. It cannot be taken back. If a service manager keeps it running, it is started again.',
      ],
      does: 'Drain this node',
      act: () => post('drain'),
    });
    if (done) await this.refresh().catch(() => {});
  }

  end() {
    this.#newest.end();
  }
}

/** @param {import('./api.js').Node['store']} store */
function health({ health: is, words }) {
  if (is === 'up') return h('span', { class: 'good' }, 'takes changes');
  return h('strong', { class: 'bad' }, words ? `${is}: ${words}` : is);
}

/** @param {NonNullable<import('./api.js').Node['tls']>} tls @param {number} now */
function certificate({ domains, not_after, last_error, next_renewal }, now) {
  const left = not_after === null ? 0 : not_after - now;
  return facts([
    ['For', h('span', {}, domains.join(', ') || '–')],
    ['Ends', not_after === null ? h('strong', { class: 'bad' }, 'there is none yet') : h('span', { class: left < 0 ? 'bad' : left < SOON ? 'warm' : 'good' }, when(not_after), ` · ${away(not_after, now)}`)],
    ['Next renewal', next_renewal === null ? 'not by this node' : h('span', {}, when(next_renewal), ` · ${away(next_renewal, now)}`)],
    ['Last error', last_error === null ? 'none' : h('strong', { class: 'bad' }, last_error)],
  ]);
}
