/** Orders of axes, and numbers that move with them. */
import { sizeOf } from '../tensor/shape.ts';

/** The array with its axes in another order: axis i of the result is axis `axes[i]` of the source. */
export function transposed(
  data: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
): Float32Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const to = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const y = new Float32Array(data.length);
  const at = to.map(() => 0);
  let from = 0;
  for (let i = 0; i < y.length; i++) {
    y[i] = data[from]!;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < to[axis]!) break;
      from -= steps[axis]! * to[axis]!;
      at[axis] = 0;
    }
  }
  return y;
}

/**
 * The order of features that flattening [C, …] gives, by what flattening […, C] gives: feature i of ours is
 * feature `order[i]` of Keras.
 *
 * @param shape Keras's axes without the batch, channels last
 */
export function featuresOf(shape: readonly number[]): Uint32Array {
  const channels = shape.at(-1)!;
  const plane = sizeOf(shape.slice(0, -1));
  const order = new Uint32Array(plane * channels);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let p = 0; p < plane; p++) order[i++] = p * channels + c;
  }
  return order;
}

/** Rows of a matrix [rows, columns] in another order: row i of the result is row `order[i]`. */
export function rowsInOrder(data: Float32Array, columns: number, order: Uint32Array): Float32Array {
  const y = new Float32Array(data.length);
  for (const [i, row] of order.entries()) {
    y.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
  }
  return y;
}

/** The axes of ours [N, C, …] as a permutation of Keras's [N, …, C]. */
export function toFirst(rank: number): number[] {
  return [0, rank - 1, ...range(1, rank - 1)];
}

/** The axes of Keras's [N, …, C] as a permutation of ours [N, C, …]. */
export function toLast(rank: number): number[] {
  return [0, ...range(2, rank), 1];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}
