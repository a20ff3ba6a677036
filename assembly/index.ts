/**
 * The export list of the core: the kernels that batch-normalized networks are made of. One line an op. What
 * few networks need stands in extra.ts.
 */

export { adamStep } from './adam';
export { addForward } from './add';
export {
  avgPoolBackward,
  avgPoolForward,
  globalAvgPoolBackward,
  globalAvgPoolForward,
} from './avgpool';
export { batchNormBackward, batchNormBackwardSums, batchNormForward } from './batchnorm';
export {
  batchNormAffine,
  batchNormAffineBackward,
  batchNormRunning,
  batchNormUpdateRunning,
} from './batchnorm-channels';
export {
  batchNormBackwardPlanes,
  batchNormBackwardSumsPlanes,
  batchNormForwardPlanes,
} from './batchnorm-planes';
export { batchNormStatistics, batchNormStatisticsPlanes } from './batchnorm-statistics';
export { biasBackward, biasForward, channelBiasBackward, channelBiasForward } from './bias';
export { clampInPlace, scaleInPlace, sumOfSquares } from './clip';
export { conv2dForward, conv2dForwardScratch } from './conv2d';
export { conv2dInputGradient, conv2dInputGradientScratch } from './conv2d-input-gradient';
export { conv2dWeightGradient, conv2dWeightGradientScratch } from './conv2d-weight-gradient';
export { copyRows } from './copy';
export { crossEntropyBackward, crossEntropyForward, crossEntropyWeight } from './crossentropy';
export { crossEntropySoftBackward, crossEntropySoftForward } from './crossentropysoft';
export { dropout, dropoutRows } from './dropout';
export { gemmNN, gemmNT, gemmScratch, gemmTN } from './gemm';
export { mseBackward, mseForward } from './loss';
export { cosF64, expF64, logF64, powF64 } from './math64';
export { maxPoolBackward, maxPoolForward } from './maxpool';
export { randomBits, randomNormal, randomTruncatedNormal, randomUniform, shuffle } from './random';
export { reluBackward, reluForward } from './relu';
export { sgdMomentumStep, sgdStep } from './sgd';
export { softmaxBackward, softmaxForward } from './softmax';
