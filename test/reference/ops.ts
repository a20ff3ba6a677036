/** Operations on tensors in float64: one position at a time, each operand looked up by its index. */

export type Shape = readonly number[];

export interface Array64 {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

export const sizeOf = (shape: Shape): number => shape.reduce((size, length) => size * length, 1);

/** The position of element `at` along each axis. */
export function positionOf(shape: Shape, at: number): number[] {
  const position: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position.unshift(at % shape[axis]!);
    at = Math.floor(at / shape[axis]!);
  }
  return position;
}

/** Where the element at a position stands; NumPy's broadcasting, where the shape has fewer axes or lengths of 1. */
export function indexOf(shape: Shape, position: readonly number[]): number {
  const own = position.slice(position.length - shape.length);
  return shape.reduce((at, length, axis) => at * length + (length === 1 ? 0 : own[axis]!), 0);
}

export function broadcastShape(...shapes: Shape[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)),
  );
}

/** y = f(operands…), element by element. */
export function elementwise(f: (...values: number[]) => number, ...operands: Array64[]): Array64 {
  const shape = broadcastShape(...operands.map((operand) => operand.shape));
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const position = positionOf(shape, at);
    return f(...operands.map((operand) => operand.data[indexOf(operand.shape, position)]!));
  });
  return { shape, data };
}

/** What an operand of this shape gets of a gradient with respect to what it was broadcast to. */
export function sumTo(shape: Shape, gradient: Array64): Array64 {
  const data = new Float64Array(sizeOf(shape));
  for (let at = 0; at < gradient.data.length; at++) {
    data[indexOf(shape, positionOf(gradient.shape, at))]! += gradient.data[at]!;
  }
  return { shape, data };
}

export const product = (...factors: Array64[]): Array64 =>
  elementwise((...values) => values.reduce((a, b) => a * b, 1), ...factors);

/** The gradients of a product. */
export const productGradients = (dy: Array64, ...factors: Array64[]): Array64[] =>
  factors.map(({ shape }, i) => sumTo(shape, product(dy, ...factors.filter((_, j) => j !== i))));

export function permute(x: Array64, dims: readonly number[]): Array64 {
  const shape = dims.map((dim) => x.shape[dim]!);
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const position: number[] = [];
    for (const [i, p] of positionOf(shape, at).entries()) position[dims[i]!] = p;
    return x.data[indexOf(x.shape, position)]!;
  });
  return { shape, data };
}

/** The last two axes with margins [left, right, top, bottom]. */
export function pad(x: Array64, sides: readonly number[], value: number): Array64 {
  const [left, right, top, bottom] = sides as [number, number, number, number];
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const shape = [n, c, h + top + bottom, w + left + right];
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const [i, j, row, column] = positionOf(shape, at) as [number, number, number, number];
    const [r, q] = [row - top, column - left];
    return r < 0 || q < 0 || r >= h || q >= w ? value : x.data[((i * c + j) * h + r) * w + q]!;
  });
  return { shape, data };
}

/** f over some axes, each group of numbers as a list. */
export function reduce(
  f: (values: number[]) => number,
  x: Array64,
  axes: readonly number[] = x.shape.map((_, axis) => axis),
  keepdim = false,
): Array64 {
  const own = axes.map((axis) => (axis + x.shape.length) % x.shape.length);
  const kept = x.shape.map((length, axis) => (own.includes(axis) ? 1 : length));
  const groups: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  for (let at = 0; at < x.data.length; at++) {
    groups[indexOf(kept, positionOf(x.shape, at))]!.push(x.data[at]!);
  }
  const shape = keepdim ? kept : kept.filter((_, axis) => !own.includes(axis));
  return { shape, data: Float64Array.from(groups, f) };
}

export const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
export const average = (values: number[]): number => total(values) / values.length;
export const spread =
  (correction: number) =>
  (values: number[]): number => {
    const center = average(values);
    return total(values.map((v) => (v - center) ** 2)) / (values.length - correction);
  };

/** exp(x_k) / Σ exp(x_j) along an axis. */
export function softmax(x: Array64, axis: number): Array64 {
  const powers = elementwise(Math.exp, x);
  return elementwise((e, s) => e / s, powers, reduce(total, powers, [axis], true));
}

export function matmul(a: Array64, b: Array64): Array64 {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, m, n];
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const position = positionOf(shape, at);
    const [i, j] = position.splice(-2) as [number, number];
    let sum = 0;
    for (let p = 0; p < k; p++) {
      sum +=
        a.data[indexOf(a.shape, [...position, i, p])]! *
        b.data[indexOf(b.shape, [...position, p, j])]!;
    }
    return sum;
  });
  return { shape, data };
}

/** The part [start, end) of an axis, every `step`-th. */
export function slice(x: Array64, axis: number, start: number, end: number, step = 1): Array64 {
  const shape = x.shape.map((length, i) => (i === axis ? Math.ceil((end - start) / step) : length));
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const position = positionOf(shape, at);
    position[axis] = start + position[axis]! * step;
    return x.data[indexOf(x.shape, position)]!;
  });
  return { shape, data };
}

export function concat(parts: readonly Array64[], axis: number): Array64 {
  const lengths = parts.map(({ shape }) => shape[axis]!);
  const shape = parts[0]!.shape.map((length, i) => (i === axis ? total(lengths) : length));
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const position = positionOf(shape, at);
    let part = 0;
    while (position[axis]! >= lengths[part]!) position[axis]! -= lengths[part++]!;
    return parts[part]!.data[indexOf(parts[part]!.shape, position)]!;
  });
  return { shape, data };
}

export function gather(indices: Array64, table: Array64): Array64 {
  const width = table.shape[1]!;
  const shape = [...indices.shape, width];
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    return table.data[indices.data[Math.floor(at / width)]! * width + (at % width)]!;
  });
  return { shape, data };
}
