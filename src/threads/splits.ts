/**
 * How each kernel's range may be cut into shares. Every kernel ends in `from, to` and, if it has any, its
 * scratch (CONTRIBUTING.md, "The kernels"); cut at multiples of `step`, it gives the same bits as in one
 * piece. test/threads/splits.test.ts and every kernel test prove it. Kernels that are not here run on the
 * caller: they take microseconds, or their sums would come in another order.
 */
import type { Kernels } from '../generated/kernels.ts';

/** The arguments of a call, and the i-th word of the struct that an argument points to. */
export interface Arguments {
  readonly values: Float64Array;
  field(argument: number, i: number): number;
}

/** Depends on the call, or is a constant. */
type Size = number | ((call: Arguments) => number);

export interface Split {
  /** The range is cut at multiples of it. */
  readonly step: Size;
  /** Nanoseconds that one element of the range takes, roughly: which calls are worth it. */
  readonly time: Size;
  /** Whether each share does some of the work again, so that there should be no more shares than threads. */
  readonly repeats?: boolean;
  /** Bytes of scratch for `units` elements of the range. Absent: the kernel takes no scratch. */
  readonly scratch?: (call: Arguments, k: Kernels, units: number) => number;
  /** Whether the caller reads a range of totals, [2, C] f64, from the scratch: then they are collected. */
  readonly totals?: (call: Arguments) => number;
}

/** Nanoseconds of a multiplication and an addition in a product. */
const PRODUCT = 0.04;
/** Elements of a cache line. */
const LINE = 16;

/** Elements of a range, `ns` each. */
function elements(ns: number): Split {
  return { step: LINE, time: ns };
}

/** Rows, samples or planes, each of `size` numbers that take `ns`. */
function rows(ns: number, size: (call: Arguments) => number, step = 1): Split {
  return { step, time: (call) => ns * size(call) };
}

function withScratch(split: Split, scratch: NonNullable<Split['scratch']>): Split {
  return { ...split, scratch };
}

/** An argument that is a size itself. */
const argument = (i: number) => (call: Arguments) => call.values[i]!;

/** The product of fields of the struct that an argument points to. */
const product =
  (i: number, ...fields: number[]) =>
  (call: Arguments) =>
    fields.reduce((size, field) => size * call.field(i, field), 1);

/** Random bits, and what normal draws keep of them. */
const words = () => 768;
const random = (ns: number) => withScratch(elements(ns), words);

/** Batch norm: the place of its shape, { n, c, s }, among the arguments. */
const planeOf = (shape: number) => (call: Arguments) => Math.max(call.field(shape, 2), 1);
const bnScratch = (shape: number) => (call: Arguments, k: Kernels) =>
  k.batchNormScratch(call.values[shape] as never);

/** A range of samples (rows). */
const bnSamples = (ns: number, shape: number): Split => ({
  step: (call) => (call.field(shape, 2) ? 1 : LINE),
  time: (call) => ns * call.field(shape, 1) * planeOf(shape)(call),
});
/** The place of `columns` in GemmShape. */
const COLUMNS = 6;

/** Numbers of rows that stay in the second-level cache, 2 MiB. */
const NEAR = 524_288;
/**
 * A range of channels. Rows keep sixteen channels, a cache line of every row, together. Rows that come from
 * afar are left whole: half of every row takes longer than all of it, since the prefetcher stumbles over the
 * gaps (2.5 × for [4096, 512] on Zen 4).
 */
const bnChannels = (ns: number, shape: number): Split => ({
  step: (call) => (call.field(shape, 2) ? 4 : LINE),
  time: (call) => {
    const [n, c, s] = [0, 1, 2].map((i) => call.field(shape, i)) as [number, number, number];
    return s === 0 && n * c > NEAR ? 0 : ns * n * Math.max(s, 1);
  },
  repeats: true, // gaps between the pieces
  scratch: bnScratch(shape),
});
const bnTotals = (ns: number, shape: number): Split => ({
  ...bnChannels(ns, shape),
  totals: (call) => call.field(shape, 1),
});

