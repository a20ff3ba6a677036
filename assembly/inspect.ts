/**
 * The export list of the kernels that look at tensors and change none. In the package they are a module of
 * their own, which only evenkeel/inspect brings along.
 */

export { sumOfSquaredDifferences } from './inspect/difference';
export { countOutside, everyNth, histogram } from './inspect/histogram';
export { unitMoments } from './inspect/moments';
export { quantiles, quantilesScratch } from './inspect/quantiles';
