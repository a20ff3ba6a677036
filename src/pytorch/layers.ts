/** How PyTorch makes each layer. */
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
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Conv1d, Conv2d } from '../layers/conv/conv.ts';
import { Conv3d } from '../layers/conv/conv3d.ts';
import { ConvTranspose1d, ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Dropout, Dropout1d, Dropout2d } from '../layers/dropout.ts';
import { Embedding } from '../layers/embedding.ts';
import { Flatten, Identity, Unflatten } from '../layers/flatten.ts';
import { Linear } from '../layers/linear.ts';
import { GroupNorm } from '../layers/norm/groupnorm.ts';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from '../layers/norm/instancenorm.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import { Reparametrized } from '../layers/norm/reparametrized.ts';
import { RMSNorm } from '../layers/norm/rmsnorm.ts';
import { SpectralNorm } from '../layers/norm/spectralnorm.ts';
import { ConstantPad2d, ZeroPad2d } from '../layers/pad.ts';
import { Permute } from '../layers/permute.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../layers/pool/adaptivemaxpool.ts';
import { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import type { PoolGeometry } from '../layers/pool/geometry.ts';
import { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import { AvgPool3d, MaxPool3d } from '../layers/pool/pool3d.ts';
import { Upsample } from '../layers/pool/upsample.ts';
import type { Module } from '../module/module.ts';
import { batchNorm } from './batchnorm.ts';
import { type Class, type Entry, entry } from './entry.ts';
import type { Needs } from './helpers.ts';
import { call, type Doc, literal, make, type Value } from './python.ts';
import { sequences } from './sequences.ts';

/** One number for all axes, or a tuple. */
function tuple(values: readonly number[]): Value {
  return values.every((value) => value === values[0]) ? values[0]! : values;
}

function activations() {
  const curves = { ReLU, ReLU6, Sigmoid, SiLU, Tanh, Hardsigmoid, Hardswish, Softsign, Mish, SELU };
  const bare = { ...curves, Identity };
  return [
    ...Object.entries(bare).map(([name, type]) => entry<Module>(type, () => call(`nn.${name}`))),
    entry(LeakyReLU, (l, needs) => {
      if (l.threshold === 0) return make('nn.LeakyReLU', [l.negativeSlope]);
      needs.need('ShiftedLeakyReLU');
      return make('ShiftedLeakyReLU', [l.negativeSlope, l.threshold]);
    }),
    entry(Hardtanh, (l) => make('nn.Hardtanh', [l.minVal, l.maxVal])),
    entry(Softplus, (l) =>
      make('nn.Softplus', [], { beta: [1, l.beta], threshold: [20, l.threshold] }),
    ),
    entry(GLU, (l) => make('nn.GLU', [l.dim])),
    entry(Rescaling, (l, needs) => {
      needs.need('Rescaling');
      return make('Rescaling', [l.scale, l.offset]);
    }),
    entry(ELU, (l) => make('nn.ELU', [l.alpha])),
    entry(GELU, (l) => make('nn.GELU', [], { approximate: ['none', l.approximate] })),
    entry(PReLU, (l) => make('nn.PReLU', [l.numParameters])),
    entry(Softmax, (l) => call('nn.Softmax', `dim=${l.dim}`)),
    entry(LogSoftmax, (l) => call('nn.LogSoftmax', `dim=${l.dim}`)),
    entry(Dropout, (l) => make('nn.Dropout', [l.p])),
    entry(Dropout2d, (l) => make('nn.Dropout2d', [l.p])),
    entry(Dropout1d, (l) => make('nn.Dropout1d', [l.p])),
    entry(Flatten, (l) =>
      make('nn.Flatten', [], { start_dim: [1, l.startDim], end_dim: [-1, l.endDim] }),
    ),
    entry(Unflatten, (l) => make('nn.Unflatten', [l.dim, l.sizes])),
    entry(Permute, (l, needs) => {
      needs.need('Permute');
      return make('Permute', [l.dims]);
    }),
    entry(ZeroPad2d, (l) => make('nn.ZeroPad2d', [tuple(l.sides)])),
    entry(ConstantPad2d, (l) => make('nn.ConstantPad2d', [tuple(l.sides), l.value])),
  ];
}

/** The options that both Conv and ConvTranspose have. */
const common = (l: Conv1d | Conv2d | Conv3d | ConvTranspose2d) =>
  ({ groups: [1, l.groups], bias: [true, l.bias !== undefined] }) as const;

function conv1d(l: Conv1d, needs: Needs): Doc {
  const [, , before, after] = l.padding;
  const args = [l.inChannels, l.outChannels, l.kernelSize];
  const options = { stride: [1, l.stride[1]], dilation: [1, l.dilation[1]], ...common(l) } as const;
  if (before === after) return make('nn.Conv1d', args, { padding: [0, before], ...options });
  needs.need('PaddedConv1d');
  return make('PaddedConv1d', args, { pad: [null, [before, after]], ...options });
}

function conv2d(l: Conv2d, needs: Needs): Doc {
  const [top, bottom, left, right] = l.padding;
  const args = [l.inChannels, l.outChannels, tuple(l.kernelSize)];
  const steps = { stride: [1, tuple(l.stride)], dilation: [1, tuple(l.dilation)] } as const;
  const options = { ...steps, ...common(l) };
  if (top === bottom && left === right) {
    return make('nn.Conv2d', args, { padding: [0, tuple([top, left])], ...options });
  }
  needs.need('PaddedConv2d');
  return make('PaddedConv2d', args, { pad: [null, [left, right, top, bottom]], ...options });
}

function conv3d(l: Conv3d, needs: Needs): Doc {
  const [front, back, top, bottom, left, right] = l.padding;
  const args = [l.inChannels, l.outChannels, tuple(l.kernelSize)];
  const steps = { stride: [1, tuple(l.stride)], dilation: [1, tuple(l.dilation)] } as const;
  const options = { ...steps, ...common(l) };
  if (front === back && top === bottom && left === right) {
    return make('nn.Conv3d', args, { padding: [0, tuple([front, top, left])], ...options });
  }
  needs.need('PaddedConv3d');
  const pad = [left, right, top, bottom, front, back];
  return make('PaddedConv3d', args, { pad: [null, pad], ...options });
}

function convTranspose2d(l: ConvTranspose2d, needs: Needs): Doc {
  const [top, bottom, left, right] = l.padding;
  const args = [l.inChannels, l.outChannels, tuple(l.kernelSize)];
  const options = {
    stride: [1, tuple(l.stride)],
    output_padding: [0, tuple(l.outputPadding)],
    dilation: [1, tuple(l.dilation)],
    ...common(l),
  } as const;
  if (top === bottom && left === right) {
    return make('nn.ConvTranspose2d', args, { padding: [0, tuple([top, left])], ...options });
  }
  needs.need('CroppedConvTranspose2d');
  return make('CroppedConvTranspose2d', args, { crop: [null, l.padding], ...options });
}

function convTranspose1d(l: ConvTranspose1d, needs: Needs): Doc {
  const [start, end] = l.padding;
  const args = [l.inChannels, l.outChannels, l.kernelSize];
  const options = {
    stride: [1, l.stride],
    output_padding: [0, l.outputPadding],
    dilation: [1, l.dilation],
    groups: [1, l.groups],
    bias: [true, l.bias !== undefined],
  } as const;
  if (start === end) {
    return make('nn.ConvTranspose1d', args, { padding: [0, start], ...options });
  }
  needs.need('CroppedConvTranspose1d');
  return make('CroppedConvTranspose1d', args, { crop: [null, l.padding], ...options });
}

function weights() {
  return [
    entry(Linear, (l) =>
      make('nn.Linear', [l.inFeatures, l.outFeatures], { bias: [true, l.bias !== undefined] }),
    ),
    entry(Conv1d, conv1d),
    entry(Conv2d, conv2d),
    entry(Conv3d, conv3d),
    entry(ConvTranspose1d, convTranspose1d),
    entry(ConvTranspose2d, convTranspose2d),
    entry(Embedding, (l) =>
      make('nn.Embedding', [l.numEmbeddings, l.embeddingDim], {
        padding_idx: [null, l.paddingIdx ?? null],
      }),
    ),
    entry(Reparametrized, reparametrized),
  ];
}

/** weight_norm and spectral_norm change the module that they are given, and return it. */
function reparametrized(l: Reparametrized, needs: Needs): Doc {
  const inner = layerSource(l.plain, needs);
  if (!inner) throw new RangeError(`${l}`);
  if (!(l instanceof SpectralNorm)) return call('nn.utils.weight_norm', inner);
  const options = [
    ...(l.nPowerIterations === 1 ? [] : [`n_power_iterations=${l.nPowerIterations}`]),
    ...(l.eps === 1e-12 ? [] : [`eps=${literal(l.eps)}`]),
  ];
  return call('nn.utils.spectral_norm', inner, ...options);
}

function norms() {
  const instance = Object.entries({ InstanceNorm1d, InstanceNorm2d, InstanceNorm3d });
  return [
    entry(BatchNorm, batchNorm),
    entry(GroupNorm, (l) =>
      make('nn.GroupNorm', [l.numGroups, l.numChannels], {
        eps: [1e-5, l.eps],
        affine: [true, l.weight !== undefined],
      }),
    ),
    entry(LayerNorm, (l, needs) => {
      const { weight, bias, eps } = l;
      const doc = make('nn.LayerNorm', [last(l.normalizedShape)], {
        eps: [1e-5, eps],
        elementwise_affine: [true, weight !== undefined],
      });
      if (!weight || bias) return doc;
      needs.need('without_bias');
      return call('without_bias', doc);
    }),
    entry(RMSNorm, (l, needs) => {
      needs.need('RMSNorm');
      return make('RMSNorm', [l.normalizedShape], {
        eps: [1.1920928955078125e-7, l.eps],
        elementwise_affine: [true, l.weight !== undefined],
      });
    }),
    entry(LocalResponseNorm, (l) =>
      make('nn.LocalResponseNorm', [l.size], {
        alpha: [1e-4, l.alpha],
        beta: [0.75, l.beta],
        k: [1, l.k],
      }),
    ),
    entry(Normalization, (l, needs) => {
      needs.need('Normalization');
      return make('Normalization', [l.numFeatures], { channels_last: [false, l.channelsLast] });
    }),
    ...instance.map(([name, type]) =>
      entry<InstanceNorm1d>(type as unknown as Class<InstanceNorm1d>, (l) =>
        make(`nn.${name}`, [l.numFeatures], {
          eps: [1e-5, l.eps],
          momentum: [0.1, l.momentum],
          affine: [false, l.weight !== undefined],
          track_running_stats: [false, l.runningMean !== undefined],
        }),
      ),
    ),
  ];
}

const last = (shape: readonly number[]): Value => (shape.length === 1 ? shape[0]! : shape);

function windows(
  { kernel, stride, padding, dilation, ceilMode }: PoolGeometry<readonly number[]>,
  dimensions: 1 | 2 | 3,
) {
  const size = (list: readonly number[]) => tuple(list.slice(-dimensions));
  return {
    kernel: size(kernel),
    options: {
      stride: [size(kernel), size(stride)],
      padding: [0, size(padding)],
      dilation: [1, size(dilation)],
      ceil_mode: [false, ceilMode],
    },
  } as const;
}

function poolings() {
  const largest = Object.entries({ MaxPool1d, MaxPool2d, MaxPool3d }).map(([name, type], i) =>
    entry<MaxPool2d>(type as unknown as Class<MaxPool2d>, (l) => {
      const { kernel, options } = windows(l.geometry, (i + 1) as 1 | 2 | 3);
      return make(`nn.${name}`, [kernel], options);
    }),
  );
  const means = Object.entries({ AvgPool1d, AvgPool2d, AvgPool3d }).map(([name, type], i) =>
    entry<AvgPool2d>(type as unknown as Class<AvgPool2d>, (l) => {
      const { kernel, options } = windows(l.geometry, (i + 1) as 1 | 2 | 3);
      const { dilation: _, ...rest } = options;
      return make(`nn.${name}`, [kernel], {
        ...rest,
        count_include_pad: [true, l.countIncludePad],
      });
    }),
  );
  return [
    ...largest,
    ...means,
    entry(AdaptiveAvgPool1d, (l) => make('nn.AdaptiveAvgPool1d', [l.outputSize[1]])),
    entry(AdaptiveAvgPool2d, (l) => make('nn.AdaptiveAvgPool2d', [tuple(l.outputSize)])),
    entry(AdaptiveMaxPool1d, (l) => make('nn.AdaptiveMaxPool1d', [l.outputSize[1]])),
    entry(AdaptiveMaxPool2d, (l) => make('nn.AdaptiveMaxPool2d', [tuple(l.outputSize)])),
    entry(GlobalAvgPool, (_, needs) => {
      needs.need('GlobalAvgPool');
      return call('GlobalAvgPool');
    }),
    entry(Upsample, (l) =>
      make('nn.Upsample', [], {
        size: [null, l.size && last(l.size)],
        scale_factor: [null, l.scaleFactor && last(l.scaleFactor)],
        mode: ['nearest', l.interpolation],
        align_corners: [false, l.alignCorners],
      }),
    ),
  ];
}

let table: Entry[] | undefined;

/** The constructor of a layer in Python; undefined for a composite or a layer of a user's own. */
export function layerSource(layer: Module, needs: Needs): Doc | undefined {
  table ??= [...activations(), ...weights(), ...norms(), ...poolings(), ...sequences()];
  const own = table.find(([type]) => type === layer.constructor);
  const base = [BatchNorm, Reparametrized].find((type) => layer instanceof type);
  const write = (own ?? table.find(([type]) => type === base))?.[1];
  return write?.(layer as never, needs);
}
