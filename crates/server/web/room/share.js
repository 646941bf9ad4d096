// Inviting others to the table.

import { w } from '../i18n/index.js';
import { copy, h } from '../lib/dom.js';
import { root, sheet } from '../lib/page.js';
import { icon } from '../lib/pictures.js';

/** @import { App } from './app.js' */

/** @param {string} id of the room */
export const link = (id) => `${root}r/${id}`;

/** What the link does; or that it works on no other device, if the page was opened by a name such as `localhost`. */
function about() {
  const isLocal = /(^|\.)localhost$|^127(\.\d+){3}$|^\[::1]$/.test(location.hostname);
  if (!isLocal) return h('p', { class: 'note' }, w.aloneText);
  return h('p', { class: 'note' }, w.localText, ' ', h('code', {}, `--listen 0.0.0.0:${location.port || 80}`));
}

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

/**
 * A button that sends what was chosen, with the link to it.
 * @param {App} app
 * @param {{ winner: { item: string } }} decision
 * @param {string | null} title
 */
export function tell(app, { winner }, title) {
  const data = { text: w.resultText(winner.item, title ?? w.untitled), url: link(app.id) };
  const label = h('span', {}, w.shareResult);
  const send = async () => {
    if ('share' in navigator) return void navigator.share(data).catch(() => {});
    const done = await copy(`${data.text}\n${data.url}`);
    label.textContent = done ? w.copied : w.shareResult;
    app.announce(done ? w.copied : w.errors.copy);
  };
  return h('button', { type: 'button', class: 'second small', onclick: send }, icon('send'), label);
}

/** The whole sheet. @param {App} app */
function content(app) {
  const src = `${link(app.id)}/qr.svg?origin=${encodeURIComponent(root.slice(0, -1))}`;
  const code = h('img', { class: 'qr', loading: 'lazy', src, alt: w.qr, width: 200, height: 200 });
  return [about(), ...ways(app), h('figure', { class: 'qr-box' }, code, h('figcaption', {}, w.qrNote))];
}

/** Opens the sheet. @param {App} app */
export const invite = (app) => void sheet(w.share, content(app), 'share');

/** Beside the list, if there is space. @param {App} app */
export const inviteCard = (app) =>
  h('section', { class: 'invite-card', 'aria-label': w.share }, h('h2', { class: 'part-title' }, w.share), ...content(app));
