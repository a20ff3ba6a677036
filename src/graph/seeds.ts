/** The gradients that a backward begins with: what its caller gives, for one output or several. */
import { isPlain, unexpected } from '../tensor/check.ts';
import { type Reading, read } from '../tensor/reading.ts';
import { sameShape, shapeText } from '../tensor/shape.ts';
import { type Input, type Origin, Tensor } from '../tensor/tensor.ts';
import type { Value } from './node.ts';
import type { Returned } from './trace.ts';

/** The gradient of an output. */
type Seed = readonly [Value, Reading];

/**
 * Reads the gradients of outputs. Several of one output add up.
 *
 * @param given a gradient of the output, or records or lists of gradients by the names of outputs; none at all is 1
 * @param current the forward that they must belong to
 * @throws TypeError or RangeError for what is no gradient, of another shape, or of an output that there is not
 * @throws Error for the gradient of another forward
 */
export function readSeeds(
  who: string,
  given: readonly unknown[],
  { values, names }: Returned,
  current: Origin,
): Seed[] {
  const each = given.length > 0 ? given : [undefined];
  if (!names) return each.map((dy) => readSeed(who, dy, values[0]!, current));
  const list = names.join(', ');
  const seeds = each.flatMap((record) => {
    if (!isPlain(record) && !Array.isArray(record)) {
      throw unexpected(`${who}:`, `gradients of the outputs ${list}`, record);
    }
    return Object.entries(record).flatMap(([name, dy]) => {
      const value = values[names.indexOf(name)];
      if (!value) throw unexpected(`${who}:`, `gradients of the outputs ${list}`, name);
      return dy === undefined || dy === null
        ? []
        : [readSeed(`${who}: ${name}`, dy, value, current)];
    });
  });
  if (seeds.length > 0) return seeds;
  throw new RangeError(`${who}: expected gradients of the outputs ${list}, got none`);
}

/** Reads a gradient; the output's own shape is meant by a number, and by nothing, if it has one element. */
function readSeed(who: string, dy: unknown, value: Value, current: Origin): Seed {
  const { shape, slot } = value;
  const isNumber = slot.length === 1 && (dy === undefined || typeof dy === 'number');
  const gradient = isNumber ? new Tensor(shape, Float32Array.of(dy ?? 1)) : (dy as Input);
  const reading = read(who, gradient);
  if (!sameShape(reading.shape, shape)) {
    throw new RangeError(
      `${who}: expected the gradient of the last output, ${shapeText(shape)}, got ` +
        shapeText(reading.shape),
    );
  }
  const origin = gradient instanceof Tensor ? gradient.origin : undefined;
  if (origin?.session === current.session && origin.generation !== current.generation) {
    throw new Error(
      `${who}: this loss gradient belongs to an older forward: ` +
        'call loss.forward and loss.backward on the last output',
    );
  }
  return [value, reading];
}
