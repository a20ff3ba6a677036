/** evenkeel: the public names, and nothing else. */

export {
  type AnyLoss,
  type Evaluation,
  evaluate,
  type FitOptions,
  fit,
  type Metric,
  type Progress,
  type TrainingData,
} from './fit.ts';
export { type Folded, FoldedNetwork, fold, type Kept } from './fold.ts';
export type { Init, Initializer } from './init.ts';
export * as init from './init.ts';
export {
  ELU,
  GELU,
  type GELUOptions,
  LeakyReLU,
  PReLU,
  type PReLUOptions,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Tanh,
} from './layers/activation.ts';
export { Add } from './layers/add.ts';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  type AvgPoolOptions,
  GlobalAvgPool,
} from './layers/avgpool.ts';
export { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './layers/batchnorm.ts';
export type { VirtualBatchRest } from './layers/batchnorm-ghosts.ts';
export type { BatchNormOptions } from './layers/batchnorm-options.ts';
export { Concat } from './layers/concat.ts';
export { Conv1d, type Conv1dOptions, Conv2d, type Conv2dOptions } from './layers/conv.ts';
export { ConvTranspose2d, type ConvTranspose2dOptions } from './layers/convtranspose.ts';
export { Dropout, Dropout2d, type DropoutOptions } from './layers/dropout.ts';
export { Flatten, Unflatten } from './layers/flatten.ts';
export { GroupNorm, type GroupNormOptions } from './layers/groupnorm.ts';
export {
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormOptions,
} from './layers/instancenorm.ts';
export { Layer, type LayerContext } from './layers/layer.ts';
export { LayerNorm, type LayerNormOptions } from './layers/layernorm.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { LocalResponseNorm, type LocalResponseNormOptions } from './layers/localresponsenorm.ts';
export {
  MaskedBatchNorm1d,
  MaskedBatchNorm2d,
  MaskedBatchNorm3d,
} from './layers/maskedbatchnorm.ts';
export { MaxPool1d, MaxPool2d, type MaxPoolOptions } from './layers/maxpool.ts';
export { type LoadResult, Module, type StateDict } from './layers/module.ts';
export {
  type FeatureMap,
  Normalization,
  type NormalizationOptions,
} from './layers/normalization.ts';
export { type Bound, Renorm, type RenormOptions } from './layers/renorm.ts';
export type { Weighted } from './layers/reparametrized.ts';
export { Residual } from './layers/residual.ts';
export { RMSNorm, type RMSNormOptions } from './layers/rmsnorm.ts';
export { Sequential } from './layers/sequential.ts';
export { LogSoftmax, Softmax } from './layers/softmax.ts';
export { SpectralNorm, type SpectralNormOptions } from './layers/spectralnorm.ts';
export { Upsample, type UpsampleMode, type UpsampleOptions } from './layers/upsample.ts';
export { WeightNorm } from './layers/weightnorm.ts';
export { type Finding, type LintOptions, type LintRule, lint } from './lint.ts';
export { BCEWithLogitsLoss, type BCEWithLogitsLossOptions } from './losses/bce.ts';
export { CrossEntropyLoss, type CrossEntropyLossOptions } from './losses/crossentropy.ts';
export {
  HuberLoss,
  type HuberLossOptions,
  L1Loss,
  MSELoss,
  type ReductionOptions,
} from './losses/elementwise.ts';
export { KLDivLoss, type KLDivLossOptions } from './losses/kldiv.ts';
export type { Loss, Reduction } from './losses/loss.ts';
export type { TargetData } from './losses/target.ts';
export { memoryUsage } from './memory/memory.ts';
export { accuracy, argmax } from './metrics.ts';
export { Adam, type AdamOptions, AdamW } from './optim/adam.ts';
export { clipGradNorm, clipGradValue, gradNorm } from './optim/clip.ts';
export { type EMAOptions, ExponentialMovingAverage } from './optim/ema.ts';
export { OneCycleLR, type OneCycleOptions } from './optim/onecycle.ts';
export {
  type GroupOptions,
  type LoadableOptimizerState,
  Optimizer,
  type OptimizerOptions,
  type OptimizerState,
} from './optim/optimizer.ts';
export { RMSprop, type RMSpropOptions } from './optim/rmsprop.ts';
export {
  CosineAnnealingLR,
  DecayToFloor,
  ExponentialLR,
  LambdaLR,
  LinearWarmup,
  MultiStepLR,
  Schedule,
  type ScheduleState,
  type ScheduleUnit,
  StepLR,
} from './optim/schedule.ts';
export { SGD, type SGDOptions } from './optim/sgd.ts';
export { Parameter } from './parameter.ts';
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './random.ts';
export { useModule } from './runtime/usemodule.ts';
export {
  type AdaptOptions,
  adaptStatistics,
  recomputeStatistics,
  type StatisticsData,
  type StatisticsOptions,
} from './statistics.ts';
export { summary } from './summary.ts';
export { type Input, type Nested, Tensor, type TensorData } from './tensor.ts';
