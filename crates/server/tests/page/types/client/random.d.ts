export * from '../../../../../../clients/js/src/random.js';
