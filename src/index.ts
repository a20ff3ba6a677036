/** evenkeel: the public names, and nothing else. */
export { memoryUsage } from './memory/memory.ts';

// Above: first of all, so that a bundle begins with the packed kernels (see runtime/binaries.ts).

export { type Folded, FoldedNetwork, fold, type Kept } from './analysis/fold.ts';
export { graphOf, type ModelGraph, type TracedStep } from './analysis/graphof.ts';
export { type Finding, type LintOptions, type LintRule, lint } from './analysis/lint.ts';
export {
  type AdaptOptions,
  adaptStatistics,
  recomputeStatistics,
  type StatisticsData,
  type StatisticsOptions,
} from './analysis/statistics.ts';
export { summary } from './analysis/summary.ts';
export { ELU, SELU } from './layers/activation/elu.ts';
export { GELU, type GELUOptions } from './layers/activation/gelu.ts';
export { GLU } from './layers/activation/glu.ts';
export { Hardsigmoid, Hardswish, Hardtanh } from './layers/activation/hardtanh.ts';
export { PReLU, type PReLUOptions } from './layers/activation/prelu.ts';
export { LeakyReLU, type LeakyReLUOptions, ReLU, ReLU6 } from './layers/activation/relu.ts';
export { Sigmoid, SiLU } from './layers/activation/sigmoid.ts';
export { LogSoftmax, Softmax } from './layers/activation/softmax.ts';
export { Mish, Softplus, type SoftplusOptions } from './layers/activation/softplus.ts';
export { Softsign } from './layers/activation/softsign.ts';
export { Tanh } from './layers/activation/tanh.ts';
export { Add } from './layers/add.ts';
export {
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from './layers/attention/attention.ts';
export {
  TransformerEncoderLayer,
  type TransformerEncoderLayerOptions,
} from './layers/attention/encoderlayer.ts';
export { BatchNorm1d, BatchNorm2d, BatchNorm3d } from './layers/batchnorm/batchnorm.ts';
export type { VirtualBatchRest } from './layers/batchnorm/ghosts.ts';
export {
  MaskedBatchNorm1d,
  MaskedBatchNorm2d,
  MaskedBatchNorm3d,
} from './layers/batchnorm/masked.ts';
export type { BatchNormOptions } from './layers/batchnorm/options.ts';
export { type Bound, Renorm, type RenormOptions } from './layers/batchnorm/renorm.ts';
export { Concat } from './layers/concat.ts';
export { Conv1d, type Conv1dOptions, Conv2d, type Conv2dOptions } from './layers/conv/conv.ts';
export { Conv3d, type Conv3dOptions } from './layers/conv/conv3d.ts';
export {
  ConvTranspose1d,
  type ConvTranspose1dOptions,
  ConvTranspose2d,
  type ConvTranspose2dOptions,
} from './layers/conv/convtranspose.ts';
export { useDirectConvolutions } from './layers/conv/winograd.ts';
export { Dropout, Dropout1d, Dropout2d, type DropoutOptions } from './layers/dropout.ts';
export { Embedding, type EmbeddingOptions } from './layers/embedding.ts';
export { Flatten, Identity, Unflatten } from './layers/flatten.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { Multiply } from './layers/multiply.ts';
export { GroupNorm, type GroupNormOptions } from './layers/norm/groupnorm.ts';
export {
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormOptions,
} from './layers/norm/instancenorm.ts';
export { LayerNorm, type LayerNormOptions } from './layers/norm/layernorm.ts';
export {
  LocalResponseNorm,
  type LocalResponseNormOptions,
} from './layers/norm/localresponsenorm.ts';
export {
  type FeatureMap,
  Normalization,
  type NormalizationOptions,
} from './layers/norm/normalization.ts';
export type { Weighted } from './layers/norm/reparametrized.ts';
export { RMSNorm, type RMSNormOptions } from './layers/norm/rmsnorm.ts';
export { SpectralNorm, type SpectralNormOptions } from './layers/norm/spectralnorm.ts';
export { WeightNorm } from './layers/norm/weightnorm.ts';
export { ConstantPad2d, type Sides, ZeroPad2d } from './layers/pad.ts';
export { Permute } from './layers/permute.ts';
export { PixelShuffle } from './layers/pixelshuffle.ts';
export { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from './layers/pool/adaptiveavgpool.ts';
export { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from './layers/pool/adaptivemaxpool.ts';
export { AvgPool1d, AvgPool2d, type AvgPoolOptions } from './layers/pool/avgpool.ts';
export { GlobalAvgPool } from './layers/pool/globalavgpool.ts';
export { MaxPool1d, MaxPool2d, type MaxPoolOptions } from './layers/pool/maxpool.ts';
export { AvgPool3d, MaxPool3d } from './layers/pool/pool3d.ts';
export { Upsample, type UpsampleMode, type UpsampleOptions } from './layers/pool/upsample.ts';
export {
  GRU,
  LSTM,
  type RecurrentOptions,
  RNN,
  type RNNOptions,
} from './layers/recurrent/recurrent.ts';
export { ReflectionPad2d } from './layers/reflectionpad.ts';
export { Residual } from './layers/residual.ts';
export {
  BCELoss,
  type BCELossOptions,
  BCEWithLogitsLoss,
  type BCEWithLogitsLossOptions,
} from './losses/bce.ts';
export { CosineEmbeddingLoss, type CosineEmbeddingLossOptions } from './losses/cosineembedding.ts';
export { CrossEntropyLoss, type CrossEntropyLossOptions } from './losses/crossentropy.ts';
export {
  HuberLoss,
  type HuberLossOptions,
  L1Loss,
  MSELoss,
  type ReductionOptions,
  SmoothL1Loss,
  type SmoothL1LossOptions,
} from './losses/elementwise.ts';
export { GaussianNLLLoss, type GaussianNLLLossOptions } from './losses/gaussiannll.ts';
export { KLDivLoss, type KLDivLossOptions } from './losses/kldiv.ts';
export { Loss, type LossContext, type LossValue, type Reduction } from './losses/loss.ts';
export { type LossFunction, lossOf } from './losses/lossof.ts';
export { NLLLoss, type NLLLossOptions } from './losses/nll.ts';
export type { TargetData } from './losses/target.ts';
export { TripletMarginLoss, type TripletMarginLossOptions } from './losses/tripletmargin.ts';
export { type GraphEnds, GraphModule, type GraphStep } from './module/graphmodule.ts';
export { Layer, type LayerContext } from './module/layer.ts';
export { type GradientsOf, type LoadResult, Module, type StateDict } from './module/module.ts';
export { scope } from './module/scope.ts';
export { Sequential } from './module/sequential.ts';
export { add, div, maximum, minimum, mul, neg, sub, where } from './ops/arithmetic.ts';
export { permute, transpose } from './ops/axes.ts';
export { concat, stack } from './ops/concat.ts';
export { embedding } from './ops/embedding.ts';
export { expand } from './ops/expand.ts';
export { matmul } from './ops/matmul.ts';
export type { Operand } from './ops/operation.ts';
export { bernoulli, type RandomOptions, rand, randn } from './ops/random.ts';
export {
  type Dims,
  max,
  mean,
  type ReduceOptions,
  sum,
  type VarianceOptions,
  variance,
} from './ops/reduce.ts';
export { detach, reshape, squeeze, unsqueeze } from './ops/reshape.ts';
export { type SliceOptions, slice, split } from './ops/slice.ts';
export { logSoftmax, softmax } from './ops/softmax.ts';
export {
  abs,
  type ClampOptions,
  clamp,
  exp,
  log,
  relu,
  rsqrt,
  sigmoid,
  sqrt,
  square,
  tanh,
} from './ops/unary.ts';
export { Adam, type AdamOptions, AdamW } from './optim/adam.ts';
export {
  Adagrad,
  type AdagradOptions,
  NAdam,
  type NAdamOptions,
  RAdam,
  type RAdamOptions,
} from './optim/adaptive.ts';
export { clipGradNorm, clipGradValue, gradNorm, type NormOptions } from './optim/clip.ts';
export { CyclicLR, type CyclicLROptions } from './optim/cyclic.ts';
export {
  AveragedModel,
  type AverageOptions,
  type EMAOptions,
  ExponentialMovingAverage,
} from './optim/ema.ts';
export { Lion, type LionOptions } from './optim/lion.ts';
export { OneCycleLR, type OneCycleOptions } from './optim/onecycle.ts';
export {
  type GroupOptions,
  Optimizer,
  type OptimizerOptions,
} from './optim/optimizer.ts';
export {
  type PlateauState,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
} from './optim/plateau.ts';
export { CosineAnnealingWarmRestarts, PolynomialLR } from './optim/polynomial.ts';
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
export type { LoadableOptimizerState, OptimizerState } from './optim/statedict.ts';
export { useModule } from './runtime/usemodule.ts';
export type { Init, Initializer } from './tensor/init.ts';
export * as init from './tensor/init.ts';
export { Buffer, Parameter } from './tensor/parameter.ts';
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './tensor/random.ts';
export { type Input, type Nested, Tensor, type TensorData } from './tensor/tensor.ts';
export {
  type Average,
  type AverageOptions as ClassAverageOptions,
  type ClassMetric,
  type ClassOptions,
  confusionMatrix,
  f1Score,
  precision,
  recall,
} from './train/classes.ts';
export type { BatchSource, TrainingData } from './train/data.ts';
export {
  type EvaluateOptions,
  evaluate,
  type Transform,
  type TransformedBatch,
} from './train/evaluate.ts';
export { type FitRun, fit } from './train/fit.ts';
export type { EpochSummary, History, Progress } from './train/history.ts';
export type { Metric, Metrics, PlainMetrics, ValuesOf } from './train/metric.ts';
export {
  type MetricWithOptions,
  metricOf,
  type TalliedMetric,
  type Tallying,
} from './train/metricof.ts';
export { accuracy, argmax } from './train/metrics.ts';
export type { Augmenter, FitOptions, Resumption } from './train/options.ts';
export {
  binaryAccuracy,
  meanAbsoluteError,
  r2Score,
  type ThresholdOptions,
  type TopKOptions,
  topKAccuracy,
} from './train/scores.ts';
export type { AnyLoss, Evaluation } from './train/totals.ts';