/** Convolution: what one filter's tap takes over an image, and the taps of a filter. */
const taps = (shape: number) => (call: Arguments) =>
  (product(shape, 0, 6, 7)(call) / call.field(shape, 14)) * PRODUCT;
const images = (shape: number): Split => ({
  step: 1,
  time: (call) => product(shape, 3, 4, 5)(call) * taps(shape)(call),
});

/** Winograd's method takes about a third of the time. Each share transforms the weight. */
const transformed = (shape: number): Split => ({
  step: 1,
  repeats: true,
  time: (call) => (images(shape).time as (call: Arguments) => number)(call) / 3,
});

/** A channel of the images [n, n + 1) of volumes. */
const unfolded = (shape: number) => (call: Arguments) =>
  (call.values[shape + 2]! - call.values[shape + 1]!) * product(shape, 2, 4)(call);
/** Sequences of a cell with so many gates, whose functions take `ns` for each number of a state. */
const recurrent = (gates: number, ns: number): Split => ({
  step: 5, // as in `gemm`
  repeats: true, // packs the weight
  time: (call) => product(5, 0, 2)(call) * (gates * call.field(5, 2) * PRODUCT + ns),
  scratch: (call, k, batch) => k.recurrentScratch(batch, call.field(5, 2), gates),
});

const softmax = (ns: number): Split => rows(ns, argument(3), LINE);
/** Planes [n4, n5] of an operation on up to six axes. */
const planes = (ns: number, shape: number): Split => rows(ns, product(shape, 4, 5));
const resample = (shape: number) => (call: Arguments) =>
  call.field(shape, 0) * call.field(shape, 1) + call.field(shape, 2) * call.field(shape, 3);
/** Rows of a chunk, whose sums of parameter gradients start anew (assembly/norm/chunks.ts). */
const CHUNK = 256;

