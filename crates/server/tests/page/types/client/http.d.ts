export * from '../../../../../../clients/js/src/http.js';
