/** The export list: every kernel the host may call, one line an op. */

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
export { adamStep } from './adam';
export { addForward } from './add';
export {
  adaptiveAvgPoolBackward,
  adaptiveAvgPoolForward,
  avgPoolBackward,
  avgPoolForward,
  globalAvgPoolBackward,
  globalAvgPoolForward,
} from './avgpool';
export {
  batchNormBackward,
  batchNormBackwardSums,
  batchNormForward,
} from './batchnorm';
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
export { bceWithLogitsBackward, bceWithLogitsForward } from './bce';
export {
  biasBackward,
  biasForward,
  channelBiasBackward,
  channelBiasForward,
} from './bias';
export { clampInPlace, scaleInPlace, sumOfSquares } from './clip';
export { conv2dForward, conv2dForwardScratch } from './conv2d';
export { conv2dInputGradient, conv2dInputGradientScratch } from './conv2d-input-gradient';
export { conv2dWeightGradient, conv2dWeightGradientScratch } from './conv2d-weight-gradient';
export { copyRows } from './copy';
export { crossEntropyBackward, crossEntropyForward, crossEntropyWeight } from './crossentropy';
export { crossEntropySoftBackward, crossEntropySoftForward } from './crossentropysoft';
export { dropout, dropoutRows } from './dropout';
export { emaUpdate, exchange } from './ema';
export { geluBackward, geluForward, geluTanhBackward, geluTanhForward } from './gelu';
export { gemmNN, gemmNT, gemmScratch, gemmTN } from './gemm';
export { klDivBackward, klDivForward } from './kldiv';
export { layerNormBackward, layerNormForward } from './layernorm';
export {
  huberBackward,
  huberForward,
  l1Backward,
  l1Forward,
  mseBackward,
  mseForward,
} from './loss';
export { expForward, logForward } from './math';
export { cosF64, expF64, logF64, powF64 } from './math64';
export { maxPoolBackward, maxPoolForward } from './maxpool';
export { preluBackward, preluBackwardWeight, preluForward } from './prelu';
export {
  randomBits,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  shuffle,
} from './random';
export {
  leakyReluBackward,
  leakyReluForward,
  relu6Backward,
  relu6Forward,
  reluBackward,
  reluForward,
} from './relu';
export { rmsNormBackward, rmsNormForward } from './rmsnorm';
export { rmspropStep } from './rmsprop';
export { sumChunks } from './row';
export { sgdMomentumStep, sgdStep } from './sgd';
export {
  logSoftmaxBackward,
  logSoftmaxForward,
  softmaxBackward,
  softmaxForward,
} from './softmax';
export {
  upsampleBilinearBackward,
  upsampleBilinearForward,
  upsampleNearestBackward,
  upsampleNearestForward,
} from './upsample';
