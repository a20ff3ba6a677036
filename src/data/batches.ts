import { checkInteger, describe, type Shape, shapeText, sizeOf } from '../tensor/check.ts';
import { defaultGenerator, Generator } from '../tensor/random.ts';
import { type Input, inputShape, inputValues, Tensor } from '../tensor/tensor.ts';

type IntegerArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array;

/** Values per sample: the first axis counts the samples. */
export interface Values {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** Classes: whole numbers in an array, or in an array with a shape (what `readIdx` returns). */
export type ClassTargets =
  | readonly number[]
  | IntegerArray
  | { readonly data: readonly number[] | IntegerArray; readonly shape: Shape };

/** Values to regress to, one a sample or of a shape. */
export type ValueTargets =
  | Float32Array
  | Float64Array
  | Tensor
  | { readonly data: Float32Array | Float64Array; readonly shape: Shape };

/** Samples and what is known of them. The first axis of each counts the samples. */
export interface Dataset<T = ClassTargets | ValueTargets> {
  readonly inputs: Input;
  readonly targets: T;
}

/** What a batch's targets are: classes as whole numbers, values with their shape. */
export type BatchTargets<T> = T extends ClassTargets ? Int32Array : Values;

/**
 * A few samples. The arrays belong to the `Batches` and hold these samples until the next batch is
 * taken; `slice()` what you want to keep. `forward` copies, so training needs no copy.
 */
export interface Batch<T = ClassTargets | ValueTargets> {
  readonly inputs: Values;
  readonly targets: BatchTargets<T>;
}

export interface BatchesOptions {
  /** Samples a batch. Default 32. */
  batchSize?: number;
  /** Whether each epoch has an order of its own. Default false. */
  shuffle?: boolean;
  /** Seed of the orders: epoch e of one seed has the same order always. */
  seed?: number;
  /** Instead of a seed, a generator that the orders are drawn from. Default the package's own. */
  generator?: Generator;
  /** Whether a last batch that would be smaller is left out. Default false. */
  dropLast?: boolean;
  /** What each input is multiplied by, for example 1/255 for bytes. Default 1. */
  scale?: number;
}

/**
 * Cuts samples into batches; each `for … of` over the result is one epoch.
 *
 * ```ts
 * const images = await readIdx(…), labels = await readIdx(…);
 * const data = batches({ inputs: images, targets: labels }, { batchSize: 100, shuffle: true, seed: 1, scale: 1 / 255 });
 * for (let epoch = 0; epoch < 10; epoch++) {
 *   for (const { inputs, targets } of data) loss.forward(model.forward(inputs), targets);
 * }
 * ```
 *
 * Inputs [N, …] come as `{ data: Float32Array, shape: [batch, …] }`. Targets given as whole numbers
 * (a plain array, a typed array of integers) come as an Int32Array, those given as floats as
 * `{ data, shape }`. The arrays are reused from batch to batch: an epoch makes none but its order.
 *
 * @throws RangeError where inputs and targets differ in number, or there is no full batch to give
 */
export function batches<T extends ClassTargets | ValueTargets>(
  dataset: Dataset<T>,
  options: BatchesOptions = {},
): Batches<T> {
  return new Batches(dataset, options);
}

export class Batches<T = ClassTargets | ValueTargets> implements Iterable<Batch<T>> {
  /** Number of samples. */
  readonly size: number;
  readonly batchSize: number;
  /** Number of batches an epoch. */
  readonly steps: number;
  /** The inputs' shape is [N, …]. */
  readonly inputs: { readonly shape: Shape };
  private readonly inputColumn: Column;
  private readonly targetColumn: Column;
  private readonly generator: Generator | undefined;
  private readonly full: Batch<T>;
  private readonly last: Batch<T>;

