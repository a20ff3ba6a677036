/** A random layer for an input of a given shape, with random options, and the shape of what it returns. */
import { between, type Choices, chance, pick, some } from './choices.ts';
import type { LayerSpec } from './net.ts';

export type Shape = readonly number[];

export interface Chosen {
  readonly spec: LayerSpec;
  readonly shape: Shape;
}

/** Returns undefined if the layer cannot take the shape. */
type Maker = (choices: Choices, shape: Shape) => Chosen | undefined;

/** Channel counts below, at and above the width of a vector and of two or four. */
const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17];

const layer = (kind: string, args: unknown[], shape: Shape, options?: object): Chosen => ({
  spec: { kind, args, ...(options && { options: options as Record<string, unknown> }) },
  shape,
});

/** Layers without options that take any shape. */
const plain =
  (kind: string, options?: (choices: Choices) => object): Maker =>
  (choices, shape) =>
    layer(kind, [], shape, options?.(choices));

const divisors = (n: number) =>
  Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);

const axes = (choices: Choices, n: number, value: () => number): number[] =>
  Array.from(
    { length: n },
    chance(choices, 0.5)
      ? (
          (v) => () =>
            v
        )(value())
      : value,
  );

/** Options of a window over the last axes, the padding's sides among them, and the output's extents. */
function windows(
  choices: Choices,
  size: readonly number[],
  { half = false, sides = false, dilates = true, ceil = false } = {},
) {
  const d = size.length;
  const kernel = axes(choices, d, () => between(choices, 1, 3));
  const stride = axes(choices, d, () => between(choices, 1, 3));
  const dilation = axes(choices, d, () => (dilates && chance(choices, 0.25) ? 2 : 1));
  const limit = (i: number) => (half ? Math.floor(kernel[i]! / 2) : 2);
  const before = kernel.map((_, i) => choices.integer(limit(i) + 1));
  const after = sides && chance(choices, 0.3) ? kernel.map(() => choices.integer(3)) : before;
  const ceilMode = ceil && chance(choices, 0.4);
  const out = size.map((extent, i) => {
    const room = extent + before[i]! + after[i]! - dilation[i]! * (kernel[i]! - 1) - 1;
    const steps = room / stride[i]!;
    if (!ceilMode) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    return (count - 1) * stride[i]! >= extent + before[i]! ? count - 1 : count;
  });
  const fits = size.every(
    (extent, i) => extent + before[i]! + after[i]! >= dilation[i]! * (kernel[i]! - 1) + 1,
  );
  return { kernel, stride, dilation, before, after, ceilMode, out, fits };
}

/** A number for one axis, else a list. */
const perAxis = (list: readonly number[]): unknown => (list.length === 1 ? list[0] : list);

const convolution: Maker = (choices, shape) => {
  const [, channels, ...size] = shape as [number, number, ...number[]];
  if (size.length < 1 || size.length > 3) return undefined;
  const out = pick(choices, CHANNELS);
  const groups = pick(
    choices,
    divisors(channels).filter((d) => out % d === 0),
  );
  const kind = `Conv${size.length}d`;
  const found = windows(choices, size, { sides: true });
  const { kernel, dilation, before, after } = found;
  const bias = chance(choices, 0.5);
  if (chance(choices, 0.2)) {
    const options = { padding: 'same', dilation: perAxis(dilation), groups, bias };
    return layer(kind, [channels, out, perAxis(kernel)], [shape[0]!, out, ...size], options);
  }
  if (!found.fits) return undefined;
  const sides = kernel.flatMap((_, i) => [before[i]!, after[i]!]);
  const padding = before === after ? perAxis(before) : sides;
  const options = {
    stride: perAxis(found.stride),
    padding,
    dilation: perAxis(dilation),
    groups,
    bias,
  };
  return layer(kind, [channels, out, perAxis(kernel)], [shape[0]!, out, ...found.out], options);
};

const transposed: Maker = (choices, shape) => {
  if (shape.length !== 4) return undefined;
  const [n, channels, ...size] = shape as [number, number, number, number];
  const out = pick(choices, CHANNELS);
  const groups = pick(
    choices,
    divisors(channels).filter((d) => out % d === 0),
  );
  const pair = (value: () => number) => [value(), value()];
  const kernel = pair(() => between(choices, 1, 4));
  const stride = pair(() => between(choices, 1, 3));
  const dilation = pair(() => (chance(choices, 0.25) ? 2 : 1));
  const padding = pair(() => choices.integer(3));
  const outputPadding = [0, 1].map((i) => choices.integer(Math.max(stride[i]!, dilation[i]!)));
  const extents = size.map(
    (extent, i) =>
      (extent - 1) * stride[i]! -
      2 * padding[i]! +
      dilation[i]! * (kernel[i]! - 1) +
      outputPadding[i]! +
      1,
  );
  if (extents.some((extent) => extent < 1)) return undefined;
  const options = { stride, padding, outputPadding, dilation, groups, bias: chance(choices, 0.5) };
  return layer('ConvTranspose2d', [channels, out, kernel], [n, out, ...extents], options);
};

