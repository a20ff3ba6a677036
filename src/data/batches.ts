import { checkInteger, describe, unexpected } from '../tensor/check.ts';
import { checkSize, type Numbers, typedLength } from '../tensor/numbers.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { defaultGenerator, Generator, type GeneratorState } from '../tensor/random.ts';
import { type Reading, read } from '../tensor/reading.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';

type IntegerArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array;

/** Floating-point values; the first axis is the sample. */
export interface Values {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** Classes as whole numbers: an array, or an array with a shape as `readIdx` returns it. */
export type ClassTargets =
  | readonly number[]
  | IntegerArray
  | { readonly data: readonly number[] | IntegerArray; readonly shape: Shape };

/** Targets of a regression: one value per sample, or a tensor whose first axis is the sample. */
export type ValueTargets =
  | Float32Array
  | Float64Array
  | Tensor
  | { readonly data: Float32Array | Float64Array; readonly shape: Shape };

/** Samples and their targets. The first axis of both is the sample. */
export interface Dataset<T = ClassTargets | ValueTargets> {
  readonly inputs: Input;
  readonly targets: T;
}

/** The type of a batch's targets: an Int32Array for classes, values with their shape for a regression. */
export type BatchTargets<T> = T extends ClassTargets ? Int32Array : Values;

/**
 * A batch of samples. The `Batches` reuses its arrays for the next batch, so `slice()` what you want to
 * keep. Training needs no copy, because `forward` copies its input.
 */
export interface Batch<T = ClassTargets | ValueTargets> {
  readonly inputs: Values;
  readonly targets: BatchTargets<T>;
}

export interface BatchesOptions {
  /** Samples per batch. Default 32. */
  batchSize?: number;
  /** Whether the samples are shuffled before each epoch. Default false. */
  shuffle?: boolean;
  /** Seed for shuffling. With the same seed, epoch e always has the same order. */
  seed?: number;
  /** A generator for shuffling, instead of a seed. Default: the generator that `manualSeed` seeds. */
  generator?: Generator;
  /** Whether to skip a last batch that is smaller than the others. Default false. */
  dropLast?: boolean;
  /** A factor for the inputs, for example 1/255 for bytes. Default 1. */
  scale?: number;
}

/**
 * Splits samples into batches. Each `for … of` over the result is one epoch.
 *
 * ```ts
 * const images = await readIdx(…), labels = await readIdx(…);
 * const data = batches({ inputs: images, targets: labels }, { batchSize: 100, shuffle: true, seed: 1, scale: 1 / 255 });
 * for (let epoch = 0; epoch < 10; epoch++) {
 *   for (const { inputs, targets } of data) loss.forward(model.forward(inputs), targets);
 * }
 * ```
 *
 * A batch's inputs are `{ data: Float32Array, shape: [batch, …] }`. Its targets are an Int32Array if they
 * are given as whole numbers (a plain array or a typed array of integers), and `{ data, shape }` if they
 * are given as floats. The arrays are reused for every batch: an epoch allocates only the array of its
 * order.
 *
 * @throws TypeError if the inputs or targets are of another type
 * @throws RangeError if there are not as many targets as inputs, if there are no samples, if `dropLast`
 *   leaves no batch, or if both a seed and a generator are given
 */
export function batches<T extends ClassTargets | ValueTargets>(
  dataset: Dataset<T>,
  ...rest: [options?: BatchesOptions | undefined]
): Batches<T> {
  return new Batches(dataset, ...rest);
}

/** A data set in batches; `batches` makes it. */
export class Batches<T = ClassTargets | ValueTargets> implements Iterable<Batch<T>> {
  /** The number of samples. */
  readonly size: number;
  readonly batchSize: number;
  /** The number of batches per epoch. */
  readonly steps: number;
  /** The shape of all inputs, [N, …]. */
  readonly inputs: { readonly shape: Shape };
  private readonly inputColumn: Column;
  private readonly targetColumn: Column;
  /** @internal Draws the orders; undefined if nothing is shuffled. */
  readonly generator: Generator | undefined;
  /** @internal The batches of the present epoch so far; 0 between epochs. */
  taken = 0;
  /** @internal The state from which the present epoch's order was drawn. */
  drawn: GeneratorState | undefined;
  /** @internal Where the next iteration begins instead of at the beginning, and what draws its order. */
  entry: readonly [step: number, generator: Generator | undefined] | undefined;
  private readonly full: Batch<T>;
  private readonly last: Batch<T>;

