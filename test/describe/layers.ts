/** Layers of every public class, each with an input that it takes. */
import * as E from '../../src/index.ts';
import { Rescaling } from '../../src/keras/index.ts';
import { type Choices, chance, pick, seeded } from '../fuzz/choices.ts';
import { makeLayer } from '../fuzz/net.ts';
import { MAKERS, randomLayer } from '../fuzz/random-layer.ts';
import { randomShape } from '../fuzz/random-net.ts';

export interface Sample {
  readonly make: () => E.Module;
  /** The input's shape, or those of several. */
  readonly shape: readonly number[] | readonly (readonly number[])[];
  /** Whether the second input is a mask of zeros and ones. */
  readonly masked?: boolean;
  /** Set if the inputs are integers below it. */
  readonly indices?: number;
}

const image = [3, 4, 6, 6];
const volume = [2, 2, 5, 4, 6];

/** For each public class some layers that the random ones do not have. */
export const SAMPLES: Readonly<Record<string, readonly Sample[]>> = {
  Add: [{ make: () => new E.Add(), shape: [image, image, image] }],
  Conv1d: [{ make: () => new E.Conv1d(2, 3, 3, { dilation: 2 }), shape: [3, 2, 9] }],
  Conv3d: [
    { make: () => new E.Conv3d(2, 3, 3, { padding: 'same', dilation: 2 }), shape: volume },
    {
      make: () =>
        new E.Conv3d(2, 4, [1, 2, 3], {
          ...{ stride: [1, 2, 1], padding: [0, 1, 2, 1, 0, 0], groups: 2, bias: false },
        }),
      shape: volume,
    },
  ],
  MaxPool3d: [
    { make: () => new E.MaxPool3d(2), shape: volume },
    {
      make: () =>
        new E.MaxPool3d([1, 2, 3], { stride: 1, padding: [0, 1, 1], dilation: 2, ceilMode: true }),
      shape: volume,
    },
  ],
  AvgPool3d: [
    { make: () => new E.AvgPool3d([2, 3, 2]), shape: volume },
    {
      make: () => new E.AvgPool3d(3, { stride: 2, padding: 1, countIncludePad: false }),
      shape: volume,
    },
  ],
  Multiply: [
    { make: () => new E.Multiply(), shape: [image, image] },
    { make: () => new E.Multiply(), shape: [image, [3, 4, 1, 1], [6]] },
  ],
  ConvTranspose1d: [
    { make: () => new E.ConvTranspose1d(2, 3, 3), shape: [3, 2, 5] },
    {
      make: () =>
        new E.ConvTranspose1d(4, 2, 4, {
          ...{ stride: 2, padding: [1, 0], outputPadding: 1, dilation: 2, groups: 2, bias: false },
        }),
      shape: [3, 4, 5],
    },
  ],
  Dropout1d: [{ make: () => new E.Dropout1d(0.4, { generator: drawn(7, 0) }), shape: [3, 4, 6] }],
  PixelShuffle: [{ make: () => new E.PixelShuffle(2), shape: image }],
  ReflectionPad2d: [
    { make: () => new E.ReflectionPad2d(2), shape: image },
    { make: () => new E.ReflectionPad2d([1, 0, 2, 3]), shape: image },
  ],
  Embedding: [
    { make: () => new E.Embedding(7, 3), shape: [2, 4], indices: 7 },
    { make: () => new E.Embedding(7, 3, { paddingIdx: -1 }), shape: [2, 4], indices: 7 },
  ],
  RNN: [
    { make: () => new E.RNN(3, 4), shape: [5, 2, 3] },
    {
      make: () => new E.RNN(3, 4, { nonlinearity: 'relu', batchFirst: true, bias: false }),
      shape: [2, 5, 3],
    },
  ],
  LSTM: [
    {
      make: () => new E.LSTM(3, 4, { numLayers: 2, bidirectional: true, returns: 'last' }),
      shape: [5, 2, 3],
    },
  ],
  GRU: [{ make: () => new E.GRU(3, 4, { numLayers: 2, dropout: 0.25 }), shape: [5, 2, 3] }],
  MultiheadAttention: [
    { make: () => new E.MultiheadAttention(8, 2), shape: [5, 2, 8] },
    {
      make: () =>
        new E.MultiheadAttention(8, 4, {
          batchFirst: true,
          causal: true,
          bias: false,
          dropout: 0.5,
        }),
      shape: [2, 5, 8],
    },
  ],
  TransformerEncoderLayer: [
    {
      make: () =>
        new E.TransformerEncoderLayer(8, 2, {
          ...{ dimFeedforward: 12, dropout: 0.25, activation: 'gelu', layerNormEps: 1e-4 },
          ...{ batchFirst: true, normFirst: true, causal: true },
        }),
      shape: [2, 5, 8],
    },
    { make: () => new E.TransformerEncoderLayer(4, 1, { dimFeedforward: 6 }), shape: [5, 2, 4] },
  ],
  Identity: [{ make: () => new E.Identity(), shape: image }],
  Permute: [{ make: () => new E.Permute([0, 2, -1, 1]), shape: image }],
  ZeroPad2d: [
    { make: () => new E.ZeroPad2d(2), shape: image },
    { make: () => new E.ZeroPad2d([1, 2, -1, 0]), shape: image },
  ],
  ConstantPad2d: [
    { make: () => new E.ConstantPad2d([1, 0, 2, 1], -0.75), shape: image },
    { make: () => new E.ConstantPad2d(1, Number.NEGATIVE_INFINITY), shape: image },
  ],
  AdaptiveMaxPool1d: [{ make: () => new E.AdaptiveMaxPool1d(4), shape: [3, 2, 7] }],
  AdaptiveMaxPool2d: [
    { make: () => new E.AdaptiveMaxPool2d([2, 4]), shape: image },
    { make: () => new E.AdaptiveMaxPool2d(3), shape: image },
  ],
  GLU: [
    { make: () => new E.GLU(), shape: image },
    { make: () => new E.GLU(1), shape: image },
  ],
  LeakyReLU: [{ make: () => new E.LeakyReLU(0.2, { threshold: 0.5 }), shape: image }],
  Hardtanh: [
    { make: () => new E.Hardtanh(), shape: image },
    { make: () => new E.Hardtanh(-0.5, 0.25), shape: image },
    { make: () => new E.Hardtanh(Number.NEGATIVE_INFINITY, 0.5), shape: image },
    { make: () => new E.Hardtanh(-0.5, Number.POSITIVE_INFINITY), shape: image },
  ],
  Hardsigmoid: [{ make: () => new E.Hardsigmoid(), shape: image }],
  Hardswish: [{ make: () => new E.Hardswish(), shape: image }],
  Softplus: [
    { make: () => new E.Softplus(), shape: image },
    { make: () => new E.Softplus({ beta: 2, threshold: 1 }), shape: image },
  ],
  Softsign: [{ make: () => new E.Softsign(), shape: image }],
  Mish: [{ make: () => new E.Mish(), shape: image }],
  SELU: [{ make: () => new E.SELU(), shape: image }],
  Rescaling: [{ make: () => new Rescaling(1 / 3, -0.5), shape: image }],
  Concat: [{ make: () => new E.Concat(2), shape: [image, [3, 4, 2, 6]] }],
  Dropout: [
    { make: () => new E.Dropout(0.3), shape: image },
    { make: () => new E.Dropout(0.3, { generator: drawn(5, 17) }), shape: image },
  ],
  Dropout2d: [{ make: () => new E.Dropout2d(0.4, { generator: drawn(6, 0) }), shape: image }],
  Renorm: [
    {
      make: () => new E.BatchNorm2d(4, { renorm: new E.Renorm({ rMax: 1.5, dMax: 0.5 }) }),
      shape: image,
    },
    { make: () => new E.BatchNorm2d(4, { renorm: new E.Renorm() }), shape: image },
  ],
  MaskedBatchNorm1d: [
    {
      make: () => new E.MaskedBatchNorm1d(4, { eps: 1e-3 }),
      shape: [
        [3, 4, 5],
        [3, 5],
      ],
      masked: true,
    },
  ],
  MaskedBatchNorm2d: [
    {
      make: () => new E.MaskedBatchNorm2d(4, { channelsLast: true }),
      shape: [
        [3, 5, 5, 4],
        [3, 5, 5],
      ],
      masked: true,
    },
  ],
  MaskedBatchNorm3d: [
    {
      make: () => new E.MaskedBatchNorm3d(2, { momentum: null }),
      shape: [
        [3, 2, 3, 3, 3],
        [3, 3, 3, 3],
      ],
      masked: true,
    },
  ],
  BatchNorm3d: [
    {
      make: () => new E.BatchNorm3d(2, { scale: false, runningVariance: 'biased' }),
      shape: [3, 2, 3, 4, 2],
    },
  ],
  InstanceNorm3d: [
    {
      make: () => new E.InstanceNorm3d(2, { affine: true, trackRunningStats: true, momentum: 0.3 }),
      shape: [3, 2, 3, 4, 2],
    },
  ],
  Normalization: [
    { make: () => new E.Normalization(6, { channelsLast: true, invert: true }), shape: image },
    { make: () => new E.Normalization(4), shape: image },
  ],
  Residual: [
    { make: () => new E.Residual(new E.Conv2d(4, 4, 3, { padding: 1 })), shape: image },
    {
      make: () => new E.Residual(new E.Conv2d(4, 2, 1), new E.Conv2d(4, 2, 1, { bias: false })),
      shape: image,
    },
  ],
  Sequential: [
    {
      make: () =>
        new E.Sequential({
          conv: new E.Conv2d(4, 2, 3),
          bn: new E.BatchNorm2d(2),
          relu: new E.ReLU(),
        }),
      shape: image,
    },
    {
      make: () =>
        new E.Sequential(
          new E.Sequential(),
          new E.Sequential(new E.Flatten(), new E.Linear(144, 5)),
        ),
      shape: image,
    },
  ],
  GraphModule: [
    {
      make: () => {
        const conv = new E.Conv2d(4, 4, 3, { padding: 'same' });
        return new E.GraphModule(
          [
            { name: 'a.conv', layer: conv, inputs: ['x'] },
            { name: 'bn', layer: new E.BatchNorm2d(4), inputs: ['a.conv'] },
            { name: 'a.conv#2', layer: conv, inputs: ['bn'] },
            { name: 'sum', layer: new E.Add(), inputs: ['a.conv#2', 'x'] },
            { name: 'last', layer: new E.ReLU(), inputs: ['sum'] },
          ],
          { output: 'sum' },
        );
      },
      shape: image,
    },
  ],
  FoldedNetwork: [
    {
      make: () =>
        E.fold(new E.Sequential(new E.Conv2d(4, 3, 3), new E.BatchNorm2d(3), new E.ReLU())),
      shape: image,
    },
  ],
  WeightNorm: [{ make: () => new E.WeightNorm(new E.ConvTranspose2d(4, 2, 3)), shape: image }],
  SpectralNorm: [
    {
      make: () => new E.SpectralNorm(new E.Conv2d(4, 2, 3), { nPowerIterations: 3, eps: 1e-6 }),
      shape: image,
    },
  ],
};

function drawn(seed: number, counter: number): E.Generator {
  const generator = new E.Generator();
  generator.state = { seed, counter };
  return generator;
}

/** A random layer, and sometimes with a batch norm's frozen statistics or with frozen parameters. */
export function randomSample(seed: number): Sample {
  const choices: Choices = seeded(seed);
  const names = (Object.keys(MAKERS) as (keyof typeof MAKERS)[]).filter(
    (name) => name !== 'square',
  );
  const shape = randomShape(choices);
  const { spec } = randomLayer(choices, shape, [names[seed % names.length]!]);
  const frozen = chance(choices, 0.2);
  const weights = pick(choices, [seed, seed + 1]);
  const make = () => {
    E.manualSeed(weights);
    const layer = makeLayer(spec);
    const [first] = layer.parameters();
    if (frozen && first) first.requiresGrad = false;
    return layer;
  };
  return { make, shape };
}
