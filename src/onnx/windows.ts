/** The windows of convolutions and poolings. */
import type { NodeReading } from './reading.ts';

export interface Windows {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Positions that are added before and after each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The attributes of a node with a kernel, for an input of these extents. */
export function windowsOf(
  node: NodeReading,
  kernel: readonly number[],
  size: readonly number[],
): Windows {
  const given = node.ints('kernel_shape');
  const ones = kernel.map(() => 1);
  const strides = node.ints('strides') ?? ones;
  const dilations = node.ints('dilations') ?? ones;
  const pads = node.ints('pads') ?? [...ones, ...ones].fill(0);
  const auto = node.text('auto_pad', 'NOTSET');
  const n = kernel.length;
  const fit = [given ?? kernel, strides, dilations].every((list) => list.length === n);
  if (!fit || size.length !== n || pads.length !== 2 * n)
    throw node.unsupported(`kernel, strides, pads and dilations expected for ${size.length} axes`);
  if (given?.some((extent, i) => extent !== kernel[i]))
    throw node.unsupported('kernel_shape expected as the weight has it');
  if (!auto.startsWith('SAME'))
    return { strides, dilations, before: pads.slice(0, n), after: pads.slice(n) };
  const totals = kernel.map((extent, i) => {
    const reach = (extent - 1) * dilations[i]! + 1;
    const count = Math.ceil(size[i]! / strides[i]!);
    return Math.max(0, (count - 1) * strides[i]! + reach - size[i]!);
  });
  const round = auto === 'SAME_UPPER' ? Math.floor : Math.ceil;
  const before = totals.map((total) => round(total / 2));
  return { strides, dilations, before, after: totals.map((total, i) => total - before[i]!) };
}