  constructor(dataset: Dataset<T>, ...given: [options?: BatchesOptions | undefined]) {
    const { batchSize, shuffle, seed, generator, dropLast, scale } = optionsOf('batches', given, {
      batchSize: 32,
      shuffle: false,
      seed: undefined,
      generator: undefined,
      dropLast: false,
      scale: 1,
    });
    checkInteger('batches', 'batchSize', batchSize);
    if (generator !== undefined) {
      checkInstance('batches: generator', generator, Generator, 'a Generator');
    }
    if (typeof dataset !== 'object' || dataset === null || !('inputs' in dataset)) {
      throw unexpected('batches:', '{ inputs, targets }', dataset);
    }
    if (seed !== undefined && generator !== undefined) {
      throw new RangeError('batches: expected a seed or a generator, got both: pass one');
    }
    const { inputs, targets } = dataset;
    const reading = read('batches: inputs', inputs);
    const { shape } = reading;
    this.size = shape[0] ?? 0;
    const room = Math.min(batchSize, this.size);
    this.inputs = this.inputColumn = new Column(reading, room, Float32Array, scale);
    this.targetColumn = columnOf(targets as ClassTargets | ValueTargets, room);
    if (this.targetColumn.shape[0] !== this.size) {
      throw new RangeError(
        `batches: expected ${this.size} targets, one for each input, got ${this.targetColumn.shape[0]}`,
      );
    }
    this.batchSize = batchSize;
    this.steps = Math[dropLast ? 'floor' : 'ceil'](this.size / batchSize);
    if (this.steps === 0) {
      throw new RangeError(
        this.size === 0
          ? `batches: inputs expected at least one sample, got ${shapeText(shape)}`
          : `batches: expected at least ${batchSize} samples, got ${this.size}: use a smaller batchSize`,
      );
    }
    if (shuffle) {
      this.generator = seed === undefined ? (generator ?? defaultGenerator) : new Generator(seed);
    }
    this.full = this.batch(room);
    const rest = this.size % batchSize;
    this.last = rest === 0 || dropLast ? this.full : this.batch(rest);
  }

  /** Iterates over one epoch, in a new order if shuffled. */
  *[Symbol.iterator](): IterableIterator<Batch<T>> {
    const [first, generator] = this.entry ?? [0, this.generator];
    this.entry = undefined;
    this.drawn = generator?.state;
    const order = generator?.permutation(this.size);
    for (let step = first; step < this.steps; step++) {
      const from = step * this.batchSize;
      const to = Math.min(from + this.batchSize, this.size);
      this.inputColumn.gather(order, from, to);
      this.targetColumn.gather(order, from, to);
      this.taken = step + 1;
      yield step === this.steps - 1 ? this.last : this.full;
    }
    this.taken = 0;
  }

  private batch(count: number): Batch<T> {
    const targets = this.targetColumn.first(count);
    return {
      inputs: this.inputColumn.first(count) as Values,
      targets: (targets.data instanceof Int32Array ? targets.data : targets) as BatchTargets<T>,
    };
  }
}

/** The inputs or the targets of a dataset, and the buffer that a batch of them is copied to. */
class Column {
  readonly shape: Shape;
  private readonly data: Numbers;
  private readonly buffer: Float32Array | Int32Array;
  private readonly width: number;

  constructor(
    reading: Reading,
    room: number,
    Elements: typeof Float32Array | typeof Int32Array,
    private readonly scale = 1,
  ) {
    this.shape = reading.shape;
    this.data = reading.place ? reading.values.slice() : reading.values;
    this.width = sizeOf(this.shape.slice(1));
    this.buffer = new Elements(room * this.width);
  }

  /** Copies samples order[from] … order[to − 1], or from … to − 1 if there is no order, to the buffer. */
  gather(order: Int32Array | undefined, from: number, to: number): void {
    const { data, buffer, width, scale } = this;
    checkSize('batches', this.shape, typedLength(data));
    let o = 0;
    for (let sample = from; sample < to; sample++) {
      const start = (order ? order[sample]! : sample) * width;
      for (let i = start; i < start + width; i++) buffer[o++] = data[i]! * scale;
    }
  }

  /** A view of the first samples in the buffer. */
  first(count: number): { data: Float32Array | Int32Array; shape: Shape } {
    return {
      data: this.buffer.subarray(0, count * this.width),
      shape: [count, ...this.shape.slice(1)],
    };
  }
}

function columnOf(targets: ClassTargets | ValueTargets, room: number): Column {
  if (targets instanceof Tensor) {
    return new Column(read('batches: targets', targets), room, Float32Array);
  }
  const bare = Array.isArray(targets) || ArrayBuffer.isView(targets);
  if (!bare && (typeof targets !== 'object' || targets === null || !('data' in targets))) {
    throw unexpected('batches: targets', 'an array, a Tensor or { data, shape }', targets);
  }
  const given = bare ? undefined : (targets as { data: ArrayLike<number>; shape: Shape });
  const data = given ? given.data : (targets as ArrayLike<number>);
  const reading = read('batches: targets', { data, shape: given ? given.shape : [data.length] });
  if (data instanceof Float32Array || data instanceof Float64Array) {
    return new Column(reading, room, Float32Array);
  }
  if (Array.isArray(data)) {
    const { values } = reading;
    const invalid = values.findIndex((value) => !Number.isInteger(value));
    if (invalid >= 0) {
      throw new RangeError(
        `batches: targets in a plain array expected whole numbers, got ${describe(values[invalid])} at ` +
          `[${invalid}]: pass a Float32Array for a regression`,
      );
    }
  }
  return new Column(reading, room, Int32Array);
}
