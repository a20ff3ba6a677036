/**
 * The export list of the kernels that only some networks need. In the package they are a module of their
 * own, so that a bundle whose layers do not call them leaves them out.
 */

export {
  eluBackward,
  eluBackwardOfInput,
  eluForward,
  sigmoidBackward,
  sigmoidForward,
  siluBackward,
  siluForward,
  tanhBackward,
  tanhForward,
} from './activation';
export { adaptiveAvgPoolBackward, adaptiveAvgPoolForward } from './avgpool';
export { batchNormMaskedBackward, batchNormMaskedForward } from './batchnorm-masked';
export { batchNormMaskedBackwardSums, batchNormMaskedStatistics } from './batchnorm-masked-sums';
export { batchNormRenorm, batchNormRenormBackward } from './batchnorm-renorm';
export { bceWithLogitsBackward, bceWithLogitsForward } from './bce';
export { crossProducts } from './covariance';
export { emaUpdate, exchange } from './ema';
export { geluBackward, geluForward, geluTanhBackward, geluTanhForward } from './gelu';
export { groupNormBackward, groupNormForward, instanceNormAverages } from './groupnorm';
export { klDivBackward, klDivForward } from './kldiv';
export { layerNormBackward, layerNormForward } from './layernorm';
export { localResponseNormBackward, localResponseNormForward } from './localresponsenorm';
export { huberBackward, huberForward, l1Backward, l1Forward } from './loss';
export { expForward, logForward } from './math';
export { preluBackward, preluBackwardWeight, preluForward } from './prelu';
export { leakyReluBackward, leakyReluForward, relu6Backward, relu6Forward } from './relu';
export { rmsNormBackward, rmsNormForward } from './rmsnorm';
export { rmspropStep } from './rmsprop';
export { sumChunks } from './row';
export { logSoftmaxBackward, logSoftmaxForward } from './softmax';
export { powerIteration, spectralNormBackward, spectralNormForward } from './spectralnorm';
export {
  upsampleBilinearBackward,
  upsampleBilinearForward,
  upsampleNearestBackward,
  upsampleNearestForward,
} from './upsample';
export { rowNorms, weightNormBackward, weightNormForward } from './weightnorm';
