/** Sums, differences, products and quotients: of two tensors, or of a tensor and numbers of the file. */
import { Add } from '../layers/add.ts';
import { Multiply } from '../layers/multiply.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import { add, div, mul, sub } from '../ops/arithmetic.ts';
import { shapeText } from '../tensor/shape.ts';
import { type Computed, isComputed, isConstant } from './graph.ts';
import { withValues } from './importweights.ts';
import { broadcast } from './operands.ts';
import type { NodeReading } from './reading.ts';
import type { Constant } from './tensors.ts';

export function readAdd(node: NodeReading): Computed {
  const known = withConstant(node, (c) => ({ offset: c }));
  if (known) return known;
  const [a, b] = node.inputs.some(isConstant) ? [] : [node.computed(0), node.computed(1)];
  if (a && b && shapeText(a.shape) === shapeText(b.shape))
    return node.layer(() => new Add(), [a, b]);
  return broadcast(node, add);
}

export function readMul(node: NodeReading): Computed {
  const known = withConstant(node, (c) => ({ scale: c }));
  if (known || node.inputs.some(isConstant)) return known ?? broadcast(node, mul);
  const [a, b] = [node.computed(0), node.computed(1)];
  // What is smaller stands second, as `Multiply` takes it.
  const fits = b.shape.length <= a.shape.length;
  return fits && isWithin(b.shape, a.shape)
    ? node.layer(() => new Multiply(), [a, b])
    : broadcast(node, mul);
}

export function readSub(node: NodeReading): Computed {
  const known = isConstant(node.inputs[0])
    ? withConstant(node, (c) => ({ offset: c, scale: c.map(() => -1) }))
    : withConstant(node, (c) => ({ shift: c }));
  return known ?? broadcast(node, sub);
}

export function readDiv(node: NodeReading): Computed {
  if (node.inputs.some((input) => isComputed(input) && input.whole))
    throw node.unsupported(
      'floating-point numbers expected, got whole numbers, whose quotient is whole',
    );
  if (isConstant(node.inputs[0])) return broadcast(node, div);
  return (
    withConstant(node, (c) => ({ scale: c.map((value) => 1 / value) })) ?? broadcast(node, div)
  );
}

/** Whether a shape broadcasts to another without changing it. */
function isWithin(small: readonly number[], large: readonly number[]): boolean {
  const shift = large.length - small.length;
  return small.every((extent, i) => extent === 1 || extent === large[i + shift]);
}

/**
 * Arithmetic with numbers of the file, one for all elements or one for each channel: a `Normalization`, which
 * is not trained. Undefined if both inputs are computed, or if the numbers stand otherwise.
 */
function withConstant(
  node: NodeReading,
  fields: (values: Float32Array) => Partial<Record<'shift' | 'scale' | 'offset', Float32Array>>,
): Computed | undefined {
  // Before opset 7 an attribute allowed what always is since then; with `axis` it is something else.
  node.ignore('broadcast');
  const at = node.inputs.findIndex(isConstant);
  if (at < 0) return undefined;
  const x = node.computed(1 - at);
  const constant = node.inputs[at] as Constant;
  const { shape } = x;
  const { values } = constant;
  const rank = shape.length;
  const places = [
    ...Array<number>(Math.max(0, rank - constant.shape.length)).fill(1),
    ...constant.shape,
  ];
  const long = places.flatMap((extent, axis) => (extent > 1 ? [axis] : []));
  const axis = long[0] ?? (rank > 1 ? 1 : 0);
  const last = axis === rank - 1;
  const fits = places.length === rank && rank > 1 && (axis === 1 || last) && long.length < 2;
  const c = shape[axis]!;
  const own = fits && (values.length === 1 ? c <= 65536 : values.length === c);
  if (!own) return undefined;
  const list =
    values.length === 1 ? new Float32Array(c).fill(values[0]!) : Float32Array.from(values);
  const channelsLast = axis !== 1;
  return node.layer(() => withValues(new Normalization(c, { channelsLast }), fields(list)), [x]);
}