export const SPLITS: Readonly<Partial<Record<keyof Kernels, Split>>> = {
  // Products and convolutions. A range of rows or columns: a panel of the strict kernels has 5 or 8.
  gemm: {
    step: (call) => (call.field(4, COLUMNS) ? 8 : 5),
    repeats: true,
    time: (call) => product(4, call.field(4, COLUMNS) ? 0 : 1, 2)(call) * PRODUCT,
    scratch: (call, k, units) => {
      const [m, n, depth] = [0, 1, 2].map((i) => call.field(4, i)) as [number, number, number];
      return call.field(4, COLUMNS)
        ? k.gemmScratch(m, units, depth)
        : k.gemmScratch(units, n, depth);
    },
  },
  conv2dForward: withScratch(images(4), ({ values }, k) =>
    k.conv2dForwardScratch(values[4] as never),
  ),
  conv2dInputGradient: withScratch(images(3), ({ values }, k) =>
    k.conv2dInputGradientScratch(values[3] as never),
  ),
  conv2dWeightGradient: {
    step: 8, // the columns of a tile
    repeats: true,
    time: (call) => call.values[3]! * product(4, 3, 4, 5)(call) * PRODUCT,
    scratch: ({ values }, k) => k.conv2dWeightGradientScratch(values[4] as never),
  },
  winogradForward: withScratch(transformed(4), ({ values }, k) =>
    k.winogradForwardScratch(values[4] as never),
  ),
  winogradInputGradient: withScratch(transformed(3), ({ values }, k) =>
    k.winogradInputGradientScratch(values[3] as never),
  ),
  winogradWeightGradient: {
    step: 8, // the columns of a tile
    repeats: true,
    time: (call) => call.values[3]! * product(4, 3, 4, 5)(call) * 3 * PRODUCT,
    scratch: ({ values }, k) => k.winogradWeightGradientScratch(values[4] as never),
  },
  unfoldDepth: rows(0.2, unfolded(2)),
  foldDepth: rows(0.2, unfolded(2)),
  biasForward: rows(0.15, argument(2)),
  biasBackward: { ...rows(0.1, argument(2), LINE), repeats: true },
  channelBiasForward: rows(0.15, ({ values }) => values[2]! * values[3]!),
  channelBiasBackward: rows(0.1, ({ values }) => values[2]! * values[4]!),
  crossProducts: rows(PRODUCT, ({ values }) => values[2]! * values[3]!, 4),

  // Batch norm.
  batchNormStatistics: bnChannels(0.15, 2),
  batchNormForward: withScratch(bnSamples(0.2, 3), bnScratch(3)),
  batchNormBackwardSums: bnTotals(0.2, 3),
  batchNormBackward: withScratch(bnSamples(0.3, 4), bnScratch(4)),
  batchNormFrozenBackward: withScratch(bnSamples(0.3, 4), bnScratch(4)),
  batchNormMaskedStatistics: bnChannels(0.3, 3),
  batchNormMaskedForward: bnSamples(0.3, 4),
  batchNormMaskedBackwardSums: bnTotals(0.4, 4),
  batchNormMaskedBackward: withScratch(bnSamples(0.4, 5), bnScratch(5)),
  batchNormMaskedFrozenBackward: withScratch(bnSamples(0.4, 4), bnScratch(4)),

  // The other norms.
  layerNormForward: rows(0.4, product(5, 1, 2)),
  layerNormBackward: rows(0.6, product(6, 1, 2), CHUNK),
  rmsNormForward: rows(0.3, argument(4)),
  rmsNormBackward: rows(0.5, argument(6), CHUNK),
  groupNormForward: rows(0.4, (call) => product(5, 1, 2)(call) / call.field(5, 3)),
  groupNormBackward: rows(0.6, (call) => product(6, 1, 2)(call) / call.field(6, 3)),
  localResponseNormForward: rows(4, product(3, 0, 1)),
  localResponseNormBackward: withScratch(rows(4, product(5, 0, 1)), ({ values }, k) =>
    k.localResponseNormScratch(values[5] as never),
  ),
  rowNorms: rows(0.1, argument(2)),
  weightNormForward: rows(0.3, argument(4)),
  weightNormBackward: rows(0.4, argument(6)),

  // Activations.
  reluForward: elements(0.15),
  reluBackward: elements(0.2),
  hardtanhForward: elements(0.15),
  hardtanhBackward: elements(0.2),
  hardsigmoidForward: elements(0.3),
  hardsigmoidBackward: elements(0.3),
  hardswishForward: elements(0.3),
  hardswishBackward: elements(0.4),
  softsignForward: elements(0.4),
  softsignBackward: elements(0.5),
  softplusForward: elements(4),
  softplusBackward: elements(3),
  mishForward: elements(5),
  mishBackward: elements(6),
  gluForward: rows(2, argument(2)),
  gluBackward: rows(3, argument(3)),
  leakyReluForward: elements(0.2),
  leakyReluBackward: elements(0.25),
  preluForward: elements(0.3),
  preluBackward: elements(0.3),
  eluForward: elements(2),
  eluBackward: elements(2),
  geluForward: elements(3),
  geluBackward: elements(4),
  geluTanhForward: elements(3),
  geluTanhBackward: elements(4),
  sigmoidForward: elements(2),
  sigmoidBackward: elements(0.3),
  siluForward: elements(2),
  siluBackward: elements(3),
  tanhForward: elements(2),
  tanhBackward: elements(0.3),
  softmaxForward: softmax(2),
  softmaxBackward: rows(0.5, argument(3), LINE),
  logSoftmaxForward: softmax(2),
  logSoftmaxBackward: rows(2, argument(3), LINE),
  addForward: elements(0.2),
  expForward: elements(2),
  logForward: elements(2),
  dropout: random(2),
  dropoutRows: withScratch(rows(0.2, argument(2), LINE), words),
  randomBits: random(1),
  randomUniform: random(1.5),
  randomNormal: random(5),
  randomTruncatedNormal: random(5),

  // Pooling and upsampling.
  globalAvgPoolForward: rows(0.1, argument(2), LINE),
  globalAvgPoolBackward: rows(0.1, argument(2), LINE),
  adaptiveMaxPoolForward: rows(0.3, product(3, 0, 1)),
  maxPoolForward: rows(0.3, product(3, 0, 1)),
  maxPoolDepthForward: rows(0.3, product(5, 0, 1)),
  maxPoolBackward: rows(0.3, product(3, 0, 1)),
  avgPoolForward: rows(0.3, product(2, 0, 1)),
  avgPoolBackward: withScratch(rows(0.3, product(2, 0, 1)), ({ values }, k) =>
    k.avgPoolBackwardScratch(values[2] as never),
  ),
  adaptiveAvgPoolForward: rows(0.3, product(2, 0, 1)),
  adaptiveAvgPoolBackward: rows(0.3, product(2, 0, 1)),
  upsampleNearestForward: withScratch(rows(0.2, resample(2)), ({ values }, k) =>
    k.upsampleNearestScratch(values[2] as never),
  ),
  upsampleNearestBackward: withScratch(rows(0.3, resample(2)), ({ values }, k) =>
    k.upsampleNearestScratch(values[2] as never),
  ),
  upsampleBilinearForward: withScratch(rows(0.4, resample(2)), ({ values }, k) =>
    k.upsampleBilinearScratch(values[2] as never),
  ),
  upsampleBilinearBackward: withScratch(rows(0.5, resample(2)), ({ values }, k) =>
    k.upsampleBilinearScratch(values[2] as never),
  ),

  // Gradients of losses; their values are sums, whose order is fixed.
  crossEntropyBackward: rows(0.4, product(4, 0), LINE),
  crossEntropySoftBackward: rows(0.4, product(4, 0), LINE),
  mseBackward: elements(0.2),
  l1Backward: elements(0.3),
  huberBackward: elements(0.3),
  klDivBackward: elements(0.5),
  bceWithLogitsBackward: rows(5, argument(5)),
  bceBackward: rows(0.5, argument(4)),

  // Optimizers.
  sgdStep: elements(0.2),
  sgdMomentumStep: elements(0.4),
  adamStep: elements(1),
  rmspropStep: elements(1),
  adaptiveStep: elements(1),
  lionStep: elements(0.6),
  averageUpdate: elements(0.3),
  clampInPlace: elements(0.15),
  scaleInPlace: elements(0.15),
  emaUpdate: elements(0.2),
  exchange: elements(0.2),

  // Operations on tensors.
  addBroadcast: planes(0.2, 3),
  subBroadcast: planes(0.2, 3),
  mulBroadcast: planes(0.2, 3),
  divBroadcast: planes(0.4, 3),
  maximumBroadcast: planes(0.2, 3),
  minimumBroadcast: planes(0.2, 3),
  maximumShare: planes(0.3, 3),
  minimumShare: planes(0.3, 3),
  sameBroadcast: planes(0.3, 3),
  gateBroadcast: planes(0.3, 3),
  whereBroadcast: planes(0.3, 4),
  copyStrided: planes(0.3, 2),
  negativeProduct: elements(0.2),
  gatherRows: rows(0.2, argument(3)),
  scatterRows: rows(0.3, argument(3), LINE),
  sumProducts: withScratch(rows(0.3, product(3, 3, 4, 5), LINE), ({ values }, k) =>
    k.sumProductsScratch(values[3] as never),
  ),
  maxOver: rows(0.3, product(2, 3, 4, 5), LINE),
  fillWith: elements(0.1),
  absForward: elements(0.15),
  absBackward: elements(0.2),
  below: elements(0.2),
  clampBackward: elements(0.2),
  expBackward: elements(0.2),
  logBackward: elements(0.4),
  rsqrtForward: elements(0.6),
  rsqrtBackward: elements(0.3),
  scaled: elements(0.15),
  sqrtForward: elements(0.4),
  sqrtBackward: elements(0.4),
  squareForward: elements(0.15),
  squareBackward: elements(0.2),

  // Recurrent networks.
  rnnForward: recurrent(1, 2),
  rnnBackward: recurrent(1, 0.5),
  lstmForward: recurrent(4, 8),
  lstmBackward: recurrent(4, 3),
  gruForward: recurrent(3, 5),
  gruBackward: recurrent(3, 1),
  recurrentOutput: rows(0.3, product(3, 0, 2)),

  // Of evenkeel/inspect.
  unitMoments: rows(0.3, product(2, 0, 2), LINE),
};
