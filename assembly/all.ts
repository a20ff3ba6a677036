/** All kernels in one module, which scripts/split.js cuts in four. */
export * from './extra';
export * from './index';
export * from './inspect';
export * from './ops';
