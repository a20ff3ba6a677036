import { unexpected } from '../tensor/check.ts';
import { numbersOf, typedLength } from '../tensor/numbers.ts';
import { Reading, read } from '../tensor/reading.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';

/** How terms become one number, the default first. */
export const REDUCTIONS = ['mean', 'sum', 'none'] as const;

/** The numbers that losses take: a Tensor, `{ data, shape }`, a typed or plain array, or nested arrays. */
export type TargetData = Input | ArrayLike<number> | readonly (readonly unknown[])[];

/** A target that was read from the caller. */
export interface TargetReading {
  readonly reading: Reading;
  /** Whether it was a flat array, which is checked by its length only; its shape is [length]. */
  readonly flat: boolean;
}

/**
 * Reads a target.
 *
 * @param overwritten as in `read`
 * @param name what the numbers are, for errors
 * @throws TypeError if `target` does not hold numbers
 */
export function readTarget(
  who: string,
  target: TargetData,
  overwritten?: { readonly ptr: number; readonly bytes: number },
  name = 'target',
): TargetReading {
  const what = `${who}: ${name}`;
  if (typeof target !== 'object' || target === null) {
    throw unexpected(what, 'an array or a Tensor', target);
  }
  if (target instanceof Tensor || 'shape' in target) {
    return { reading: read(what, target, overwritten), flat: false };
  }
  if (Array.isArray(target) && typeof target[0] === 'object') {
    return { reading: read(what, Tensor.from(target)), flat: false };
  }
  if (!('length' in target)) throw unexpected(what, 'an array or a Tensor', target);
  const values = numbersOf(what, target as ArrayLike<number>);
  return { reading: new Reading(what, [typedLength(values)!], values), flat: true };
}

/**
 * The reading of a target with one number for each element of the prediction.
 *
 * @throws RangeError unless the target has the prediction's shape, or is [N] for a prediction [N, 1], or is
 *   flat and has the prediction's size
 */
export function sameShapedTarget(
  who: string,
  shape: Shape,
  { reading, flat }: TargetReading,
): Reading {
  const given = reading.shape;
  const column = given.length === 1 && given[0] === shape[0];
  if (flat || column ? sizeOf(given) === sizeOf(shape) : sameShape(given, shape)) return reading;
  const got = flat ? `${given[0]} numbers` : shapeText(given);
  throw new RangeError(
    `${who}: target expected ${shapeText(shape)}, as the prediction, got ${got}`,
  );
}
