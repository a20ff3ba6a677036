/** What layers that slide over one or two axes share: where the channels are, and 'same' padding. */
import type { Call, Dim, Value } from '../builder.ts';

/** The input of a layer of images or signals, as ours takes it: [N, C, …]. */
export interface Images {
  readonly value: Value;
  /** Lengths of the axes that the layer slides over. */
  readonly size: readonly Dim[];
  readonly channels: number;
  /** The layer's output. */
  readonly output: (name: string, size: readonly Dim[], channels?: number) => Value;
}

export function imagesOf(call: Call, axes: 1 | 2): Images {
  const first =
    call.fields.choice('data_format', ['channels_last', 'channels_first']) === 'channels_first';
  const value = call.ordered(first ? 'keras' : 'moved', axes + 1);
  const channels = call.known(first ? value.shape[0] : value.shape.at(-1), 'number of channels');
  return {
    value,
    size: first ? value.shape.slice(1) : value.shape.slice(0, -1),
    channels,
    output: (name, size, c = channels) => ({
      name,
      shape: first ? [c, ...size] : [...size, c],
      order: value.order,
    }),
  };
}

/** The layers that slide over an input of so many axes. */
export function axesOf(className: string): 1 | 2 {
  return className.includes('1D') ? 1 : 2;
}

/** How a kernel moves along an axis. */
export interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/** Zeros before and after an axis, and the length of the output. */
export interface Padding {
  readonly before: number;
  readonly after: number;
  readonly out: Dim;
}

/**
 * TensorFlow's padding: 'valid' has none; with 'same' there are ⌈length/stride⌉ outputs, and the zeros that
 * the last of them needs are before and after the input, the odd one after it. So with a stride they depend on
 * the length.
 *
 *   total = max(0, (⌈length/stride⌉ − 1)·stride + dilation·(kernel − 1) + 1 − length)
 */
export function paddingOf(
  call: Call,
  padding: 'valid' | 'same' | 'causal',
  length: Dim,
  { kernel, stride, dilation }: Axis,
): Padding {
  const reach = dilation * (kernel - 1) + 1;
  if (padding === 'same' && stride > 1) {
    const known = call.known(length, "size, because padding 'same' with a stride depends on it");
    const out = Math.ceil(known / stride);
    const total = Math.max(0, (out - 1) * stride + reach - known);
    const before = Math.floor(total / 2);
    return { before, after: total - before, out };
  }
  const total = padding === 'valid' ? 0 : reach - 1;
  const before = padding === 'causal' ? total : Math.floor(total / 2);
  const out = length === null ? null : Math.floor((length + total - reach) / stride) + 1;
  return { before, after: total - before, out };
}
