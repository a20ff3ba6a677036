// Made by scripts/generate.ts from the compiled kernels. Do not edit.

/** A byte address in linear memory; 0 means "absent". Name says what is there, if that matters. */
export type Pointer<Name extends string = string> = number & { readonly __pointer: Name };

/**
 * A struct's fields in order, separated by spaces: `name` for an i32, `name:f32` and `name:f64` for floats.
 * T has the fields' values, and Name is the brand of a pointer to the struct.
 */
export type Layout<T, Name extends string> = string & { readonly of?: T; readonly name?: Name };


/** What the module that every bundle has exports: assembly/index.ts. */
export interface CoreKernels {
  reluBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  reluForward(y: Pointer, x: Pointer, from: number, to: number): void;
  addForward(y: Pointer, a: Pointer, b: Pointer, relu: number, from: number, to: number): void;
  batchNormBackward(dx: Pointer, coefficients: Pointer<'Coefficients'>, dy: Pointer, x: Pointer, shape: Pointer<'BatchNormShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  batchNormBackwardSums(coefficients: Pointer<'Coefficients'>, dy: Pointer, x: Pointer, shape: Pointer<'BatchNormShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  batchNormForward(y: Pointer, coefficients: Pointer<'Coefficients'>, x: Pointer, shape: Pointer<'BatchNormShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  batchNormFrozenBackward(dx: Pointer, coefficients: Pointer<'Coefficients'>, dy: Pointer, x: Pointer, shape: Pointer<'BatchNormShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  batchNormStatistics(statistics: Pointer<'Statistics'>, x: Pointer, shape: Pointer<'BatchNormShape'>, eps: number, from: number, to: number, scratch: Pointer): void;
  batchNormAffine(coefficients: Pointer<'Coefficients'>, statistics: Pointer<'Statistics'>, weight: Pointer, bias: Pointer, c: number, from: number, to: number): void;
  batchNormAffineBackward(dWeight: Pointer, dBias: Pointer, coefficients: Pointer<'Coefficients'>, statistics: Pointer<'Statistics'>, c: number, m: number, from: number, to: number, scratch: Pointer): void;
  batchNormRunning(statistics: Pointer<'Statistics'>, runningMean: Pointer, runningVar: Pointer, c: number, eps: number, from: number, to: number): void;
  batchNormUpdateRunning(runningMean: Pointer, runningVar: Pointer, statistics: Pointer<'Statistics'>, c: number, correction: number, momentum: number, from: number, to: number): void;
  batchNormScratch(shape: Pointer<'BatchNormShape'>): number;
  copyRows(y: Pointer, x: Pointer, rows: number, width: number, yStride: number, xStride: number): void;
  biasBackward(db: Pointer, dy: Pointer, rows: number, n: number, from: number, to: number): void;
  biasForward(y: Pointer, b: Pointer, n: number, from: number, to: number): void;
  channelBiasBackward(db: Pointer, dy: Pointer, n: number, channels: number, plane: number, from: number, to: number): void;
  channelBiasForward(y: Pointer, b: Pointer, channels: number, plane: number, relu: number, from: number, to: number): void;
  gemm(c: Pointer, a: Pointer, b: Pointer, bias: Pointer, shape: Pointer<'GemmShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  gemmScratch(m: number, n: number, k: number): number;
  crossEntropyBackward(dx: Pointer, p: Pointer, labels: Pointer, weight: Pointer, shape: Pointer<'CrossEntropyShape'>, scale: number, from: number, to: number): void;
  crossEntropyForward(p: Pointer, x: Pointer, labels: Pointer, weight: Pointer, shape: Pointer<'CrossEntropyShape'>, from: number, to: number): number;
  crossEntropyWeight(labels: Pointer, weight: Pointer, ignoreIndex: number, from: number, to: number): number;
  crossEntropySoftBackward(dx: Pointer, p: Pointer, t: Pointer, weight: Pointer, shape: Pointer<'CrossEntropyShape'>, scale: number, from: number, to: number): void;
  crossEntropySoftForward(p: Pointer, x: Pointer, t: Pointer, weight: Pointer, shape: Pointer<'CrossEntropyShape'>, from: number, to: number): number;
  expF64(x: number): number;
  logF64(x: number): number;
  adamStep(data: Pointer, expAvg: Pointer, expAvgSq: Pointer, maxExpAvgSq: Pointer, grad: Pointer, scalars: Pointer<'AdamScalars'>, step: number, from: number, to: number): void;
  scaleInPlace(x: Pointer, factor: number, from: number, to: number): void;
  sumOfSquares(x: Pointer, from: number, to: number): number;
  dropout(y: Pointer, x: Pointer, p: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  dropoutRows(y: Pointer, x: Pointer, n: number, p: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomBits(y: Pointer, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomNormal(y: Pointer, mean: number, sd: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomTruncatedNormal(y: Pointer, mean: number, sd: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomUniform(y: Pointer, low: number, high: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  shuffle(order: Pointer, seed: number, counter: number, n: number, scratch: Pointer): void;
}

/** What the module of what many networks need and many do not exports: assembly/common.ts. */
export interface CommonKernels {
  softmaxBackward(dx: Pointer, y: Pointer, dy: Pointer, c: number, inner: number, from: number, to: number): void;
  softmaxForward(y: Pointer, x: Pointer, c: number, inner: number, from: number, to: number): void;
  mseBackward(dx: Pointer, x: Pointer, t: Pointer, scale: number, from: number, to: number): void;
  mseForward(x: Pointer, t: Pointer, from: number, to: number): number;
  cosF64(x: number): number;
  powF64(x: number, y: number): number;
  clampInPlace(x: Pointer, limit: number, from: number, to: number): void;
  sgdMomentumStep(data: Pointer, momentumBuffer: Pointer, grad: Pointer, scalars: Pointer<'MomentumScalars'>, first: number, from: number, to: number): void;
  sgdStep(data: Pointer, grad: Pointer, lr: number, weightDecay: number, from: number, to: number): void;
  globalAvgPoolBackward(dx: Pointer, dy: Pointer, size: number, from: number, to: number): void;
  globalAvgPoolForward(y: Pointer, x: Pointer, size: number, from: number, to: number): void;
}

/** What the module beside it exports: assembly/extra.ts. */
export interface ExtraKernels {
  eluBackward(dx: Pointer, x: Pointer, dy: Pointer, alpha: number, scale: number, from: number, to: number): void;
  eluForward(y: Pointer, x: Pointer, alpha: number, scale: number, from: number, to: number): void;
  geluBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  geluForward(y: Pointer, x: Pointer, from: number, to: number): void;
  geluTanhBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  geluTanhForward(y: Pointer, x: Pointer, from: number, to: number): void;
  gluBackward(dx: Pointer, x: Pointer, dy: Pointer, half: number, from: number, to: number): void;
  gluForward(y: Pointer, x: Pointer, half: number, from: number, to: number): void;
  hardsigmoidBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  hardsigmoidForward(y: Pointer, x: Pointer, from: number, to: number): void;
  hardswishBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  hardswishForward(y: Pointer, x: Pointer, from: number, to: number): void;
  hardtanhBackward(dx: Pointer, y: Pointer, dy: Pointer, low: number, high: number, from: number, to: number): void;
  hardtanhForward(y: Pointer, x: Pointer, low: number, high: number, from: number, to: number): void;
  preluBackward(dx: Pointer, x: Pointer, dy: Pointer, weight: Pointer, c: number, inner: number, from: number, to: number): void;
  preluBackwardWeight(dweight: Pointer, x: Pointer, dy: Pointer, n: number, c: number, inner: number, from: number, to: number): void;
  preluForward(y: Pointer, x: Pointer, weight: Pointer, c: number, inner: number, from: number, to: number): void;
  leakyReluBackward(dx: Pointer, x: Pointer, dy: Pointer, slope: number, threshold: number, from: number, to: number): void;
  leakyReluForward(y: Pointer, x: Pointer, slope: number, threshold: number, from: number, to: number): void;
  sigmoidBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  sigmoidForward(y: Pointer, x: Pointer, from: number, to: number): void;
  siluBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  siluForward(y: Pointer, x: Pointer, from: number, to: number): void;
  logSoftmaxBackward(dx: Pointer, y: Pointer, dy: Pointer, c: number, inner: number, from: number, to: number): void;
  logSoftmaxForward(y: Pointer, x: Pointer, c: number, inner: number, from: number, to: number): void;
  mishBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  mishForward(y: Pointer, x: Pointer, from: number, to: number): void;
  softplusBackward(dx: Pointer, x: Pointer, dy: Pointer, beta: number, threshold: number, from: number, to: number): void;
  softplusForward(y: Pointer, x: Pointer, beta: number, threshold: number, from: number, to: number): void;
  softsignBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  softsignForward(y: Pointer, x: Pointer, from: number, to: number): void;
  tanhBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  tanhForward(y: Pointer, x: Pointer, from: number, to: number): void;
  attentionProbabilities(s: Pointer, l: Pointer, padding: Pointer<'PaddingMask'>, keys: number, first: number, causal: number, scale: number, rows: number): void;
  attentionScoresBackward(dp: Pointer, p: Pointer, keys: number, scale: number, rows: number): void;
  attentionSoftmax(s: Pointer, l: Pointer, padding: Pointer<'PaddingMask'>, keys: number, first: number, causal: number, scale: number, rows: number): void;
  batchNormMaskedBackward(dx: Pointer, coefficients: Pointer<'Coefficients'>, dy: Pointer, x: Pointer, mask: Pointer, shape: Pointer<'BatchNormShape'>, from: number, to: number, scratch: Pointer): void;
  batchNormMaskedBackwardSums(coefficients: Pointer<'Coefficients'>, dy: Pointer, x: Pointer, mask: Pointer, shape: Pointer<'BatchNormShape'>, from: number, to: number, scratch: Pointer): void;
  batchNormMaskedForward(y: Pointer, coefficients: Pointer<'Coefficients'>, x: Pointer, mask: Pointer, shape: Pointer<'BatchNormShape'>, from: number, to: number): void;
  batchNormMaskedFrozenBackward(dx: Pointer, coefficients: Pointer<'Coefficients'>, dy: Pointer, mask: Pointer, shape: Pointer<'BatchNormShape'>, from: number, to: number, scratch: Pointer): void;
  batchNormMaskedStatistics(statistics: Pointer<'Statistics'>, x: Pointer, mask: Pointer, shape: Pointer<'BatchNormShape'>, m: number, eps: number, from: number, to: number, scratch: Pointer): void;
  batchNormRenorm(coefficients: Pointer<'Coefficients'>, statistics: Pointer<'Statistics'>, runningMean: Pointer, runningVar: Pointer, weight: Pointer, bias: Pointer, bounds: Pointer<'RenormBounds'>, from: number, to: number): void;
  batchNormRenormBackward(dWeight: Pointer, statistics: Pointer<'Statistics'>, c: number, from: number, to: number, scratch: Pointer): void;
  crossProducts(sums: Pointer, x: Pointer, n: number, c: number, from: number, to: number): void;
  bceBackward(dx: Pointer, x: Pointer, t: Pointer, weight: Pointer, n: number, scale: number, from: number, to: number): void;
  bceForward(x: Pointer, t: Pointer, weight: Pointer, n: number, from: number, to: number): number;
  bceWithLogitsBackward(dx: Pointer, x: Pointer, t: Pointer, weight: Pointer, positiveWeight: Pointer, n: number, scale: number, from: number, to: number): void;
  bceWithLogitsForward(x: Pointer, t: Pointer, weight: Pointer, positiveWeight: Pointer, n: number, from: number, to: number): number;
  huberBackward(dx: Pointer, x: Pointer, t: Pointer, delta: number, scale: number, from: number, to: number): void;
  huberForward(x: Pointer, t: Pointer, delta: number, from: number, to: number): number;
  l1Backward(dx: Pointer, x: Pointer, t: Pointer, scale: number, from: number, to: number): void;
  l1Forward(x: Pointer, t: Pointer, from: number, to: number): number;
  klDivBackward(dx: Pointer, t: Pointer, logTarget: number, scale: number, from: number, to: number): void;
  klDivForward(x: Pointer, t: Pointer, logTarget: number, from: number, to: number): number;
  expForward(y: Pointer, x: Pointer, from: number, to: number): void;
  logForward(y: Pointer, x: Pointer, from: number, to: number): void;
  groupNormAffineBackward(dWeight: Pointer, dBias: Pointer, partial: Pointer, shape: Pointer<'GroupNormShape'>, from: number, to: number): void;
  groupNormBackward(dx: Pointer, partial: Pointer, statistics: Pointer, dy: Pointer, x: Pointer, weight: Pointer, shape: Pointer<'GroupNormShape'>, from: number, to: number): void;
  groupNormForward(y: Pointer, statistics: Pointer, x: Pointer, weight: Pointer, bias: Pointer, shape: Pointer<'GroupNormShape'>, from: number, to: number): void;
  groupNormScratch(shape: Pointer<'GroupNormShape'>): number;
  instanceNormAverages(averages: Pointer, statistics: Pointer, n: number, c: number, from: number, to: number): void;
  layerNormAffineBackward(dWeight: Pointer, dBias: Pointer, partial: Pointer, shape: Pointer<'LayerNormShape'>, from: number, to: number): void;
  layerNormBackward(dx: Pointer, partial: Pointer, statistics: Pointer, dy: Pointer, x: Pointer, weight: Pointer, shape: Pointer<'LayerNormShape'>, from: number, to: number): void;
  layerNormForward(y: Pointer, statistics: Pointer, x: Pointer, weight: Pointer, bias: Pointer, shape: Pointer<'LayerNormShape'>, from: number, to: number): void;
  layerNormScratch(shape: Pointer<'LayerNormShape'>): number;
  localResponseNormBackward(dx: Pointer, t: Pointer, y: Pointer, dy: Pointer, x: Pointer, shape: Pointer<'LocalResponseNormShape'>, from: number, to: number, ratios: Pointer): void;
  localResponseNormForward(y: Pointer, t: Pointer, x: Pointer, shape: Pointer<'LocalResponseNormShape'>, from: number, to: number): void;
  localResponseNormScratch(shape: Pointer<'LocalResponseNormShape'>): number;
  rmsNormAffineBackward(dWeight: Pointer, partial: Pointer, n: number, d: number, from: number, to: number): void;
  rmsNormBackward(dx: Pointer, partial: Pointer, invRms: Pointer, dy: Pointer, x: Pointer, weight: Pointer, d: number, from: number, to: number): void;
  rmsNormForward(y: Pointer, invRms: Pointer, x: Pointer, weight: Pointer, d: number, eps: number, from: number, to: number): void;
  rmsNormScratch(n: number, d: number): number;
  powerIteration(u: Pointer, v: Pointer, w: Pointer, rows: number, cols: number, eps: number, rounds: number, partial: Pointer): void;
  powerIterationScratch(rows: number, cols: number): number;
  spectralNormBackward(dOriginal: Pointer, dw: Pointer, w: Pointer, u: Pointer, v: Pointer, sigma: number, rows: number, cols: number): void;
  spectralNormForward(w: Pointer, u: Pointer, v: Pointer, original: Pointer, rows: number, cols: number): number;
  rowNorms(norm: Pointer, v: Pointer, cols: number, from: number, to: number): void;
  weightNormBackward(dg: Pointer, dv: Pointer, norm: Pointer, dw: Pointer, v: Pointer, g: Pointer, cols: number, from: number, to: number): void;
  weightNormForward(w: Pointer, norm: Pointer, v: Pointer, g: Pointer, cols: number, from: number, to: number): void;
  adaptiveStep(data: Pointer, mean: Pointer, square: Pointer, grad: Pointer, scalars: Pointer<'AdaptiveScalars'>, from: number, to: number): void;
  averageUpdate(average: Pointer, data: Pointer, count: number, from: number, to: number): void;
  emaUpdate(average: Pointer, data: Pointer, decay: number, from: number, to: number): void;
  exchange(a: Pointer, b: Pointer, from: number, to: number): void;
  lionStep(data: Pointer, expAvg: Pointer, grad: Pointer, scalars: Pointer<'LionScalars'>, from: number, to: number): void;
  rmspropStep(data: Pointer, squareAvg: Pointer, gradAvg: Pointer, momentumBuffer: Pointer, grad: Pointer, scalars: Pointer<'RMSpropScalars'>, from: number, to: number): void;
  adaptiveAvgPoolBackward(dx: Pointer, dy: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number): void;
  adaptiveAvgPoolForward(y: Pointer, x: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number): void;
  adaptiveMaxPoolForward(y: Pointer, index: Pointer<'MaxIndex'>, x: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number): void;
  avgPoolBackward(dx: Pointer, dy: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number, scratch: Pointer): void;
  avgPoolBackwardScratch(shape: Pointer<'PoolShape'>): number;
  avgPoolForward(y: Pointer, x: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number): void;
  upsampleBilinearBackward(dx: Pointer, dy: Pointer, shape: Pointer<'UpsampleShape'>, from: number, to: number, scratch: Pointer): void;
  upsampleBilinearForward(y: Pointer, x: Pointer, shape: Pointer<'UpsampleShape'>, from: number, to: number, scratch: Pointer): void;
  upsampleBilinearScratch(shape: Pointer<'UpsampleShape'>): number;
  upsampleNearestBackward(dx: Pointer, dy: Pointer, shape: Pointer<'UpsampleShape'>, from: number, to: number, scratch: Pointer): void;
  upsampleNearestForward(y: Pointer, x: Pointer, shape: Pointer<'UpsampleShape'>, from: number, to: number, scratch: Pointer): void;
  upsampleNearestScratch(shape: Pointer<'UpsampleShape'>): number;
  gruBackward(dgates: Pointer, h: Pointer, dy: Pointer, weight: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number, scratch: Pointer): void;
  gruForward(h: Pointer, gates: Pointer, weight: Pointer, bias: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number, scratch: Pointer): void;
  lstmBackward(dgates: Pointer, h: Pointer, dy: Pointer, weight: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number, scratch: Pointer): void;
  lstmForward(h: Pointer, gates: Pointer, weight: Pointer, bias: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number, scratch: Pointer): void;
  recurrentScratch(batch: number, hidden: number, gates: number): number;
  rnnBackward(dgates: Pointer, h: Pointer, dy: Pointer, weight: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number, scratch: Pointer): void;
  rnnForward(h: Pointer, gates: Pointer, weight: Pointer, bias: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number, scratch: Pointer): void;
  recurrentOutput(y: Pointer, states: Pointer, lengths: Pointer<'Lengths'>, shape: Pointer<'RecurrentShape'>, from: number, to: number): void;
}

/** What the module of evenkeel/inspect exports: assembly/inspect.ts. */
export interface InspectKernels {
  sumOfSquaredDifferences(a: Pointer, b: Pointer, from: number, to: number): number;
  countOutside(x: Pointer, n: number, low: number, high: number): number;
  everyNth(y: Pointer, x: Pointer, count: number, stride: number): void;
  histogram(counts: Pointer, x: Pointer, n: number, low: number, high: number, bins: number): void;
  unitMoments(moments: Pointer<'Moments'>, x: Pointer, shape: Pointer<'UnitShape'>, from: number, to: number): void;
  quantiles(values: Pointer, x: Pointer, n: number, fractions: Pointer, count: number, scratch: Pointer): number;
  quantilesScratch(n: number, count: number): number;
}

/** What the module of operations on tensors exports: assembly/ops.ts. */
export interface OpsKernels {
  addBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  divBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  gateBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  maximumBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  maximumShare(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  minimumBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  minimumShare(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  mulBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  negativeProduct(y: Pointer, a: Pointer, b: Pointer, from: number, to: number): void;
  sameBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  subBroadcast(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
  gatherRows(y: Pointer, index: Pointer<'RowIndex'>, w: Pointer, width: number, from: number, to: number): void;
  scatterRows(dw: Pointer, index: Pointer<'RowIndex'>, dy: Pointer, count: number, width: number, from: number, to: number): void;
  maxOver(y: Pointer, a: Pointer, shape: Pointer<'ReduceShape'>, from: number, to: number): void;
  sumProducts(y: Pointer, a: Pointer, b: Pointer, shape: Pointer<'ReduceShape'>, scale: number, from: number, to: number, scratch: Pointer): void;
  sumProductsScratch(shape: Pointer<'ReduceShape'>): number;
  copyStrided(y: Pointer, x: Pointer, shape: Pointer<'CopyShape'>, from: number, to: number): void;
  fillWith(y: Pointer, value: number, from: number, to: number): void;
  absBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  absForward(y: Pointer, x: Pointer, from: number, to: number): void;
  below(y: Pointer, u: Pointer, p: Pointer, from: number, to: number): void;
  clampBackward(dx: Pointer, x: Pointer, dy: Pointer, low: number, high: number, from: number, to: number): void;
  expBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  logBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  rsqrtBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  rsqrtForward(y: Pointer, x: Pointer, from: number, to: number): void;
  scaled(y: Pointer, x: Pointer, scale: number, from: number, to: number): void;
  sqrtBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  sqrtForward(y: Pointer, x: Pointer, from: number, to: number): void;
  squareBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  squareForward(y: Pointer, x: Pointer, from: number, to: number): void;
  whereBroadcast(y: Pointer, c: Pointer, a: Pointer, b: Pointer, shape: Pointer<'BroadcastShape'>, from: number, to: number): void;
}

/** What the module of convolutions and max pooling exports: assembly/spatial.ts. */
export interface SpatialKernels {
  conv2dForward(y: Pointer, x: Pointer, weight: Pointer, bias: Pointer, shape: Pointer<'ConvShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  conv2dForwardScratch(shape: Pointer<'ConvShape'>): number;
  conv2dInputGradient(dx: Pointer, dy: Pointer, weight: Pointer, shape: Pointer<'ConvShape'>, from: number, to: number, scratch: Pointer): void;
  conv2dInputGradientScratch(shape: Pointer<'ConvShape'>): number;
  conv2dWeightGradient(dWeight: Pointer, dy: Pointer, x: Pointer, n: number, shape: Pointer<'ConvShape'>, from: number, to: number, scratch: Pointer): void;
  conv2dWeightGradientScratch(shape: Pointer<'ConvShape'>): number;
  maxPoolBackward(dx: Pointer, index: Pointer<'MaxIndex'>, dy: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number): void;
  maxPoolForward(y: Pointer, index: Pointer<'MaxIndex'>, x: Pointer, shape: Pointer<'PoolShape'>, from: number, to: number): void;
  winogradForward(y: Pointer, x: Pointer, weight: Pointer, bias: Pointer, shape: Pointer<'ConvShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  winogradForwardScratch(shape: Pointer<'ConvShape'>): number;
  winogradInputGradient(dx: Pointer, dy: Pointer, weight: Pointer, shape: Pointer<'ConvShape'>, from: number, to: number, scratch: Pointer): void;
  winogradInputGradientScratch(shape: Pointer<'ConvShape'>): number;
  winogradWeightGradient(dWeight: Pointer, dy: Pointer, x: Pointer, n: number, shape: Pointer<'ConvShape'>, from: number, to: number, scratch: Pointer): void;
  winogradWeightGradientScratch(shape: Pointer<'ConvShape'>): number;
}

/** What the module of volumes exports: assembly/volume.ts. */
export interface VolumeKernels {
  foldDepth(x: Pointer, images: Pointer, shape: Pointer<'UnfoldShape'>, first: number, last: number, from: number, to: number): void;
  unfoldDepth(images: Pointer, x: Pointer, shape: Pointer<'UnfoldShape'>, first: number, last: number, from: number, to: number): void;
  maxPoolDepthForward(y: Pointer, index: Pointer<'MaxIndex'>, x: Pointer, xIndex: Pointer<'MaxIndex'>, plane: number, shape: Pointer<'PoolShape'>, from: number, to: number): void;
}

export interface Kernels extends CoreKernels, CommonKernels, ExtraKernels, InspectKernels, OpsKernels, SpatialKernels, VolumeKernels {}

export interface AdamScalars {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decoupled: number;
}
export const AdamScalars: Layout<AdamScalars, 'AdamScalars'> =
  'lr:f64 beta1:f64 beta2:f64 eps:f64 weightDecay:f64 decoupled';

export interface AdaptiveScalars {
  readonly beta1: number;
  readonly beta2: number;
  readonly gain: number;
  readonly mean: number;
  readonly gradient: number;
  readonly root: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly shrink: number;
}
export const AdaptiveScalars: Layout<AdaptiveScalars, 'AdaptiveScalars'> =
  'beta1:f64 beta2:f64 gain:f64 mean:f64 gradient:f64 root:f64 eps:f64 weightDecay:f64 shrink:f64';

export interface BatchNormShape {
  readonly n: number;
  readonly c: number;
  readonly s: number;
}
export const BatchNormShape: Layout<BatchNormShape, 'BatchNormShape'> =
  'n c s';

export interface BroadcastShape {
  readonly n0: number;
  readonly n1: number;
  readonly n2: number;
  readonly n3: number;
  readonly n4: number;
  readonly n5: number;
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  readonly a4: number;
  readonly a5: number;
  readonly b0: number;
  readonly b1: number;
  readonly b2: number;
  readonly b3: number;
  readonly b4: number;
  readonly b5: number;
  readonly c0: number;
  readonly c1: number;
  readonly c2: number;
  readonly c3: number;
  readonly c4: number;
  readonly c5: number;
}
export const BroadcastShape: Layout<BroadcastShape, 'BroadcastShape'> =
  'n0 n1 n2 n3 n4 n5 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5 c0 c1 c2 c3 c4 c5';

export interface ConvShape {
  readonly channels: number;
  readonly h: number;
  readonly w: number;
  readonly outChannels: number;
  readonly outH: number;
  readonly outW: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly top: number;
  readonly left: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly groups: number;
}
export const ConvShape: Layout<ConvShape, 'ConvShape'> =
  'channels h w outChannels outH outW kernelH kernelW strideH strideW top left dilationH dilationW groups';

export interface CopyShape {
  readonly n0: number;
  readonly n1: number;
  readonly n2: number;
  readonly n3: number;
  readonly n4: number;
  readonly n5: number;
  readonly y0: number;
  readonly y1: number;
  readonly y2: number;
  readonly y3: number;
  readonly y4: number;
  readonly y5: number;
  readonly x0: number;
  readonly x1: number;
  readonly x2: number;
  readonly x3: number;
  readonly x4: number;
  readonly x5: number;
}
export const CopyShape: Layout<CopyShape, 'CopyShape'> =
  'n0 n1 n2 n3 n4 n5 y0 y1 y2 y3 y4 y5 x0 x1 x2 x3 x4 x5';

export interface CrossEntropyShape {
  readonly c: number;
  readonly inner: number;
  readonly ignoreIndex: number;
  readonly smoothing: number;
}
export const CrossEntropyShape: Layout<CrossEntropyShape, 'CrossEntropyShape'> =
  'c inner ignoreIndex smoothing:f64';

export interface GemmShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: number;
  readonly transposeB: number;
  readonly accumulate: number;
  readonly columns: number;
}
export const GemmShape: Layout<GemmShape, 'GemmShape'> =
  'm n k transposeA transposeB accumulate columns';

export interface GroupNormShape {
  readonly samples: number;
  readonly channels: number;
  readonly plane: number;
  readonly groups: number;
  readonly eps: number;
}
export const GroupNormShape: Layout<GroupNormShape, 'GroupNormShape'> =
  'samples channels plane groups eps:f32';

export interface LayerNormShape {
  readonly samples: number;
  readonly groups: number;
  readonly d: number;
  readonly eps: number;
}
export const LayerNormShape: Layout<LayerNormShape, 'LayerNormShape'> =
  'samples groups d eps:f32';

export interface LionScalars {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
}
export const LionScalars: Layout<LionScalars, 'LionScalars'> =
  'lr:f64 beta1:f64 beta2:f64 weightDecay:f64';

export interface LocalResponseNormShape {
  readonly channels: number;
  readonly plane: number;
  readonly size: number;
  readonly share: number;
  readonly beta: number;
  readonly k: number;
}
export const LocalResponseNormShape: Layout<LocalResponseNormShape, 'LocalResponseNormShape'> =
  'channels plane size share:f32 beta:f32 k:f32';

export interface MomentumScalars {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: number;
}
export const MomentumScalars: Layout<MomentumScalars, 'MomentumScalars'> =
  'lr:f64 momentum:f64 dampening:f64 weightDecay:f64 nesterov';

export interface PoolShape {
  readonly h: number;
  readonly w: number;
  readonly outH: number;
  readonly outW: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly top: number;
  readonly left: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly countIncludePad: number;
}
export const PoolShape: Layout<PoolShape, 'PoolShape'> =
  'h w outH outW kernelH kernelW strideH strideW top left dilationH dilationW countIncludePad';

export interface RMSpropScalars {
  readonly lr: number;
  readonly alpha: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly momentum: number;
}
export const RMSpropScalars: Layout<RMSpropScalars, 'RMSpropScalars'> =
  'lr:f64 alpha:f64 eps:f64 weightDecay:f64 momentum:f64';

export interface RecurrentShape {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly reverse: number;
  readonly relu: number;
  readonly last: number;
}
export const RecurrentShape: Layout<RecurrentShape, 'RecurrentShape'> =
  'steps batch hidden reverse relu last';

export interface ReduceShape {
  readonly k0: number;
  readonly k1: number;
  readonly k2: number;
  readonly r0: number;
  readonly r1: number;
  readonly r2: number;
  readonly ak0: number;
  readonly ak1: number;
  readonly ak2: number;
  readonly ar0: number;
  readonly ar1: number;
  readonly ar2: number;
  readonly bk0: number;
  readonly bk1: number;
  readonly bk2: number;
  readonly br0: number;
  readonly br1: number;
  readonly br2: number;
  readonly columns: number;
}
export const ReduceShape: Layout<ReduceShape, 'ReduceShape'> =
  'k0 k1 k2 r0 r1 r2 ak0 ak1 ak2 ar0 ar1 ar2 bk0 bk1 bk2 br0 br1 br2 columns';

export interface RenormBounds {
  readonly c: number;
  readonly eps: number;
  readonly rMax: number;
  readonly dMax: number;
}
export const RenormBounds: Layout<RenormBounds, 'RenormBounds'> =
  'c eps:f64 rMax:f64 dMax:f64';

export interface UnfoldShape {
  readonly channels: number;
  readonly depth: number;
  readonly plane: number;
  readonly outDepth: number;
  readonly kernel: number;
  readonly stride: number;
  readonly front: number;
  readonly dilation: number;
}
export const UnfoldShape: Layout<UnfoldShape, 'UnfoldShape'> =
  'channels depth plane outDepth kernel stride front dilation';

export interface UnitShape {
  readonly rows: number;
  readonly units: number;
  readonly inner: number;
}
export const UnitShape: Layout<UnitShape, 'UnitShape'> =
  'rows units inner';

export interface UpsampleShape {
  readonly h: number;
  readonly w: number;
  readonly outH: number;
  readonly outW: number;
  readonly scaleH: number;
  readonly scaleW: number;
  readonly alignCorners: number;
}
export const UpsampleShape: Layout<UpsampleShape, 'UpsampleShape'> =
  'h w outH outW scaleH:f32 scaleW:f32 alignCorners';
