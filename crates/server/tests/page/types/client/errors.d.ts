export * from '../../../../../../clients/js/src/errors.js';
