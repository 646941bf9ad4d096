// Shows what /openapi.json describes, and lets it be tried on this very server.
// @ts-check
// A module, for `await`.
export {};

/** Where this site is, without the slash at the end: below any path that a proxy gives it. */
const SITE = new URL('../..', import.meta.url).href.slice(0, -1);

/** @type {any} */
const { SwaggerUIBundle } = globalThis;

// The document is the same wherever it is read; what it names as an example is to work here.
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
  // It would ask a server elsewhere.
  validatorUrl: null,
  responseInterceptor: follow,
});

/**
 * The room that was just made is the one to be tried next.
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
