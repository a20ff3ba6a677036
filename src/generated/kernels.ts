// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Layout } from '../memory/struct.ts';

/** A byte address in linear memory; 0 means "absent". Name says what stands there, where it matters. */
export type Pointer<Name extends string = string> = number & { readonly __pointer: Name };

/** What the module that every bundle has exports: assembly/index.ts. */
export interface CoreKernels {
  reluBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  reluForward(y: Pointer, x: Pointer, from: number, to: number): void;
  softmaxBackward(dx: Pointer, y: Pointer, dy: Pointer, c: number, inner: number, from: number, to: number): void;
  softmaxForward(y: Pointer, x: Pointer, c: number, inner: number, from: number, to: number): void;
  addForward(y: Pointer, a: Pointer, b: Pointer, relu: number, from: number, to: number): void;
  batchNormAffine(scale: Pointer, offset: Pointer, delta: Pointer, invStd: Pointer, weight: Pointer, bias: Pointer, from: number, to: number): void;
  batchNormAffineBackward(dWeight: Pointer, dBias: Pointer, slope: Pointer, intercept: Pointer, totals: Pointer, delta: Pointer, invStd: Pointer, scale: Pointer, c: number, m: number, from: number, to: number): void;
  batchNormRunning(shift: Pointer, delta: Pointer, invStd: Pointer, runningMean: Pointer, runningVar: Pointer, eps: number, from: number, to: number): void;
  batchNormUpdateRunning(runningMean: Pointer, runningVar: Pointer, shift: Pointer, delta: Pointer, variance: Pointer, correction: number, momentum: number, from: number, to: number): void;
  batchNormBackwardPlanes(dx: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, slope: Pointer, intercept: Pointer, dy: Pointer, x: Pointer, n: number, c: number, s: number, relu: number, from: number, to: number): void;
  batchNormBackwardSumsPlanes(totals: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, dy: Pointer, x: Pointer, n: number, c: number, s: number, relu: number, from: number, to: number): void;
  batchNormForwardPlanes(y: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, x: Pointer, n: number, c: number, s: number, relu: number, from: number, to: number): void;
  batchNormBackward(dx: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, slope: Pointer, intercept: Pointer, dy: Pointer, x: Pointer, c: number, relu: number, from: number, to: number, lanes: Pointer): void;
  batchNormBackwardSums(totals: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, dy: Pointer, x: Pointer, n: number, c: number, relu: number, from: number, to: number, lanes: Pointer): void;
  batchNormForward(y: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, x: Pointer, c: number, relu: number, from: number, to: number, lanes: Pointer): void;
  batchNormStatistics(shift: Pointer, delta: Pointer, invStd: Pointer, variance: Pointer, x: Pointer, n: number, c: number, eps: number, from: number, to: number, totals: Pointer, lanes: Pointer): void;
  batchNormStatisticsPlanes(shift: Pointer, delta: Pointer, invStd: Pointer, variance: Pointer, x: Pointer, n: number, c: number, s: number, eps: number, from: number, to: number, totals: Pointer): void;
  conv2dForward(y: Pointer, x: Pointer, weight: Pointer, bias: Pointer, channels: number, h: number, w: number, outChannels: number, outH: number, outW: number, kernelH: number, kernelW: number, strideH: number, strideW: number, top: number, left: number, dilationH: number, dilationW: number, groups: number, relu: number, from: number, to: number, scratch: Pointer): void;
  conv2dForwardScratch(channels: number, outChannels: number, outH: number, outW: number, kernelH: number, kernelW: number, strideH: number, strideW: number, dilationH: number, dilationW: number, groups: number): number;
  conv2dInputGradient(dx: Pointer, dy: Pointer, weight: Pointer, channels: number, h: number, w: number, outChannels: number, outH: number, outW: number, kernelH: number, kernelW: number, strideH: number, strideW: number, top: number, left: number, dilationH: number, dilationW: number, groups: number, from: number, to: number, scratch: Pointer): void;
  conv2dInputGradientScratch(channels: number, h: number, w: number, outChannels: number, kernelH: number, kernelW: number, strideH: number, strideW: number, top: number, left: number, dilationH: number, dilationW: number, groups: number): number;
  conv2dWeightGradient(dWeight: Pointer, dy: Pointer, x: Pointer, n: number, channels: number, h: number, w: number, outChannels: number, outH: number, outW: number, kernelH: number, kernelW: number, strideH: number, strideW: number, top: number, left: number, dilationH: number, dilationW: number, groups: number, from: number, to: number, scratch: Pointer): void;
  conv2dWeightGradientScratch(channels: number, outChannels: number, outH: number, outW: number, kernelH: number, kernelW: number, strideH: number, strideW: number, dilationH: number, dilationW: number, groups: number): number;
  copyRows(y: Pointer, x: Pointer, rows: number, width: number, yStride: number, xStride: number): void;
  biasBackward(db: Pointer, dy: Pointer, rows: number, n: number, from: number, to: number): void;
  biasForward(y: Pointer, b: Pointer, n: number, from: number, to: number): void;
  channelBiasBackward(db: Pointer, dy: Pointer, n: number, channels: number, plane: number, from: number, to: number): void;
  channelBiasForward(y: Pointer, b: Pointer, channels: number, plane: number, relu: number, from: number, to: number): void;
  gemm(c: Pointer, a: Pointer, b: Pointer, bias: Pointer, shape: Pointer<'GemmShape'>, relu: number, from: number, to: number, scratch: Pointer): void;
  gemmScratch(m: number, n: number, k: number): number;
  crossEntropyBackward(dx: Pointer, p: Pointer, labels: Pointer, weight: Pointer, c: number, inner: number, smoothing: number, ignoreIndex: number, scale: number, from: number, to: number): void;
  crossEntropyForward(p: Pointer, x: Pointer, labels: Pointer, weight: Pointer, c: number, inner: number, smoothing: number, ignoreIndex: number, from: number, to: number): number;
  crossEntropyWeight(labels: Pointer, weight: Pointer, ignoreIndex: number, from: number, to: number): number;
  crossEntropySoftBackward(dx: Pointer, p: Pointer, t: Pointer, weight: Pointer, c: number, inner: number, smoothing: number, scale: number, from: number, to: number): void;
  crossEntropySoftForward(p: Pointer, x: Pointer, t: Pointer, weight: Pointer, c: number, inner: number, smoothing: number, from: number, to: number): number;
  mseBackward(dx: Pointer, x: Pointer, t: Pointer, scale: number, from: number, to: number): void;
  mseForward(x: Pointer, t: Pointer, from: number, to: number): number;
  cosF64(x: number): number;
  expF64(x: number): number;
  logF64(x: number): number;
  powF64(x: number, y: number): number;
  adamStep(data: Pointer, expAvg: Pointer, expAvgSq: Pointer, maxExpAvgSq: Pointer, grad: Pointer, lr: number, beta1: number, beta2: number, eps: number, weightDecay: number, decoupled: number, step: number, from: number, to: number): void;
  clampInPlace(x: Pointer, limit: number, from: number, to: number): void;
  scaleInPlace(x: Pointer, factor: number, from: number, to: number): void;
  sumOfSquares(x: Pointer, from: number, to: number): number;
  sgdMomentumStep(data: Pointer, momentumBuffer: Pointer, grad: Pointer, lr: number, momentum: number, dampening: number, nesterov: number, weightDecay: number, first: number, from: number, to: number): void;
  sgdStep(data: Pointer, grad: Pointer, lr: number, weightDecay: number, from: number, to: number): void;
  avgPoolBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, countIncludePad: number, from: number, to: number, scratch: Pointer): void;
  avgPoolForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, countIncludePad: number, from: number, to: number): void;
  globalAvgPoolBackward(dx: Pointer, dy: Pointer, size: number, from: number, to: number): void;
  globalAvgPoolForward(y: Pointer, x: Pointer, size: number, from: number, to: number): void;
  maxPoolBackward(dx: Pointer, index: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, dilationHeight: number, dilationWidth: number, from: number, to: number): void;
  maxPoolForward(y: Pointer, index: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, kernelHeight: number, kernelWidth: number, strideHeight: number, strideWidth: number, padHeight: number, padWidth: number, dilationHeight: number, dilationWidth: number, from: number, to: number): void;
  dropout(y: Pointer, x: Pointer, p: number, scale: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  dropoutRows(y: Pointer, x: Pointer, n: number, p: number, scale: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomBits(y: Pointer, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomNormal(y: Pointer, mean: number, sd: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomTruncatedNormal(y: Pointer, mean: number, sd: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  randomUniform(y: Pointer, low: number, high: number, seed: number, counter: number, from: number, to: number, scratch: Pointer): void;
  shuffle(order: Pointer, seed: number, counter: number, n: number, scratch: Pointer): void;
}

/** What the module beside it exports: assembly/extra.ts. */
export interface ExtraKernels {
  geluBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  geluForward(y: Pointer, x: Pointer, from: number, to: number): void;
  geluTanhBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  geluTanhForward(y: Pointer, x: Pointer, from: number, to: number): void;
  preluBackward(dx: Pointer, x: Pointer, dy: Pointer, weight: Pointer, c: number, inner: number, from: number, to: number): void;
  preluBackwardWeight(dweight: Pointer, x: Pointer, dy: Pointer, n: number, c: number, inner: number, from: number, to: number): void;
  preluForward(y: Pointer, x: Pointer, weight: Pointer, c: number, inner: number, from: number, to: number): void;
  leakyReluBackward(dx: Pointer, x: Pointer, dy: Pointer, slope: number, from: number, to: number): void;
  leakyReluForward(y: Pointer, x: Pointer, slope: number, from: number, to: number): void;
  relu6Backward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  relu6Forward(y: Pointer, x: Pointer, from: number, to: number): void;
  eluBackward(dx: Pointer, y: Pointer, dy: Pointer, alpha: number, from: number, to: number): void;
  eluBackwardOfInput(dx: Pointer, x: Pointer, dy: Pointer, alpha: number, from: number, to: number): void;
  eluForward(y: Pointer, x: Pointer, alpha: number, from: number, to: number): void;
  sigmoidBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  sigmoidForward(y: Pointer, x: Pointer, from: number, to: number): void;
  siluBackward(dx: Pointer, x: Pointer, dy: Pointer, from: number, to: number): void;
  siluForward(y: Pointer, x: Pointer, from: number, to: number): void;
  tanhBackward(dx: Pointer, y: Pointer, dy: Pointer, from: number, to: number): void;
  tanhForward(y: Pointer, x: Pointer, from: number, to: number): void;
  logSoftmaxBackward(dx: Pointer, y: Pointer, dy: Pointer, c: number, inner: number, from: number, to: number): void;
  logSoftmaxForward(y: Pointer, x: Pointer, c: number, inner: number, from: number, to: number): void;
  batchNormMaskedBackward(dx: Pointer, shift: Pointer, scale: Pointer, slope: Pointer, intercept: Pointer, dy: Pointer, x: Pointer, mask: Pointer, c: number, s: number, from: number, to: number): void;
  batchNormMaskedForward(y: Pointer, shift: Pointer, scale: Pointer, offset: Pointer, x: Pointer, mask: Pointer, c: number, s: number, from: number, to: number): void;
  batchNormMaskedBackwardSums(totals: Pointer, shift: Pointer, dy: Pointer, x: Pointer, mask: Pointer, n: number, c: number, s: number, from: number, to: number, sums: Pointer): void;
  batchNormMaskedStatistics(shift: Pointer, delta: Pointer, invStd: Pointer, variance: Pointer, x: Pointer, mask: Pointer, n: number, c: number, s: number, m: number, eps: number, from: number, to: number, totals: Pointer, sums: Pointer): void;
  batchNormRenorm(scale: Pointer, offset: Pointer, ratio: Pointer, drift: Pointer, shift: Pointer, delta: Pointer, invStd: Pointer, runningMean: Pointer, runningVar: Pointer, weight: Pointer, bias: Pointer, eps: number, rMax: number, dMax: number, from: number, to: number): void;
  batchNormRenormBackward(dWeight: Pointer, ratio: Pointer, drift: Pointer, totals: Pointer, delta: Pointer, invStd: Pointer, c: number, from: number, to: number): void;
  crossProducts(sums: Pointer, x: Pointer, n: number, c: number, from: number, to: number): void;
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
  instanceNormAverages(shift: Pointer, delta: Pointer, variance: Pointer, statistics: Pointer, n: number, c: number, from: number, to: number): void;
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
  emaUpdate(average: Pointer, data: Pointer, decay: number, from: number, to: number): void;
  exchange(a: Pointer, b: Pointer, from: number, to: number): void;
  rmspropStep(data: Pointer, squareAvg: Pointer, gradAvg: Pointer, momentumBuffer: Pointer, grad: Pointer, lr: number, alpha: number, eps: number, weightDecay: number, momentum: number, from: number, to: number): void;
  adaptiveAvgPoolBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, from: number, to: number): void;
  adaptiveAvgPoolForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, from: number, to: number): void;
  upsampleBilinearBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, alignCorners: number, from: number, to: number, scratch: Pointer): void;
  upsampleBilinearForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, alignCorners: number, from: number, to: number, scratch: Pointer): void;
  upsampleNearestBackward(dx: Pointer, dy: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, from: number, to: number, scratch: Pointer): void;
  upsampleNearestForward(y: Pointer, x: Pointer, height: number, width: number, outHeight: number, outWidth: number, scaleHeight: number, scaleWidth: number, from: number, to: number, scratch: Pointer): void;
}

export interface Kernels extends CoreKernels, ExtraKernels {}

export interface GemmShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: number;
  readonly transposeB: number;
  readonly accumulate: number;
}
export const GemmShape: Layout<GemmShape, 'GemmShape'> =
  'm n k transposeA transposeB accumulate';

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
