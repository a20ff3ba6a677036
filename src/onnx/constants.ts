/** Nodes whose inputs are known: weights that are transposed, shapes that are put together. */
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { type Computed, isComputed, isConstant, type Value } from './graph.ts';
import type { NodeReading } from './reading.ts';
import type { Constant } from './tensors.ts';

type Fold = (node: NodeReading, inputs: readonly Constant[]) => Constant | undefined;

const integers = (values: readonly number[], shape: Shape = [values.length]): Constant => ({
  shape,
  values: Float64Array.from(values),
});
const like = ({ values }: Constant, list: ArrayLike<number>, shape: Shape): Constant => ({
  shape,
  values: values instanceof Float32Array ? Float32Array.from(list) : Float64Array.from(list),
});

/** Element by element, for equal shapes or one number beside them. */
const arithmetic =
  (compute: (a: number, b: number) => number): Fold =>
  (_, [a, b]) => {
    if (!a || !b) return undefined;
    const [long, size] =
      a.values.length >= b.values.length ? [a, b.values.length] : [b, a.values.length];
    const same = a.shape.join() === b.shape.join();
    if (!same && size !== 1) return undefined;
    const at = (c: Constant, i: number) => c.values[c.values.length === 1 ? 0 : i]!;
    const list = long.values.map((_, i) => compute(at(a, i), at(b, i)));
    return like(long, list, long.shape);
  };

const unary =
  (compute: (a: number) => number): Fold =>
  (_, [a]) =>
    a && like(a, a.values.map(compute), a.shape);

/** Elements that one number may become: a few bytes must not become a tensor of any size. */
const MOST = 4096;

const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: (_, [a]) => a,
  Cast: (node, [a]) => {
    const to = node.int('to', 1);
    node.ignore('saturate');
    const float = to === 1 || to === 10 || to === 11 || to === 16;
    if (!a) return undefined;
    if (float) return { shape: a.shape, values: Float32Array.from(a.values) };
    return { shape: a.shape, values: Float64Array.from(a.values, Math.trunc) };
  },
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: (node, inputs) => {
    const whole = inputs.every(({ values }) => values instanceof Float64Array);
    return arithmetic((a, b) => (whole ? Math.trunc(a / b) : a / b))(node, inputs);
  },
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Neg: unary((a) => -a),
  Sqrt: unary(Math.sqrt),
  Concat: (node, inputs) => {
    const [first] = inputs;
    // Each tensor once: a few names must not become a tensor of any size.
    if (!first || first.shape.length === 0 || new Set(inputs).size < inputs.length)
      return first?.shape.length === 1 ? joined(inputs, 0) : undefined;
    const axis = node.axis(node.int('axis', 0), first.shape.length);
    const rest = (shape: Shape) => shape.filter((_, i) => i !== axis).join();
    const fit = inputs.every(({ shape }) => rest(shape) === rest(first.shape));
    return fit ? joined(inputs, axis) : undefined;
  },
  Expand: (_, [a, target]) => a && target && expanded(a, [...target.values]),
  Gather: (node, [a, index]) => {
    if (!a || !index || node.int('axis', 0) !== 0 || a.shape.length !== 1) return undefined;
    const length = a.values.length;
    const picked = Array.from(index.values, (i) => a.values[i < 0 ? i + length : i] ?? NaN);
    return like(a, picked, index.shape);
  },
  Slice: (node, [a]) => {
    const list = (name: string, i: number) => (node.has(name) ? node.ints(name) : node.integers(i));
    const [starts, ends] = [list('starts', 1), list('ends', 2)];
    if (!a || !starts || !ends) return undefined;
    const axes = list('axes', 3) ?? starts.map((_, i) => i);
    const steps = list('steps', 4) ?? starts.map(() => 1);
    return starts.reduce<Constant>((part, from, i) => {
      const axis = node.axis(axes[i] ?? i, part.shape.length);
      return sliced(part, axis, from, ends[i] ?? 0, steps[i] || 1);
    }, a);
  },
  Reshape: (node, [a]) => {
    const target = node.integers(1);
    node.ignore('allowzero');
    return a && target && { shape: filled(node, a.shape, target), values: a.values };
  },
  Unsqueeze: (node, [a]) => {
    const axes = axesOf(node);
    return a && axes && { shape: unsqueezed(node, a.shape, axes), values: a.values };
  },
  Squeeze: (node, [a]) => a && { shape: squeezed(node, a.shape, axesOf(node)), values: a.values },
  Transpose: (node, [a]) => {
    if (!a) return undefined;
    const perm = node.ints('perm') ?? a.shape.map((_, i) => a.shape.length - 1 - i);
    return transposed(node, a, perm);
  },
  ConstantOfShape: (node, [a]) => {
    const value = node.tensor('value');
    const shape = a && [...a.values];
    if (!shape || shape.some((extent) => !(extent >= 0)) || !(sizeOf(shape) <= MOST))
      return undefined;
    const list = Array<number>(sizeOf(shape)).fill(value?.values[0] ?? 0);
    return value ? like(value, list, shape) : { shape, values: Float32Array.from(list) };
  },
};

