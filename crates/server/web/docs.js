// Shows the API of /openapi.json, to be tried on this server.
// @ts-check
// A module, for `await`.
export {};

/** The site's address, without the slash at the end; it may have a proxy's path. */
const SITE = new URL('../..', import.meta.url).href.slice(0, -1);

/** @type {any} */
const { SwaggerUIBundle } = globalThis;

// The document is the same everywhere; its examples must work on this site.
const text = (await (await fetch(`${SITE}/openapi.json`)).text())
  .replaceAll('http://127.0.0.1:8000', SITE)
  .replaceAll('ws://127.0.0.1:8000', SITE.replace(/^http/, 'ws'));
const spec = { ...JSON.parse(text), servers: [{ url: SITE }] };

/** @type {{ path: string, method: string, parameters: any[] }[]} */
const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
  Object.entries(/** @type {any} */ (item)).map(([method, { parameters = [] }]) => ({ path, method, parameters })),
);

const ui = SwaggerUIBundle({
  spec,
  dom_id: '#reference',
  deepLinking: true,
  tryItOutEnabled: true,
  // It would ask another server.
  validatorUrl: null,
  responseInterceptor: follow,
});

/**
 * Makes the new room the example for the next requests.
 * @param {any} response
 */
function follow(response) {
  const id = response.status === 201 && response.body?.id;
  if (id) {
    for (const { path, method, parameters } of operations) {
      if (parameters.some((one) => one.name === 'id')) {
        ui.getSystem().specActions.changeParam([path, method], 'id', 'path', id, false);
      }
    }
  }
  return response;
}