  constructor(dataset: Dataset<T>, options: BatchesOptions) {
    const { batchSize = 32, shuffle = false, seed, generator, dropLast = false } = options;
    const { scale = 1 } = options;
    checkInteger('batches', 'batchSize', batchSize);
    if (seed !== undefined && generator !== undefined) {
      throw new RangeError('batches: give a seed or a generator, not both');
    }
    const shape = inputShape('batches: inputs', dataset.inputs);
    this.size = shape[0] ?? 0;
    const room = Math.min(batchSize, this.size);
    this.inputs = this.inputColumn = new Column(
      inputValues(dataset.inputs),
      shape,
      room,
      Float32Array,
      scale,
    );
    this.targetColumn = columnOf(dataset.targets as ClassTargets | ValueTargets, room);
    if (this.targetColumn.shape[0] !== this.size) {
      throw new RangeError(
        `batches: expected a target for each of ${this.size} inputs, got ${this.targetColumn.shape[0]}`,
      );
    }
    this.batchSize = batchSize;
    this.steps = Math[dropLast ? 'floor' : 'ceil'](this.size / batchSize);
    if (this.steps === 0) {
      throw new RangeError(
        this.size === 0
          ? `batches: inputs are empty, got ${shapeText(shape)}`
          : `batches: ${this.size} samples give no batch of ${batchSize}: use a smaller batchSize`,
      );
    }
    if (shuffle) {
      this.generator = seed === undefined ? (generator ?? defaultGenerator) : new Generator(seed);
    }
    this.full = this.batch(room);
    const rest = this.size % batchSize;
    this.last = rest === 0 || dropLast ? this.full : this.batch(rest);
  }

  /** One epoch, in an order of its own where shuffled. */
  *[Symbol.iterator](): IterableIterator<Batch<T>> {
    const order = this.generator?.permutation(this.size);
    for (let step = 0; step < this.steps; step++) {
      const from = step * this.batchSize;
      const to = Math.min(from + this.batchSize, this.size);
      this.inputColumn.gather(order, from, to);
      this.targetColumn.gather(order, from, to);
      yield step === this.steps - 1 ? this.last : this.full;
    }
  }

  private batch(count: number): Batch<T> {
    const targets = this.targetColumn.first(count);
    return {
      inputs: this.inputColumn.first(count) as Values,
      targets: (targets.data instanceof Int32Array ? targets.data : targets) as BatchTargets<T>,
    };
  }
}

/** One side of a dataset, and the buffer that a batch's part of it is copied into. */
class Column {
  private readonly buffer: Float32Array | Int32Array;
  private readonly width: number;

  constructor(
    private readonly data: ArrayLike<number>,
    readonly shape: Shape,
    room: number,
    Elements: typeof Float32Array | typeof Int32Array,
    private readonly scale = 1,
  ) {
    this.width = sizeOf(shape.slice(1));
    this.buffer = new Elements(room * this.width);
  }

  /** Copies samples order[from] … order[to − 1], or from … to − 1, to the buffer's front. */
  gather(order: Int32Array | undefined, from: number, to: number): void {
    const { data, buffer, width, scale } = this;
    let o = 0;
    for (let sample = from; sample < to; sample++) {
      const start = (order ? order[sample]! : sample) * width;
      for (let i = start; i < start + width; i++) buffer[o++] = data[i]! * scale;
    }
  }

  first(count: number): { data: Float32Array | Int32Array; shape: Shape } {
    return {
      data: this.buffer.subarray(0, count * this.width),
      shape: [count, ...this.shape.slice(1)],
    };
  }
}

function columnOf(targets: ClassTargets | ValueTargets, room: number): Column {
  if (targets instanceof Tensor) {
    return new Column(inputValues(targets), targets.shape, room, Float32Array);
  }
  const bare = Array.isArray(targets) || ArrayBuffer.isView(targets);
  if (!bare && (typeof targets !== 'object' || targets === null || !('data' in targets))) {
    throw new TypeError(
      `batches: targets expected an array, a Tensor or { data, shape }, got ${describe(targets)}`,
    );
  }
  const given = (bare ? { data: targets, shape: [targets.length] } : targets) as {
    data: ArrayLike<number>;
    shape: Shape;
  };
  const shape = inputShape('batches: targets', given);
  const { data } = given;
  if (data instanceof Float32Array || data instanceof Float64Array) {
    return new Column(data, shape, room, Float32Array);
  }
  if (Array.isArray(data)) {
    const odd = data.findIndex((value) => !Number.isInteger(value));
    if (odd >= 0) {
      throw new RangeError(
        `batches: targets in a plain array expected whole numbers, got ${describe(data[odd])} at ` +
          `[${odd}]: give values as a Float32Array`,
      );
    }
  }
  return new Column(data, shape, room, Int32Array);
}