/** A tensor repeated along axes of length 1; undefined if it would be large, or does not fit. */
function expanded(a: Constant, target: readonly number[]): Constant | undefined {
  const rank = Math.max(a.shape.length, target.length);
  const full = (shape: Shape) => [...Array<number>(rank - shape.length).fill(1), ...shape];
  const [from, to] = [full(a.shape), full(target)];
  const shape = from.map((extent, i) => (extent === 1 ? to[i]! : extent));
  const fit = from.every((extent, i) => extent === 1 || to[i] === 1 || to[i] === extent);
  if (!fit || !(sizeOf(shape) <= MOST) || shape.some((extent) => !(extent >= 1))) return undefined;
  const list = Array.from({ length: sizeOf(shape) }, (_, i) => {
    let [rest, at, step] = [i, 0, 1];
    for (let axis = rank - 1; axis >= 0; axis--) {
      if (from[axis] !== 1) at += (rest % shape[axis]!) * step;
      step *= from[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return a.values[at]!;
  });
  return like(a, list, shape);
}

/** Tensors one after another along an axis. */
function joined(inputs: readonly Constant[], axis: number): Constant {
  const [first] = inputs as readonly [Constant, ...Constant[]];
  const inner = sizeOf(first.shape.slice(axis + 1));
  const outer = sizeOf(first.shape.slice(0, axis));
  const length = inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const list = new Float64Array(outer * length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { shape, values } of inputs) {
      const size = shape[axis]! * inner;
      list.set(values.subarray(o * size, (o + 1) * size), at);
      at += size;
    }
  }
  return like(
    first,
    list,
    first.shape.map((extent, i) => (i === axis ? length : extent)),
  );
}

/** The positions from, from + step … before `to` along an axis. Negative ones count from the last. */
function sliced(a: Constant, axis: number, from: number, to: number, step: number): Constant {
  const length = a.shape[axis]!;
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + length : at, low), high);
  const places: number[] = [];
  for (let at = clamp(from), end = clamp(to); step > 0 ? at < end : at > end; at += step)
    places.push(at);
  const inner = sizeOf(a.shape.slice(axis + 1));
  const outer = sizeOf(a.shape.slice(0, axis));
  const values = a.values.slice(0, outer * places.length * inner);
  let n = 0;
  for (let o = 0; o < outer; o++) {
    for (const place of places) {
      const start = (o * length + place) * inner;
      for (let i = 0; i < inner; i++) values[n++] = a.values[start + i]!;
    }
  }
  return { shape: a.shape.map((extent, i) => (i === axis ? places.length : extent)), values };
}

/** The value of a node that is known when the file is read; undefined if it is not. */
export function foldNode(node: NodeReading): Constant | undefined {
  const { op, inputs } = node;
  if (op === 'Constant') return constantNode(node);
  if (op === 'Shape' && isComputed(inputs[0])) return shapeNode(node, inputs[0]);
  if (op === 'Shape' && isConstant(inputs[0])) return integers(inputs[0].shape);
  const given = inputs.filter((input): input is Value => input !== undefined);
  if (given.length === 0 || !given.every(isConstant)) return undefined;
  return Object.hasOwn(FOLDS, op) ? FOLDS[op]!(node, given) : undefined;
}

function constantNode(node: NodeReading): Constant | undefined {
  const value = node.tensor('value');
  if (value) return value;
  if (node.has('value_float'))
    return { shape: [], values: Float32Array.of(node.float('value_float', 0)) };
  if (node.has('value_int')) return integers([node.int('value_int', 0)], []);
  const [ints, floats] = [node.ints('value_ints'), node.floats('value_floats')];
  if (ints) return integers(ints);
  return floats && { shape: [floats.length], values: Float32Array.from(floats) };
}

function shapeNode(node: NodeReading, { shape }: Computed): Constant {
  return integers(shape.slice(node.int('start', 0), node.int('end', shape.length)));
}

/** The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since. */
export function axesOf(node: NodeReading): number[] | undefined {
  return node.has('axes') ? node.ints('axes') : node.integers(1);
}

/** A shape from the target of a Reshape: 0 keeps an extent, -1 follows from the others. */
export function filled(node: NodeReading, shape: Shape, target: readonly number[]): number[] {
  const zero = node.int('allowzero', 0) === 1;
  const kept = target.map((extent, i) => (extent === 0 && !zero ? (shape[i] ?? 0) : extent));
  const known = kept.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  const result = kept.map((extent) => (extent === -1 ? sizeOf(shape) / known : extent));
  const good = result.every((extent) => Number.isInteger(extent) && extent >= 0);
  if (good && sizeOf(result) === sizeOf(shape)) return result;
  throw node.unsupported('shape expected with as many elements as the input');
}

export function unsqueezed(node: NodeReading, shape: Shape, axes: readonly number[]): number[] {
  const rank = shape.length + axes.length;
  const places = new Set(axes.map((axis) => node.axis(axis, rank)));
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (places.has(i) ? 1 : shape[next++]!));
}

export function squeezed(
  node: NodeReading,
  shape: Shape,
  axes: readonly number[] | undefined,
): Shape {
  const places = axes?.map((axis) => node.axis(axis, shape.length));
  if (places?.some((axis) => shape[axis] !== 1))
    throw node.unsupported('axes expected of length 1');
  return shape.filter((extent, i) => (places ? !places.includes(i) : extent !== 1));
}

/** A tensor with its axes in another order. */
export function transposed(
  node: NodeReading,
  { shape, values }: Constant,
  perm: readonly number[],
): Constant {
  const axes = perm.map((axis) => node.axis(axis, shape.length));
  if (new Set(axes).size !== shape.length)
    throw node.unsupported('perm expected to have each axis once');
  const steps = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const out = axes.map((axis) => shape[axis]!);
  const result = values.slice();
  for (let i = 0; i < result.length; i++) {
    let rest = i;
    let from = 0;
    for (let axis = out.length - 1; axis >= 0; axis--) {
      from += (rest % out[axis]!) * steps[axes[axis]!]!;
      rest = Math.floor(rest / out[axis]!);
    }
    result[i] = values[from]!;
  }
  return { shape: out, values: result };
}
