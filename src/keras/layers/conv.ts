/** Convolutions. Keras has kernels as [height, width, in, out]; ours are [out, in, height, width]. */
import { transposed } from '../axes.ts';
import type { Call, Value } from '../builder.ts';
import { fault } from '../fields.ts';
import { activated } from './activation.ts';
import { axesOf, type Images, imagesOf, paddingOf } from './images.ts';

/** The options of a convolution over the axes of its input. */
interface Geometry {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

function geometryOf({ fields }: Call, axes: number): Geometry {
  return {
    kernel: fields.sizes('kernel_size', axes),
    stride: fields.sizes('strides', axes, 1),
    dilation: fields.sizes('dilation_rate', axes, 1),
  };
}

/** The options of ours, and the output's size. */
function placed(call: Call, { size }: Images, geometry: Geometry) {
  const { kernel, stride, dilation } = geometry;
  const words =
    size.length === 1 ? (['valid', 'same', 'causal'] as const) : (['valid', 'same'] as const);
  const padding = call.fields.choice('padding', words);
  const sides = size.map((length, i) =>
    paddingOf(call, padding, length, {
      kernel: kernel[i]!,
      stride: stride[i]!,
      dilation: dilation[i]!,
    }),
  );
  const options = {
    stride: oneOrPair(stride),
    dilation: oneOrPair(dilation),
    padding: sides.flatMap(({ before, after }) => [before, after]),
    init: 'zeros',
  };
  return { options, out: sides.map(({ out }) => out) };
}

function oneOrPair(list: readonly number[]): number | readonly number[] {
  return list.length === 1 ? list[0]! : list;
}

function biasOf(
  call: Call,
  channels: number,
): { bias?: readonly [readonly number[], Float32Array] } {
  if (!call.fields.boolean('use_bias', true)) return {};
  return { bias: [[channels], call.weight('bias', [channels])] };
}

/** Conv1D and Conv2D. */
export function readConv(call: Call): Value {
  const axes = axesOf(call.node.layer.className);
  const images = imagesOf(call, axes);
  const { channels, value } = images;
  const { fields } = call;
  const groups = fields.size('groups', 1);
  const filters = fields.size('filters');
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw fields.fault(
      'groups',
      `a divisor of ${channels} channels and ${filters} filters`,
      groups,
    );
  }
  const geometry = geometryOf(call, axes);
  const { kernel } = geometry;
  const shape = [...kernel, channels / groups, filters];
  const weight = call.weight('kernel', shape);
  const state = {
    weight: [
      [filters, channels / groups, ...kernel],
      transposed(weight, shape, [axes + 1, axes, ...kernel.map((_, i) => i)]),
    ] as const,
    ...biasOf(call, filters),
  };
  const { options, out } = placed(call, images, geometry);
  const args = [
    channels,
    filters,
    oneOrPair(kernel),
    { ...options, groups, bias: 'bias' in state },
  ];
  const name = call.step('', axes === 1 ? 'Conv1d' : 'Conv2d', args, [value], { state });
  return activated(call, images.output(name, out, filters));
}

/** A convolution of each channel by itself: [height, width, in, multiplier] → [in·multiplier, 1, height, width]. */
function depthwise(
  call: Call,
  images: Images,
  multiplier: number,
  part: string,
  bias: boolean,
): Value {
  const { channels, value } = images;
  const geometry = geometryOf(call, 2);
  const { kernel } = geometry;
  const filters = channels * multiplier;
  const shape = [...kernel, channels, multiplier];
  const weight = call.weight('depthwise_kernel', shape);
  const state = {
    weight: [[filters, 1, ...kernel], transposed(weight, shape, [2, 3, 0, 1])] as const,
    ...(bias ? biasOf(call, filters) : {}),
  };
  const { options, out } = placed(call, images, geometry);
  const args = [channels, filters, kernel, { ...options, groups: channels, bias: 'bias' in state }];
  return images.output(call.step(part, 'Conv2d', args, [value], { state }), out, filters);
}

export function readDepthwiseConv(call: Call): Value {
  const multiplier = call.fields.size('depth_multiplier', 1);
  return activated(call, depthwise(call, imagesOf(call, 2), multiplier, '', true));
}

/** A depthwise convolution without bias, and then one of kernel 1. */
export function readSeparableConv(call: Call): Value {
  const images = imagesOf(call, 2);
  // TensorFlow.js does not write the multiplier of this layer, but its kernel has it.
  const usual = call.weightShape('depthwise_kernel')?.[3];
  const multiplier = call.fields.size('depth_multiplier', usual);
  const middle = depthwise(call, images, multiplier, 'depthwise', false);
  const channels = images.channels * multiplier;
  const filters = call.fields.size('filters');
  const shape = [1, 1, channels, filters];
  const weight = transposed(call.weight('pointwise_kernel', shape), shape, [3, 2, 0, 1]);
  const state = { weight: [[filters, channels, 1, 1], weight] as const, ...biasOf(call, filters) };
  const args = [channels, filters, [1, 1], { bias: 'bias' in state, init: 'zeros' }];
  const name = call.step('pointwise', 'Conv2d', args, [middle], { state });
  const first = images.value.order === 'keras';
  const size = first ? middle.shape.slice(1) : middle.shape.slice(0, -1);
  return activated(call, images.output(name, size, filters));
}

/**
 * Conv2DTranspose: kernels are [height, width, out, in]. It is the gradient of a convolution of the same
 * padding, whose input has stride·length positions for 'same', and for 'valid' as many as the kernel reaches.
 */
export function readConvTranspose(call: Call): Value {
  const images = imagesOf(call, 2);
  const { channels, value, size } = images;
  const { fields } = call;
  const { kernel, stride, dilation } = geometryOf(call, 2);
  if (Math.max(...dilation) > 1) throw fields.fault('dilation_rate', '1', dilation[0]);
  if (fields.has('output_padding')) {
    throw fault(`${call.place}: output_padding`, 'none', fields.get('output_padding'));
  }
  const filters = fields.size('filters');
  const shape = [...kernel, filters, channels];
  const weight = transposed(call.weight('kernel', shape), shape, [3, 2, 0, 1]);
  const state = {
    weight: [[channels, filters, ...kernel], weight] as const,
    ...biasOf(call, filters),
  };
  const same = fields.choice('padding', ['valid', 'same']) === 'same';
  const over = kernel.map((k, i) => Math.max(0, k - stride[i]!));
  const padding = over.flatMap((total) => {
    const before = same ? Math.floor(total / 2) : 0;
    return [before, same ? total - before : 0];
  });
  const outputPadding = kernel.map((k, i) => Math.max(0, stride[i]! - k));
  const options = { stride, padding, outputPadding, bias: 'bias' in state, init: 'zeros' };
  const out = size.map((length, i) =>
    length === null ? null : length * stride[i]! + (same ? 0 : over[i]!),
  );
  const args = [channels, filters, kernel, options];
  const name = call.step('', 'ConvTranspose2d', args, [value], { state });
  return activated(call, images.output(name, out, filters));
}
