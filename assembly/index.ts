/**
 * The export list of the core: the kernels that batch-normalized networks need, one line an op. Kernels
 * that only some networks need are in extra.ts.
 */

export { reluBackward, reluForward } from './activation/relu';
export { softmaxBackward, softmaxForward } from './activation/softmax';
export { addForward } from './add';
export {
  batchNormBackward,
  batchNormBackwardSums,
  batchNormForward,
  batchNormFrozenBackward,
  batchNormStatistics,
} from './batchnorm/batchnorm';
export {
  batchNormAffine,
  batchNormAffineBackward,
  batchNormRunning,
  batchNormUpdateRunning,
} from './batchnorm/channels';
export { batchNormScratch } from './batchnorm/shape';
export { conv2dForward, conv2dForwardScratch } from './conv2d/forward';
export { conv2dInputGradient, conv2dInputGradientScratch } from './conv2d/input-gradient';
export { conv2dWeightGradient, conv2dWeightGradientScratch } from './conv2d/weight-gradient';
export { copyRows } from './copy';
export { biasBackward, biasForward, channelBiasBackward, channelBiasForward } from './gemm/bias';
export { gemm, gemmScratch } from './gemm/gemm';
export { crossEntropyBackward, crossEntropyForward, crossEntropyWeight } from './loss/crossentropy';
export { crossEntropySoftBackward, crossEntropySoftForward } from './loss/crossentropysoft';
export { mseBackward, mseForward } from './loss/elementwise';
export { cosF64, expF64, logF64, powF64 } from './math64';
export { adamStep } from './optim/adam';
export { clampInPlace, scaleInPlace, sumOfSquares } from './optim/clip';
export { sgdMomentumStep, sgdStep } from './optim/sgd';
export { globalAvgPoolBackward, globalAvgPoolForward } from './pool/globalavgpool';
export { maxPoolBackward, maxPoolForward } from './pool/maxpool';
export { dropout, dropoutRows } from './random/dropout';
export {
  randomBits,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  shuffle,
} from './random/random';