const batchNorm: Maker = (choices, shape) => {
  const rank = shape.length - 2;
  const channelsLast = chance(choices, 0.2);
  const c = channelsLast ? shape.at(-1)! : shape[1]!;
  const momentum = pick(choices, [undefined, null, 0.3, 1]);
  const ghosts = shape[0]! > 3 && chance(choices, 0.2) ? 2 : undefined;
  const options = {
    ...some(choices, {
      eps: pick(choices, [1e-3, 1e-5, 0.1]),
      affine: chance(choices, 0.7),
      trackRunningStats: chance(choices, 0.7),
      runningVariance: pick(choices, ['unbiased', 'biased']),
    }),
    ...(momentum !== undefined ? { momentum } : chance(choices, 0.2) ? { decay: 0.8 } : {}),
    ...some(
      choices,
      chance(choices, 0.3) ? { center: chance(choices, 0.5), scale: chance(choices, 0.5) } : {},
    ),
    ...(channelsLast && { channelsLast }),
    ...(ghosts && { virtualBatchSize: ghosts, virtualBatchRest: pick(choices, ['alone', 'join']) }),
  };
  const made = layer(`BatchNorm${Math.max(rank, 1)}d`, [c], shape, options);
  const frozen = options.trackRunningStats !== false && chance(choices, 0.15);
  return { ...made, spec: { ...made.spec, ...(frozen && { frozen }) } };
};

const groupNorm: Maker = (choices, shape) => {
  const [, c, ...size] = shape as [number, number, ...number[]];
  const s = size.reduce((a, b) => a * b, 1);
  const possible = divisors(c).filter((groups) => (c / groups) * s > 1);
  if (possible.length === 0) return undefined;
  const options = some(choices, { eps: 1e-3, affine: chance(choices, 0.5) });
  return layer('GroupNorm', [pick(choices, possible), c], shape, options);
};

const instanceNorm: Maker = (choices, shape) => {
  const [, c, ...size] = shape as [number, number, ...number[]];
  if (size.length === 0 || size.every((extent) => extent === 1)) return undefined;
  const options = some(choices, {
    eps: 1e-3,
    momentum: 0.3,
    affine: true,
    trackRunningStats: chance(choices, 0.5),
  });
  return layer(`InstanceNorm${size.length}d`, [c], shape, options);
};

const trailing =
  (kind: 'LayerNorm' | 'RMSNorm'): Maker =>
  (choices, shape) => {
    const last = shape.slice(between(choices, 1, shape.length - 1));
    const bias = kind === 'LayerNorm' ? { bias: chance(choices, 0.6) } : {};
    const options = some(choices, { eps: 1e-3, elementwiseAffine: chance(choices, 0.6), ...bias });
    return layer(
      kind,
      [last.length === 1 && chance(choices, 0.5) ? last[0] : last],
      shape,
      options,
    );
  };

const pooling =
  (kind: 'MaxPool' | 'AvgPool'): Maker =>
  (choices, shape) => {
    const [n, c, ...size] = shape as [number, number, ...number[]];
    if (size.length < 1 || size.length > 3) return undefined;
    const found = windows(choices, size, { half: true, dilates: kind === 'MaxPool', ceil: true });
    if (!found.fits || found.out.some((extent) => extent < 1)) return undefined;
    // Dilated taps may all fall into the padding: then y is −∞, and PyTorch's gradient goes anywhere.
    const { kernel, dilation } = found;
    if (size.some((extent, i) => dilation[i]! > 1 && dilation[i]! * (kernel[i]! - 1) >= extent)) {
      return undefined;
    }
    // PyTorch's AvgPool3d refuses volumes that only their padding makes as large as the kernel.
    const inside = size.every((extent, i) => extent >= kernel[i]!);
    if (kind === 'AvgPool' && size.length === 3 && !inside) return undefined;
    const options = {
      stride: perAxis(found.stride),
      padding: perAxis(found.before),
      ceilMode: found.ceilMode,
      ...(kind === 'MaxPool'
        ? { dilation: perAxis(found.dilation) }
        : { countIncludePad: chance(choices, 0.5) }),
    };
    return layer(`${kind}${size.length}d`, [perAxis(found.kernel)], [n, c, ...found.out], options);
  };

const adaptive: Maker = (choices, shape) => {
  const [n, c, ...size] = shape as [number, number, ...number[]];
  if (size.length < 1 || size.length > 2) return undefined;
  const out = size.map(() => between(choices, 1, 5));
  return layer(`AdaptiveAvgPool${size.length}d`, [perAxis(out)], [n, c, ...out]);
};

