import type { View } from '../memory/memory.ts';
import { unexpected } from './check.ts';
import { checkSize, type Numbers, numbersOf, typedLength } from './numbers.ts';
import { ownShape, type Shape } from './shape.ts';
import { type Input, Tensor } from './tensor.ts';

/** An input whose shape and numbers were read from the caller, once. */
export class Reading {
  constructor(
    private readonly who: string,
    readonly shape: Shape,
    private readonly source: Tensor | Numbers,
  ) {}

  /**
   * The numbers, as many as the shape has. Do not keep the array: growth of linear memory detaches it.
   *
   * @throws Error for a stale tensor
   * @throws RangeError if the caller has changed the array's length meanwhile
   */
  get values(): Numbers {
    const { source } = this;
    const values = source instanceof Tensor ? source.view() : source;
    checkSize(this.who, this.shape, typedLength(values));
    return values;
  }

  /** The numbers' place in linear memory, if they are there; throws like `values`. */
  get place(): View | undefined {
    const place = this.source instanceof Tensor ? this.source.place : undefined;
    if (place) checkSize(this.who, this.shape, place.length);
    return place;
  }
}

/**
 * Reads an input.
 *
 * @param overwritten a range of linear memory that will be overwritten before the numbers are used: a Tensor
 *   that stands there is copied
 * @throws TypeError if `input` is neither a Tensor nor `{ data, shape }`, or if an element is not a number
 * @throws RangeError if the length of `data` does not match the shape
 * @throws Error for a stale tensor
 */
export function read(
  who: string,
  input: Input,
  overwritten?: { readonly ptr: number; readonly bytes: number },
): Reading {
  if (input instanceof Tensor) {
    const shape = ownShape(who, input.shape);
    const reading = new Reading(who, shape, input);
    const { place } = reading;
    const at = place && overwritten ? place.ptr - overwritten.ptr : -1;
    if (at >= 0 && at < overwritten!.bytes) return new Reading(who, shape, input.toArray());
    if (!place) void reading.values; // checks the length
    return reading;
  }
  if (typeof input !== 'object' || input === null || !('data' in input) || !('shape' in input)) {
    throw unexpected(`${who}:`, 'a Tensor or { data, shape }', input);
  }
  const shape = ownShape(who, input.shape);
  return new Reading(who, shape, numbersOf(who, input.data, shape));
}

/**
 * Checks that all inputs are as they were when they were read: reading one may have run code that changed
 * another.
 *
 * @throws RangeError or Error as `Reading.values`
 */
export function checkSteady(readings: Iterable<Reading>): void {
  for (const reading of readings) void reading.values;
}
