/** All kernels in one module, which scripts/split.ts cuts in two. */
export * from './extra';
export * from './index';
