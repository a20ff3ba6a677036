/** All kernels in one module, which scripts/split.js cuts in three. */
export * from './extra';
export * from './index';
export * from './inspect';
