// Asking others to the table.

import { w } from '../i18n/index.js';
import { copy } from '../lib/clipboard.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/pictures.js';
import { sheet } from '../lib/sheet.js';

/** @import { App } from './app.js' */

/** @param {string} id of the room */
export const link = (id) => `${location.origin}/r/${id}`;

/** The ways to send a link. @param {App} app */
function ways(app) {
  const url = link(app.id);
  const data = { title: app.view().state?.title ?? w.shareText, text: w.shareText, url };
  const copyButton = h(
    'button',
    {
      type: 'button',
      class: 'main',
      onclick: async () => {
        const done = await copy(url);
        label.textContent = done ? w.copied : w.copyLink;
        app.announce(done ? w.copied : w.errors.copy);
        if (!done) field.select();
        setTimeout(() => (label.textContent = w.copyLink), 2500);
      },
    },
    icon('copy'),
  );
  const label = h('span', {}, w.copyLink);
  copyButton.append(label);
  const field = h('input', { class: 'link-field', readonly: true, 'aria-label': w.link, onfocus: () => field.select() });
  field.value = url;
  const send = () => navigator.share(data).catch(() => {});
  const sendButton = 'share' in navigator && h('button', { type: 'button', class: 'second', onclick: send }, icon('send'), w.send);
  return [field, h('div', { class: 'share-buttons' }, copyButton, sendButton)];
}

/** @param {App} app */
function code(app) {
  const origin = encodeURIComponent(location.origin);
  return h('img', { class: 'qr', loading: 'lazy', src: `/r/${app.id}/qr.svg?origin=${origin}`, alt: w.qr, width: 200, height: 200 });
}

/** Opens the sheet. @param {App} app */
export function invite(app) {
  sheet(w.share, [h('p', { class: 'note' }, w.aloneText), ...ways(app), h('figure', { class: 'qr-box' }, code(app), h('figcaption', {}, w.qrNote))], 'share');
}

/** For whoever sits alone, and beside the list where there is room. @param {App} app */
export function inviteCard(app) {
  return h(
    'section',
    { class: 'invite-card', 'aria-label': w.share },
    h('div', {}, h('h2', { class: 'part-title' }, w.share), h('p', { class: 'note' }, w.aloneText)),
    ...ways(app),
    h('figure', { class: 'qr-box' }, code(app), h('figcaption', {}, w.qrNote)),
  );
}
