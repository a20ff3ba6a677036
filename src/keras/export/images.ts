/** Which layers of Keras ours become: convolutions, pooling and upsampling, with channels at the end. */
import { Conv1d, Conv2d } from '../../layers/conv/conv.ts';
import { ConvTranspose2d } from '../../layers/conv/convtranspose.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../../layers/pool/adaptiveavgpool.ts';
import { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../../layers/pool/adaptivemaxpool.ts';
import { AvgPool1d, AvgPool2d } from '../../layers/pool/avgpool.ts';
import type { PoolGeometry } from '../../layers/pool/geometry.ts';
import { GlobalAvgPool } from '../../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../../layers/pool/maxpool.ts';
import { Upsample } from '../../layers/pool/upsample.ts';
import { transposed } from '../axes.ts';
import { LAYERS, shapeOf, valuesOf } from './layers.ts';
import { type Out, refuse, type StepOf, type WeightOf } from './writer.ts';

/** The zeros that TensorFlow's 'same' puts before and after an axis. */
function same(length: number, reach: number, stride: number): [before: number, after: number] {
  const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}

/** Conv1D, Conv2D and DepthwiseConv2D. Padding that is neither 'valid' nor 'same' is a layer before. */
function writeConv(step: StepOf<Conv1d | Conv2d>): Out {
  const { writer, layer, name, x: given } = step;
  const axes = layer instanceof Conv1d ? 1 : 2;
  const { inChannels, outChannels, groups, weight, bias } = layer;
  let x = writer.ordered(name, given, 'moved');
  const last = <T>(list: readonly T[]): T[] => list.slice(2 - axes);
  const kernel = axes === 1 ? [layer.kernelSize as number] : [...(layer as Conv2d).kernelSize];
  const [stride, dilation] = [last(layer.stride), last(layer.dilation)];
  const sides = layer.padding.slice(4 - 2 * axes);
  const wanted = kernel.flatMap((k, i) =>
    same(x.shape[i]!, dilation[i]! * (k - 1) + 1, stride[i]!),
  );
  const isValid = sides.every((side) => side === 0);
  const isSame = sides.every((side, i) => side === wanted[i]);
  if (!isValid && !isSame) {
    if (axes === 1) throw refuse(step, `the padding ${sides}, which is not 'same'`);
    const padding = [sides.slice(0, 2), sides.slice(2)];
    const ref = writer.layer(`${name}_pad`, 'ZeroPadding2D', { padding }, [x]);
    x = { ...x, ref };
  }
  const depthwise = axes === 2 && groups === inChannels && groups > 1;
  if (groups > 1 && !depthwise)
    throw refuse(step, `groups ${groups}: TensorFlow.js has 1, or one for each channel`);
  const shape = [outChannels, inChannels / groups, ...kernel];
  const values = valuesOf(weight);
  const multiplier = outChannels / inChannels;
  const weights: WeightOf[] = depthwise
    ? [
        [
          'depthwise_kernel',
          [...kernel, inChannels, multiplier],
          transposed(values, [inChannels, multiplier, ...kernel], [2, 3, 0, 1]),
        ],
      ]
    : [
        [
          'kernel',
          [...kernel, inChannels, outChannels],
          transposed(values, shape, [...kernel.map((_, i) => i + 2), 1, 0]),
        ],
      ];
  if (bias) weights.push(['bias', [outChannels], valuesOf(bias)]);
  const config = {
    ...(depthwise ? { depth_multiplier: multiplier } : { filters: outChannels }),
    kernel_size: kernel,
    strides: stride,
    padding: isSame && !isValid ? 'same' : 'valid',
    data_format: 'channels_last',
    dilation_rate: dilation,
    activation: 'linear',
    use_bias: bias !== undefined,
  };
  const className = depthwise ? 'DepthwiseConv2D' : `Conv${axes}D`;
  return moved(step, writer.layer(name, className, config, [x], weights));
}

function moved(step: StepOf<object>, ref: Out['ref'], positive = false): Out {
  return { ref, shape: shapeOf(step, 'moved'), order: 'moved', positive };
}

/** Conv2DTranspose without padding, and then what ours cuts off. */
function writeConvTranspose(step: StepOf<ConvTranspose2d>): Out {
  const { writer, layer, name, x: given } = step;
  const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, weight, bias } =
    layer;
  if (groups > 1) throw refuse(step, `groups ${groups}`);
  if (Math.max(...dilation) > 1) throw refuse(step, `dilation ${dilation}`);
  const x = writer.ordered(name, given, 'moved');
  const kernel = transposed(
    valuesOf(weight),
    [inChannels, outChannels, ...kernelSize],
    [2, 3, 1, 0],
  );
  const weights: WeightOf[] = [['kernel', [...kernelSize, outChannels, inChannels], kernel]];
  if (bias) weights.push(['bias', [outChannels], valuesOf(bias)]);
  const config = {
    filters: outChannels,
    kernel_size: kernelSize,
    strides: stride,
    padding: 'valid',
    data_format: 'channels_last',
    activation: 'linear',
    use_bias: bias !== undefined,
  };
  const whole = writer.layer(name, 'Conv2DTranspose', config, [x], weights);
  const size = shapeOf(step, 'moved');
  const cropping = [0, 1].map((axis) => {
    const full = x.shape[axis]! * stride[axis]! + Math.max(0, kernelSize[axis]! - stride[axis]!);
    const before = padding[2 * axis]!;
    return [before, full - before - size[axis]!];
  });
  const result = moved(step, whole);
  if (cropping.flat().every((side) => side === 0)) return result;
  if (cropping.flat().some((side) => side < 0))
    throw refuse(step, `outputPadding ${layer.outputPadding}`);
  return { ...result, ref: writer.layer(`${name}_crop`, 'Cropping2D', { cropping }, [result]) };
}

