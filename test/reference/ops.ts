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