const upsample: Maker = (choices, shape) => {
  const [n, c, ...size] = shape as [number, number, ...number[]];
  if (size.length < 1 || size.length > 2) return undefined;
  const mode = pick(choices, ['nearest', size.length === 1 ? 'linear' : 'bilinear']);
  const corners = mode !== 'nearest' && chance(choices, 0.5) ? { alignCorners: true } : {};
  if (chance(choices, 0.5)) {
    const out = size.map(() => between(choices, 1, 9));
    return layer('Upsample', [], [n, c, ...out], { size: out, mode, ...corners });
  }
  const factor = size.map(() => pick(choices, [1, 2, 3, 1.5, 0.5]));
  const out = size.map((extent, i) => Math.floor(extent * factor[i]!));
  if (out.some((extent) => extent < 1)) return undefined;
  return layer('Upsample', [], [n, c, ...out], { scaleFactor: factor, mode, ...corners });
};

const reparametrized: Maker = (choices, shape) => {
  const kind = pick(choices, ['WeightNorm', 'SpectralNorm']);
  const inner = pick(
    choices,
    kind === 'WeightNorm' ? [linear, convolution, transposed] : [linear, convolution],
  );
  const found = inner(choices, shape);
  if (!found) return undefined;
  const options =
    kind === 'SpectralNorm'
      ? some(choices, { nPowerIterations: between(choices, 1, 3) })
      : undefined;
  const spec = { kind, args: [], ...(options && { options }), inside: [found.spec] };
  return { spec, shape: found.shape };
};

const linear: Maker = (choices, shape) => {
  const out = pick(choices, CHANNELS);
  return layer(
    'Linear',
    [shape.at(-1)!, out],
    [...shape.slice(0, -1), out],
    some(choices, { bias: false }),
  );
};

const global: Maker = (_, shape) =>
  shape.length > 2 ? layer('GlobalAvgPool', [], shape.slice(0, 2)) : undefined;

const flatten: Maker = (_, shape) => {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return layer('Flatten', [], [shape[0]!, size]);
};

const unflatten: Maker = (choices, shape) => {
  if (shape.length !== 2) return undefined;
  const channels = pick(choices, divisors(shape[1]!));
  const sizes = [channels, shape[1]! / channels];
  return layer('Unflatten', [1, sizes], [shape[0]!, ...sizes]);
};

const softmax: Maker = (choices, shape) => {
  const dim = pick(choices, [1, -1]);
  return layer(pick(choices, ['Softmax', 'LogSoftmax']), [dim], shape);
};

const prelu: Maker = (choices, shape) =>
  layer('PReLU', [chance(choices, 0.5) ? shape[1]! : 1], shape, some(choices, { init: 0.1 }));

const dropout: Maker = (choices, shape) => layer('Dropout', [pick(choices, [0, 0.3, 0.5])], shape);

const response: Maker = (choices, shape) => {
  if (shape.length < 3) return undefined;
  const options = some(choices, { alpha: 0.1, beta: pick(choices, [0.5, 0.75, 1]), k: 2 });
  return layer('LocalResponseNorm', [between(choices, 1, 5)], shape, options);
};

/** All layers by name; activations apart, which are drawn more often than others. */
export const MAKERS = {
  linear,
  convolution,
  transposed,
  batchNorm,
  groupNorm,
  instanceNorm,
  layerNorm: trailing('LayerNorm'),
  rmsNorm: trailing('RMSNorm'),
  response,
  maxPool: pooling('MaxPool'),
  avgPool: pooling('AvgPool'),
  adaptive,
  upsample,
  reparametrized,
  global,
  flatten,
  unflatten,
  softmax,
  prelu,
  dropout,
  square: plain('Square'),
  relu: plain('ReLU'),
  relu6: plain('ReLU6'),
  leaky: (choices, shape) => layer('LeakyReLU', [pick(choices, [0.01, 0.3, -0.2])], shape),
  sigmoid: plain('Sigmoid'),
  tanh: plain('Tanh'),
  silu: plain('SiLU'),
  gelu: plain('GELU', (choices) => some(choices, { approximate: pick(choices, ['none', 'tanh']) })),
  elu: (choices, shape) => layer('ELU', [pick(choices, [1, 0.5, 1.7])], shape),
  selu: plain('SELU'),
  mish: plain('Mish'),
  softsign: plain('Softsign'),
  softplus: plain('Softplus', (choices) => some(choices, { beta: pick(choices, [0.5, 2]) })),
  hardsigmoid: plain('Hardsigmoid'),
  hardswish: plain('Hardswish'),
  hardtanh: (choices, shape) => layer('Hardtanh', pick(choices, [[], [-0.5, 2]]), shape),
} satisfies Record<string, Maker>;

export type LayerName = keyof typeof MAKERS;

/** A random layer among those named that takes the shape, and whose output has no more than `most` elements. */
export function randomLayer(
  choices: Choices,
  shape: Shape,
  names: readonly LayerName[],
  most = 2000,
): Chosen {
  for (let attempt = 0; attempt < 20; attempt++) {
    const maker: Maker = MAKERS[pick(choices, names)];
    const found = maker(choices, shape);
    if (found && found.shape.reduce((a, b) => a * b, 1) <= most) return found;
  }
  return layer('ReLU', [], shape);
}