type Pool = MaxPool1d | MaxPool2d | AvgPool1d | AvgPool2d;

/**
 * Pooling with 'valid' or 'same'. Other padding is a layer of zeros before it, where zeros are as good: if an
 * average counts them, or if the maximum is of numbers that are not below 0.
 */
function writePool(step: StepOf<Pool>): Out {
  const { writer, layer, name, x: given, step: traced } = step;
  const { geometry, dimensions: axes } = layer as unknown as {
    geometry: PoolGeometry;
    dimensions: 1 | 2;
  };
  const max = layer instanceof MaxPool1d || layer instanceof MaxPool2d;
  const counts = (layer as unknown as { countIncludePad?: boolean }).countIncludePad === true;
  const last = (list: readonly number[]): number[] => list.slice(2 - axes);
  const [kernel, stride, before] = [
    last(geometry.kernel),
    last(geometry.stride),
    last(geometry.padding),
  ];
  if (Math.max(...geometry.dilation) > 1) throw refuse(step, `dilation ${geometry.dilation}`);
  let x = writer.ordered(name, given, 'moved');
  const out = traced.shape.slice(2);
  // What the windows need beyond the end.
  const after = out.map((n, i) => (n - 1) * stride[i]! + kernel[i]! - x.shape[i]! - before[i]!);
  const needs = after.map((side) => Math.max(0, side));
  const isValid = before.every((side, i) => side === 0 && needs[i] === 0);
  const isSame =
    before.every((side, i) => {
      const [first, second] = same(x.shape[i]!, kernel[i]!, stride[i]!);
      return (
        first === side && second === needs[i] && out[i] === Math.ceil(x.shape[i]! / stride[i]!)
      );
    }) && !(counts && before.some((side) => side > 0));
  if (!isValid && !isSame) {
    const within = needs.every((side, i) => side <= before[i]!);
    const zeros = max ? x.positive === true : counts && within;
    if (axes === 1 || !zeros) {
      throw refuse(
        step,
        `the padding ${before}, which is not 'same'${max ? ', before a ReLU' : ''}`,
      );
    }
    const padding = before.map((side, i) => [side, needs[i]!]);
    const shape = x.shape.map((length, i) => (i < 2 ? length + before[i]! + needs[i]! : length));
    x = { ...x, shape, ref: writer.layer(`${name}_pad`, 'ZeroPadding2D', { padding }, [x]) };
  }
  const config = {
    pool_size: kernel,
    strides: stride,
    padding: isSame && !isValid ? 'same' : 'valid',
    data_format: 'channels_last',
  };
  const className = `${max ? 'Max' : 'Average'}Pooling${axes}D`;
  return moved(step, writer.layer(name, className, config, [x]), x.positive === true);
}

function writeGlobalPool(step: StepOf<GlobalAvgPool>): Out {
  const { writer, name, x: given } = step;
  const x = writer.ordered(name, given, 'moved');
  const axes = x.shape.length - 1;
  if (axes > 2) throw refuse(step, 'volumes');
  const ref = writer.layer(name, `GlobalAveragePooling${axes}D`, {}, [x]);
  return { ref, shape: [x.shape.at(-1)!], order: 'same', positive: x.positive === true };
}

/** Bins: the whole plane, or windows of one size side by side. */
function writeAdaptive(step: StepOf<AdaptiveAvgPool2d>): Out {
  const { writer, layer, name, x: given, step: traced } = step;
  const x = writer.ordered(name, given, 'moved');
  const out = traced.shape.slice(2);
  const size = x.shape.slice(0, -1);
  const average =
    (layer as object) instanceof AdaptiveAvgPool1d || layer instanceof AdaptiveAvgPool2d;
  const windows = out.map((n, i) => size[i]! / n);
  if (!windows.every(Number.isInteger))
    throw refuse(step, `bins of several sizes, ${size} into ${out}`);
  const className = `${average ? 'Average' : 'Max'}Pooling${out.length}D`;
  const config = {
    pool_size: windows,
    strides: windows,
    padding: 'valid',
    data_format: 'channels_last',
  };
  return moved(step, writer.layer(name, className, config, [x]), x.positive === true);
}

function writeUpsample(step: StepOf<Upsample>): Out {
  const { writer, layer, name, x: given } = step;
  const { interpolation } = layer as unknown as { interpolation: string };
  if (interpolation !== 'nearest') {
    throw refuse(
      step,
      `mode '${interpolation}', where Keras and TensorFlow.js count positions differently`,
    );
  }
  const x = writer.ordered(name, given, 'moved');
  const shape = shapeOf(step, 'moved');
  const size = shape.slice(0, -1).map((length, i) => length / x.shape[i]!);
  if (size.length !== 2 || !size.every(Number.isInteger)) throw refuse(step, `the factors ${size}`);
  const config = { size, data_format: 'channels_last', interpolation: 'nearest' };
  return moved(step, writer.layer(name, 'UpSampling2D', config, [x]), x.positive === true);
}

export const WRITERS = new Map([
  ...LAYERS,
  [Conv1d, writeConv],
  [Conv2d, writeConv],
  [ConvTranspose2d, writeConvTranspose],
  [MaxPool1d, writePool],
  [MaxPool2d, writePool],
  [AvgPool1d, writePool],
  [AvgPool2d, writePool],
  [GlobalAvgPool, writeGlobalPool],
  [AdaptiveAvgPool1d, writeAdaptive],
  [AdaptiveAvgPool2d, writeAdaptive],
  [AdaptiveMaxPool1d, writeAdaptive],
  [AdaptiveMaxPool2d, writeAdaptive],
  [Upsample, writeUpsample],
] as unknown as typeof LAYERS);
