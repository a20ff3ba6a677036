/**
 * The export list of the core: the kernels that batch-normalized networks need, one line an op. Kernels
 * that only some networks need are in common.ts, spatial.ts and extra.ts.
 */

export { reluBackward, reluForward } from './activation/relu';
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
export { copyRows } from './copy';
export { biasBackward, biasForward, channelBiasBackward, channelBiasForward } from './gemm/bias';
export { gemm, gemmScratch } from './gemm/gemm';
export { crossEntropyBackward, crossEntropyForward, crossEntropyWeight } from './loss/crossentropy';
export { crossEntropySoftBackward, crossEntropySoftForward } from './loss/crossentropysoft';
export { expF64, logF64 } from './math64';
export { adamStep } from './optim/adam';
export { scaleInPlace, sumOfSquares } from './optim/clip';
export { dropout, dropoutRows } from './random/dropout';
export {
  randomBits,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  shuffle,
} from './random/random';
