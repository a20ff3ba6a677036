/**
 * The export list of the kernels that only some networks need. In the package they are a module of their
 * own, so that a bundle whose layers do not call them leaves them out.
 */

export { eluBackward, eluForward } from './activation/elu';
export { geluBackward, geluForward, geluTanhBackward, geluTanhForward } from './activation/gelu';
export { gluBackward, gluForward } from './activation/glu';
export {
  hardsigmoidBackward,
  hardsigmoidForward,
  hardswishBackward,
  hardswishForward,
  hardtanhBackward,
  hardtanhForward,
} from './activation/hardtanh';
export { preluBackward, preluBackwardWeight, preluForward } from './activation/prelu';
export { leakyReluBackward, leakyReluForward } from './activation/relu';
export {
  sigmoidBackward,
  sigmoidForward,
  siluBackward,
  siluForward,
} from './activation/sigmoid';
export { logSoftmaxBackward, logSoftmaxForward } from './activation/softmax';
export {
  mishBackward,
  mishForward,
  softplusBackward,
  softplusForward,
} from './activation/softplus';
export { softsignBackward, softsignForward } from './activation/softsign';
export { tanhBackward, tanhForward } from './activation/tanh';
export {
  attentionProbabilities,
  attentionScoresBackward,
  attentionSoftmax,
} from './attention/attention';
export {
  batchNormMaskedBackward,
  batchNormMaskedBackwardSums,
  batchNormMaskedForward,
  batchNormMaskedFrozenBackward,
  batchNormMaskedStatistics,
} from './batchnorm/batchnorm';
export { batchNormRenorm, batchNormRenormBackward } from './batchnorm/channels';
export { crossProducts } from './data/covariance';
export {
  bceBackward,
  bceForward,
  bceWithLogitsBackward,
  bceWithLogitsForward,
} from './loss/bce';
export { huberBackward, huberForward, l1Backward, l1Forward } from './loss/elementwise';
export { klDivBackward, klDivForward } from './loss/kldiv';
export { expForward, logForward } from './math';
export {
  groupNormAffineBackward,
  groupNormBackward,
  groupNormForward,
  groupNormScratch,
  instanceNormAverages,
} from './norm/groupnorm';
export {
  layerNormAffineBackward,
  layerNormBackward,
  layerNormForward,
  layerNormScratch,
} from './norm/layernorm';
export {
  localResponseNormBackward,
  localResponseNormForward,
  localResponseNormScratch,
} from './norm/localresponsenorm';
export {
  rmsNormAffineBackward,
  rmsNormBackward,
  rmsNormForward,
  rmsNormScratch,
} from './norm/rmsnorm';
export {
  powerIteration,
  powerIterationScratch,
  spectralNormBackward,
  spectralNormForward,
} from './norm/spectralnorm';
export { rowNorms, weightNormBackward, weightNormForward } from './norm/weightnorm';
export { adaptiveStep } from './optim/adaptive';
export { averageUpdate, emaUpdate, exchange } from './optim/ema';
export { lionStep } from './optim/lion';
export { rmspropStep } from './optim/rmsprop';
export { adaptiveAvgPoolBackward, adaptiveAvgPoolForward } from './pool/adaptiveavgpool';
export { adaptiveMaxPoolForward } from './pool/adaptivemaxpool';
export { avgPoolBackward, avgPoolBackwardScratch, avgPoolForward } from './pool/avgpool';
export {
  upsampleBilinearBackward,
  upsampleBilinearForward,
  upsampleBilinearScratch,
  upsampleNearestBackward,
  upsampleNearestForward,
  upsampleNearestScratch,
} from './pool/upsample';
export { gruBackward, gruForward } from './recurrent/gru';
export { lstmBackward, lstmForward } from './recurrent/lstm';
export { recurrentScratch } from './recurrent/product';
export { rnnBackward, rnnForward } from './recurrent/rnn';
export { recurrentOutput } from './recurrent/sequence';
