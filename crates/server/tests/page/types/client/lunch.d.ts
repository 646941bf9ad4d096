export * from '../../../../../../clients/js/src/lunch.js';
