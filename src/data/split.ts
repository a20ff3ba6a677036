import { checkInteger, checkNumber, unexpected } from '../tensor/check.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { defaultGenerator, Generator } from '../tensor/random.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Dataset } from './batches.ts';

export interface SplitOptions {
  /** Seed of the order. */
  seed?: number | undefined;
  /** A generator instead of a seed. Default: the generator that `manualSeed` seeds. */
  generator?: Generator | undefined;
  /** Whether the samples are shuffled before they are divided. Default true. */
  shuffle?: boolean;
}

/**
 * Divides a data set at random into parts that have no sample in common, such as one to train on and one to validate.
 *
 * ```ts
 * const [train, validation] = randomSplit({ inputs, targets }, [0.8, 0.2], { seed: 1 });
 * await fit(model, train, { loss, optimizer, epochs: 5, validation });
 * ```
 *
 * The parts are copies, with arrays of the same types.
 *
 * @param lengths how many samples each part has: whole numbers that add up to all, or fractions that add up to 1. Of
 *   fractions, samples are left when all are rounded down; the first parts get one more each, as in PyTorch's
 *   `random_split`.
 * @throws TypeError if the inputs or targets are of another type
 * @throws RangeError for lengths that do not add up, and for a part without samples
 */
export function randomSplit<D extends Dataset>(
  dataset: D,
  lengths: readonly number[],
  ...rest: [options?: SplitOptions | undefined]
): D[] {
  const who = 'randomSplit';
  const table = { seed: undefined, generator: undefined, shuffle: true };
  const { seed, generator, shuffle } = optionsOf(who, rest, table);
  if (typeof dataset !== 'object' || dataset === null || !('inputs' in dataset)) {
    throw unexpected(`${who}:`, '{ inputs, targets }', dataset);
  }
  if (generator !== undefined) {
    checkInstance(`${who}: generator`, generator, Generator, 'a Generator');
    if (seed !== undefined) {
      throw new RangeError(`${who}: expected a seed or a generator, got both: pass one`);
    }
  }
  const inputs = new Rows(`${who}: inputs`, dataset.inputs);
  const targets = new Rows(`${who}: targets`, dataset.targets);
  if (inputs.count !== targets.count) {
    throw new RangeError(
      `${who}: expected ${inputs.count} targets, one for each input, got ${targets.count}`,
    );
  }
  const counts = countsOf(who, lengths, inputs.count);
  const drawing = seed === undefined ? (generator ?? defaultGenerator) : new Generator(seed);
  const order = shuffle
    ? drawing.permutation(inputs.count)
    : Int32Array.from({ length: inputs.count }, (_, i) => i);
  let from = 0;
  return counts.map((count) => {
    const part = order.subarray(from, from + count);
    from += count;
    return { ...dataset, inputs: inputs.take(part), targets: targets.take(part) };
  });
}

/** @throws RangeError unless the lengths add up to the number of samples */
function countsOf(who: string, lengths: readonly number[], size: number): number[] {
  if (!Array.isArray(lengths) || lengths.length === 0) {
    throw unexpected(`${who}: lengths`, 'a list such as [0.8, 0.2]', lengths);
  }
  for (const length of lengths) checkNumber(who, 'lengths', length, 0);
  const sum = lengths.reduce((a, b) => a + b, 0);
  const fractions = Math.abs(sum - 1) < 1e-6;
  const counts = fractions ? lengths.map((part) => Math.floor(part * size)) : [...lengths];
  if (!fractions && sum !== size) {
    throw new RangeError(
      `${who}: lengths expected numbers that add up to ${size}, or fractions that add up to 1, got a sum of ${sum}`,
    );
  }
  let left = size - counts.reduce((a, b) => a + b, 0);
  for (let i = 0; left > 0; i = (i + 1) % counts.length, left--) counts[i]!++;
  for (const count of counts) checkInteger(who, 'lengths', count);
  return counts;
}

/** What numbers are in: a type with a constructor for a length. */
type Kind = new (length: number) => { [i: number]: number; readonly length: number };

/** The name of a typed array's type; a Node Buffer is a Uint8Array. */
function kindOf(data: ArrayLike<number>): string {
  return (data as Uint8Array)[Symbol.toStringTag];
}

/** The samples of inputs or targets, and how a part of them is given back in the same form. */
class Rows {
  readonly count: number;
  private readonly shape: Shape;
  private readonly data: ArrayLike<number>;

  constructor(
    who: string,
    private readonly given: unknown,
  ) {
    const bare = Array.isArray(given) || ArrayBuffer.isView(given);
    if (
      !bare &&
      (typeof given !== 'object' || given === null || !('data' in given || given instanceof Tensor))
    ) {
      throw unexpected(who, 'an array, a Tensor or { data, shape }', given);
    }
    const { data, shape } = (bare ? { data: given } : given) as {
      data: ArrayLike<number>;
      shape: Shape;
    };
    const reading = read(who, (bare ? { data, shape: [data.length] } : given) as Tensor);
    this.shape = bare ? reading.shape : (shape ?? reading.shape);
    this.data = given instanceof Tensor ? reading.values : data;
    this.count = reading.shape[0] ?? 0;
  }

  take(order: Int32Array): never {
    const { data, given } = this;
    const rest = this.shape.slice(1);
    const width = sizeOf(rest);
    const types = globalThis as unknown as Record<string, Kind>;
    const Kind = types[Array.isArray(data) ? 'Array' : kindOf(data)]!;
    const part = new Kind(order.length * width);
    for (let i = 0; i < order.length; i++) {
      for (let k = 0; k < width; k++) part[i * width + k] = data[order[i]! * width + k]!;
    }
    const shape = [order.length, ...rest];
    if (given instanceof Tensor) return Tensor.from(part as never, shape) as never;
    return (given === data ? part : { ...(given as object), data: part, shape }) as never;
  }
}
