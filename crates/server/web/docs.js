// Shows what /openapi.json describes, and lets it be tried on this very server.
// @ts-check

/** @type {any} */
const { SwaggerUIBundle } = globalThis;

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  tryItOutEnabled: true,
  // Without it the page would ask a validator elsewhere.
  validatorUrl: null,
});
