export * from '../../../../../../clients/js/src/types.js';
