/** Every layer that its constructor makes of plain arguments and options. */
import { Rescaling } from '../keras/rescaling.ts';
import { ELU, SELU } from '../layers/activation/elu.ts';
import { GELU } from '../layers/activation/gelu.ts';
import { GLU } from '../layers/activation/glu.ts';
import { Hardsigmoid, Hardswish, Hardtanh } from '../layers/activation/hardtanh.ts';
import { PReLU } from '../layers/activation/prelu.ts';
import { LeakyReLU, ReLU, ReLU6 } from '../layers/activation/relu.ts';
import { Sigmoid, SiLU } from '../layers/activation/sigmoid.ts';
import { LogSoftmax, Softmax } from '../layers/activation/softmax.ts';
import { Mish, Softplus } from '../layers/activation/softplus.ts';
import { Softsign } from '../layers/activation/softsign.ts';
import { Tanh } from '../layers/activation/tanh.ts';
import { Add } from '../layers/add.ts';
import type { Dimensions, Pair, Triple } from '../layers/axes.ts';
import { Concat } from '../layers/concat.ts';
import { type Conv, Conv1d, Conv2d } from '../layers/conv/conv.ts';
import { Conv3d } from '../layers/conv/conv3d.ts';
import { ConvTranspose1d, ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Flatten, Identity, Unflatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { Multiply } from '../layers/multiply.ts';
import { GroupNorm } from '../layers/norm/groupnorm.ts';
import {
  type InstanceNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
} from '../layers/norm/instancenorm.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import { RMSNorm } from '../layers/norm/rmsnorm.ts';
import { ConstantPad2d, ZeroPad2d } from '../layers/pad.ts';
import { Permute } from '../layers/permute.ts';
import { PixelShuffle } from '../layers/pixelshuffle.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../layers/pool/adaptivemaxpool.ts';
import { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import type { PoolGeometry } from '../layers/pool/geometry.ts';
import { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import { AvgPool3d, MaxPool3d } from '../layers/pool/pool3d.ts';
import { Upsample } from '../layers/pool/upsample.ts';
import { ReflectionPad2d } from '../layers/reflectionpad.ts';
import { type Class, type Entry, named, plain, product } from './entry.ts';
import { sequences } from './sequences.ts';

/** The shortest form of what may be one number: 3 for [3, 3]. */
export function short(list: readonly number[]): number | number[] {
  return list.every((each) => each === list[0]) ? list[0]! : [...list];
}

/**
 * The shortest form of the padding before and after each axis: one number, one for each axis as in [vertical,
 * horizontal], or all.
 */
function shortSides(sides: readonly number[]): number | number[] {
  const before = sides.filter((_, i) => i % 2 === 0);
  const even = before.every((zeros, axis) => zeros === sides[2 * axis + 1]);
  return even ? short(before) : [...sides];
}

/** A value for each axis of a layer. A row is a plane of height 1. */
const axes = (list: Pair | Triple, dimensions: Dimensions) => short(list.slice(-dimensions));

function activations(): Entry[] {
  return [
    ...named<Class, Entry>(
      { ReLU, ReLU6, Sigmoid, SiLU, Tanh, Hardsigmoid, Hardswish, Softsign, Mish, SELU },
      (name, type) => plain(name, type),
    ),
    plain('LeakyReLU', LeakyReLU, {
      args: { negativeSlope: (l) => l.negativeSlope },
      options: { threshold: [0, (l) => l.threshold] },
    }),
    plain('Hardtanh', Hardtanh, { args: { minVal: (l) => l.minVal, maxVal: (l) => l.maxVal } }),
    plain('Softplus', Softplus, {
      options: { beta: [1, (l) => l.beta], threshold: [20, (l) => l.threshold] },
    }),
    plain('GLU', GLU, { args: { dim: (l) => l.dim } }),
    plain('Rescaling', Rescaling, { args: { scale: (l) => l.scale, offset: (l) => l.offset } }),
    plain('ELU', ELU, { args: { alpha: (l) => l.alpha } }),
    plain('GELU', GELU, { options: { approximate: ['none', (l) => l.approximate] } }),
    plain('PReLU', PReLU, {
      args: { numParameters: (l) => l.numParameters },
      size: ([numParameters]) => product(numParameters),
    }),
    ...named({ Softmax, LogSoftmax }, (name, type) =>
      plain(name, type, { args: { dim: (l) => l.dim } }),
    ),
  ];
}

function joins(): Entry[] {
  return [
    ...named<Class, Entry>({ Add, Multiply, Identity }, (name, type) => plain(name, type)),
    plain('Concat', Concat, { args: { axis: (l) => l.axis } }),
    plain('Flatten', Flatten, { args: { startDim: (l) => l.startDim, endDim: (l) => l.endDim } }),
    plain('Unflatten', Unflatten, { args: { dim: (l) => l.dim, sizes: (l) => [...l.sizes] } }),
    plain('Permute', Permute, { args: { dims: (l) => [...l.dims] } }),
    plain('ZeroPad2d', ZeroPad2d, { args: { padding: (l) => short(l.sides) } }),
    plain('ReflectionPad2d', ReflectionPad2d, { args: { padding: (l) => short(l.sides) } }),
    plain('PixelShuffle', PixelShuffle, { args: { upscaleFactor: (l) => l.upscaleFactor } }),
    plain('ConstantPad2d', ConstantPad2d, {
      args: { padding: (l) => short(l.sides), value: (l) => l.value },
    }),
  ];
}

function weights(): Entry[] {
  const bias = [true, (l: { bias: unknown }) => l.bias !== undefined] as const;
  const channels = {
    inChannels: (l: Conv) => l.inChannels,
    outChannels: (l: Conv) => l.outChannels,
  };
  const groups = [1, (l: { groups: number }) => l.groups] as const;
  /** Of a weight [outputs, inputs/groups, …kernel], and a bias for each output. */
  const size = (args: readonly unknown[], { groups = 1 }: Record<string, unknown>) =>
    product(...args) / product(groups) + Math.max(product(args[0]), product(args[1]));
  return [
    plain('Linear', Linear, {
      args: { inFeatures: (l) => l.inFeatures, outFeatures: (l) => l.outFeatures },
      options: { bias },
      size,
    }),
    plain('Conv1d', Conv1d, {
      args: { ...channels, kernelSize: (l) => l.kernelSize },
      options: {
        stride: [1, (l) => l.stride[1]],
        padding: [0, ({ padding: [, , before, after] }) => short([before, after])],
        dilation: [1, (l) => l.dilation[1]],
        groups,
        bias,
      },
      size,
    }),
    plain('Conv2d', Conv2d, {
      args: { ...channels, kernelSize: (l) => short(l.kernelSize) },
      options: {
        stride: [1, (l) => short(l.stride)],
        padding: [0, (l) => shortSides(l.padding)],
        dilation: [1, (l) => short(l.dilation)],
        groups,
        bias,
      },
      size,
    }),
    plain('Conv3d', Conv3d, {
      args: { ...channels, kernelSize: (l) => short(l.kernelSize) },
      options: {
        stride: [1, (l) => short(l.stride)],
        padding: [0, (l) => shortSides(l.padding)],
        dilation: [1, (l) => short(l.dilation)],
        groups,
        bias,
      },
      size,
    }),
    plain('ConvTranspose1d', ConvTranspose1d, {
      args: {
        inChannels: (l) => l.inChannels,
        outChannels: (l) => l.outChannels,
        kernelSize: (l) => l.kernelSize,
      },
      options: {
        stride: [1, (l) => l.stride],
        padding: [0, (l) => short(l.padding)],
        outputPadding: [0, (l) => l.outputPadding],
        dilation: [1, (l) => l.dilation],
        groups,
        bias,
      },
      size,
    }),
    plain('ConvTranspose2d', ConvTranspose2d, {
      args: {
        inChannels: (l) => l.inChannels,
        outChannels: (l) => l.outChannels,
        kernelSize: (l) => short(l.kernelSize),
      },
      options: {
        stride: [1, (l) => short(l.stride)],
        padding: [0, (l) => shortSides(l.padding)],
        outputPadding: [0, (l) => short(l.outputPadding)],
        dilation: [1, (l) => short(l.dilation)],
        groups,
        bias,
      },
      size,
    }),
  ];
}

function norms(): Entry[] {
  const affine = [true, (l: { weight: unknown }) => l.weight !== undefined] as const;
  const instance = named<Class<InstanceNorm>, Entry>(
    { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d },
    (name, type) =>
      plain(name, type, {
        args: { numFeatures: (l) => l.numFeatures },
        options: {
          eps: [1e-5, (l) => l.eps],
          momentum: [0.1, (l) => l.momentum],
          affine: [false, (l) => l.weight !== undefined],
          trackRunningStats: [false, (l) => l.runningMean !== undefined],
        },
        size: ([numFeatures]) => 4 * product(numFeatures),
      }),
  );
  return [
    plain('GroupNorm', GroupNorm, {
      args: { numGroups: (l) => l.numGroups, numChannels: (l) => l.numChannels },
      options: { eps: [1e-5, (l) => l.eps], affine },
      size: ([, numChannels]) => 2 * product(numChannels),
    }),
    plain('LayerNorm', LayerNorm, {
      args: { normalizedShape: (l) => trailing(l.normalizedShape) },
      options: {
        eps: [1e-5, (l) => l.eps],
        elementwiseAffine: affine,
        bias: [true, (l) => l.weight === undefined || l.bias !== undefined],
      },
      size: ([normalizedShape]) => 2 * product(normalizedShape),
    }),
    plain('RMSNorm', RMSNorm, {
      args: { normalizedShape: (l) => trailing(l.normalizedShape) },
      options: { eps: [1.1920928955078125e-7, (l) => l.eps], elementwiseAffine: affine },
      size: ([normalizedShape]) => product(normalizedShape),
    }),
    plain('LocalResponseNorm', LocalResponseNorm, {
      args: { size: (l) => l.size },
      options: {
        alpha: [1e-4, (l) => l.alpha],
        beta: [0.75, (l) => l.beta],
        k: [1, (l) => l.k],
      },
    }),
    plain('Normalization', Normalization, {
      args: { features: (l) => l.numFeatures },
      options: { invert: [false, (l) => l.invert], channelsLast: [false, (l) => l.channelsLast] },
      size: ([features]) => 3 * product(features),
    }),
    ...instance,
  ];
}

const trailing = (shape: readonly number[]) => (shape.length === 1 ? shape[0] : [...shape]);

/** How a pooling's windows are told from it. */
function windows<L extends { geometry: PoolGeometry<Pair | Triple> }>(dimensions: Dimensions) {
  const pair = (of: (geometry: L['geometry']) => Pair | Triple) => (l: L) =>
    axes(of(l.geometry), dimensions);
  const kernel = pair((g) => g.kernel);
  const stride = pair((g) => g.stride);
  const unlike = (l: L) =>
    JSON.stringify(stride(l)) === JSON.stringify(kernel(l)) ? null : stride(l);
  return {
    args: { kernelSize: kernel },
    /** The stride is the kernel's size by default. */
    stride: [null, unlike],
    padding: [0, pair((g) => g.padding)],
    dilation: [1, pair((g) => g.dilation)],
    ceilMode: [false, (l: L) => l.geometry.ceilMode],
  } as const;
}

function poolings(): Entry[] {
  const largest = named({ MaxPool1d, MaxPool2d }, (name, type) => {
    const dimensions = type === MaxPool1d ? 1 : 2;
    const { args, ...options } = windows<MaxPool2d>(dimensions);
    return plain<MaxPool2d>(name, type, { args, options });
  });
  const means = named({ AvgPool1d, AvgPool2d }, (name, type) => {
    const dimensions = type === AvgPool1d ? 1 : 2;
    const { args, dilation: _, ...options } = windows<AvgPool2d>(dimensions);
    const countIncludePad = [true, (l: AvgPool2d) => l.countIncludePad] as const;
    return plain<AvgPool2d>(name, type, { args, options: { ...options, countIncludePad } });
  });
  const { args, dilation, ...options } = windows<MaxPool3d | AvgPool3d>(3);
  return [
    ...largest,
    ...means,
    plain<MaxPool3d>('MaxPool3d', MaxPool3d, { args, options: { ...options, dilation } }),
    plain<AvgPool3d>('AvgPool3d', AvgPool3d, {
      args,
      options: { ...options, countIncludePad: [true, (l) => l.countIncludePad] },
    }),
    plain('AdaptiveAvgPool1d', AdaptiveAvgPool1d, {
      args: { outputSize: (l) => axes(l.outputSize, 1) },
    }),
    plain('AdaptiveAvgPool2d', AdaptiveAvgPool2d, {
      args: { outputSize: (l) => axes(l.outputSize, 2) },
    }),
    plain('AdaptiveMaxPool1d', AdaptiveMaxPool1d, {
      args: { outputSize: (l) => axes(l.outputSize, 1) },
    }),
    plain('AdaptiveMaxPool2d', AdaptiveMaxPool2d, {
      args: { outputSize: (l) => axes(l.outputSize, 2) },
    }),
    plain('GlobalAvgPool', GlobalAvgPool),
    plain('Upsample', Upsample, {
      options: {
        scaleFactor: [null, (l) => l.scaleFactor && trailing(l.scaleFactor)],
        size: [null, (l) => l.size && trailing(l.size)],
        mode: ['nearest', (l) => l.interpolation],
        alignCorners: [false, (l) => l.alignCorners],
      },
    }),
  ];
}

export function leaves(): readonly Entry[] {
  return [...activations(), ...joins(), ...weights(), ...norms(), ...poolings(), ...sequences()];
}
