/** evenkeel/whitening: principal components and whitening. Needs the package `ml-matrix`. */
export { PCA, type PCAOptions } from './pca.ts';
export { type Maps, Projection, type ProjectionState } from './projection.ts';
export { ZCA, type ZCAOptions } from './zca.ts';
