/** All kernels in one module, which scripts/split.js cuts into modules. */
export * from './common';
export * from './extra';
export * from './index';
export * from './inspect';
export * from './ops';
export * from './spatial';
export * from './volume';
