/** evenkeel/whitening: principal components and whitening; needs `ml-matrix` beside it. */
export { PCA, type PCAOptions } from './pca.ts';
export { type Maps, Projection, type ProjectionState } from './projection.ts';
export { ZCA, type ZCAOptions } from './zca.ts';
