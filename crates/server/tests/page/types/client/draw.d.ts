export * from '../../../../../../clients/js/src/draw.js';
