import type { View } from '../memory/memory.ts';
import { describe, unexpected } from './check.ts';
import { checkSize, typedLength } from './numbers.ts';
import { frozen, ownShape, type Shape, sameShape, shapeText, sizeOf } from './shape.ts';

type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Numbers in nested arrays; on each level, all arrays have the same length. */
export type Nested = number | NumberArray | readonly Nested[];

/** What a Tensor can be made from. */
export type TensorData = Nested;

/** What `forward`, `backward` and `predict` take: a Tensor, or flat data with its shape. */
export type Input = Tensor | { readonly data: ArrayLike<number>; readonly shape: Shape };

/** @internal The method that `console.log` calls in Node, Deno and Bun. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** @internal A line about a tensor, even if its values can no longer be read: for people, not for programs. */
export function preview(name: string, tensor: Tensor): string {
  let values: string;
  try {
    const first = Array.from(tensor.view().subarray(0, 8), (value) => Number(value.toPrecision(5)));
    values = first.join(', ') + (tensor.size > 8 ? ', …' : '');
  } catch (error) {
    values = (error as Error).message;
  }
  return `${name} ${shapeText(tensor.shape)}: ${values}`;
}

/** @internal The forward of a model that a result or a loss gradient belongs to. */
export interface Origin {
  readonly session: object;
  readonly generation: number;
}

/**
 * A row-major array of float32 numbers with a shape.
 *
 * A Tensor that you make, clone or get from `predict` owns an ordinary JavaScript array and is
 * garbage-collected like any other object. A Tensor that `forward` or `backward` returns is a view of the
 * model's workspace: read it before the model's next `forward`, after which reading it throws.
 */
export class Tensor {
  readonly shape: Shape;
  /** Number of elements. */
  readonly size: number;
  private readonly owned: Float32Array | undefined;

  /** @internal Use `Tensor.from`. */
  constructor(shape: Shape, owned?: Float32Array) {
    this.shape = frozen(shape);
    this.size = sizeOf(this.shape);
    this.owned = owned;
  }

  /**
   * A tensor with a copy of `data`.
   *
   * @param data a number, a typed array, a flat array or nested arrays
   * @param shape default: the shape of the nested arrays; [length] for a flat array
   * @throws RangeError if the number of elements does not match the shape, or nested arrays are ragged
   * @throws TypeError if an element is not a number
   */
  static from(data: TensorData, shape?: Shape): Tensor {
    const found = shapeOf(data);
    const values = new Float32Array(sizeOf(found));
    flatten(data, found, 0, values, 0);
    if (shape === undefined) return owning(found, values);
    const own = ownShape('Tensor.from', shape);
    checkSize('Tensor.from', own, values.length);
    return owning(own, values);
  }

  /** A tensor of zeros. */
  static zeros(shape: Shape): Tensor {
    const own = ownShape('Tensor.zeros', shape);
    return owning(own, new Float32Array(sizeOf(own)));
  }

  /** A copy of the values, in row-major order. */
  toArray(): Float32Array {
    return new Float32Array(this.view());
  }

  /**
   * The value of a tensor with one element.
   *
   * @throws RangeError if the tensor does not have exactly one element
   */
  item(): number {
    if (this.size !== 1) {
      throw new RangeError(`Tensor.item: expected one element, got shape ${shapeText(this.shape)}`);
    }
    return this.view()[0]!;
  }

  /**
   * Overwrites the values.
   *
   * @param values a Tensor or nested arrays of this tensor's shape, or a flat array of its size
   * @throws RangeError if the shape or size is another
   */
  set(values: TensorData | Tensor): this {
    const given = isTensor(values);
    const source = given ? values : tensorOf(values);
    const flat = !given && source.shape.length === 1;
    if (flat ? source.size !== this.size : !sameShape(source.shape, this.shape)) {
      throw new RangeError(
        `Tensor.set: expected ${shapeText(this.shape)}, got ${shapeText(source.shape)}`,
      );
    }
    this.view().set(source.view());
    this.written();
    return this;
  }

  /** The shape and the first values: `Tensor [2, 2]: 0.5, -1, 3, 0`. */
  toString(): string {
    return preview('Tensor', this);
  }

  /**
   * What `JSON.stringify` stores: an object that `forward`, `assign` and `loadStateDict` take again, with the
   * same values. JSON has no NaN and no infinity: they become null, which is refused when it comes back.
   */
  toJSON(): { shape: Shape; data: number[] } {
    return { shape: this.shape, data: [...this.view()] };
  }

  /** @internal What `console.log` shows in Node, Deno and Bun. */
  [INSPECT](): string {
    return `${this}`;
  }

  /** A copy that owns its values. */
  clone(): Tensor {
    return owning(this.shape, this.view().slice());
  }

  /** @internal Called after `set` has overwritten the values. */
  protected written(): void {}

  /** @internal The live values. Do not keep the array: growth of linear memory detaches it. */
  view(): Float32Array {
    return this.owned ?? this.place!.f32;
  }

  /** @internal The forward that the values belong to, or undefined if they belong to none. */
  get origin(): Origin | undefined {
    return undefined;
  }

  /** @internal The values' place in linear memory, or undefined for an owned array. Throws like `view`. */
  get place(): View | undefined {
    return undefined;
  }
}

// Outside of the class: a class that names itself in its body has another name in bundles.

function owning(shape: Shape, values: Float32Array): Tensor {
  return new Tensor(shape, values);
}

function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

function tensorOf(data: TensorData): Tensor {
  return Tensor.from(data);
}

/**
 * A tensor of shape [] that keeps its number in float64: counters go to 2⁵³, and float32 counts to 2²⁴ only.
 * `item()` is exact, `toArray()` rounds.
 */
export function exactly(value: number): Tensor {
  return new Tensor([], Float64Array.of(value) as unknown as Float32Array);
}

/** A tensor whose values are in linear memory. It does not own that memory. */
export class PlacedTensor extends Tensor {
  constructor(
    /** What the memory belongs to: a scope that returns the tensor keeps it. */
    readonly owner: object,
    shape: Shape,
    private readonly location: View,
    /** Throws if the memory no longer belongs to the tensor. */
    private readonly guard?: () => void,
    /** Called after the values were overwritten. */
    private readonly onWrite?: () => void,
  ) {
    super(shape);
  }

  protected override written(): void {
    this.onWrite?.();
  }

  override get place(): View {
    this.guard?.();
    return this.location;
  }
}

function shapeOf(data: TensorData): number[] {
  const shape: number[] = [];
  for (let level: unknown = data; ; level = (level as ArrayLike<unknown>)[0]) {
    const length = lengthOf(level);
    if (length === undefined) return shape;
    shape.push(length);
  }
}

/** The length of an array; undefined for everything else. */
function lengthOf(value: unknown): number | undefined {
  return Array.isArray(value) ? value.length : typedLength(value);
}

function flatten(
  data: unknown,
  shape: Shape,
  axis: number,
  into: Float32Array,
  at: number,
): number {
  if (axis === shape.length) {
    if (typeof data !== 'number') {
      throw unexpected('Tensor.from:', 'numbers', data);
    }
    into[at] = data;
    return at + 1;
  }
  const length = lengthOf(data);
  if (length !== shape[axis]) {
    throw new RangeError(
      `Tensor.from: ragged nested arrays: axis ${axis} expected ${shape[axis]} elements, ` +
        `got ${length ?? describe(data)}`,
    );
  }
  if (!Array.isArray(data)) {
    into.set(data as Float32Array, at);
    return at + length!;
  }
  for (let i = 0; i < length!; i++) at = flatten(data[i], shape, axis + 1, into, at);
  return at;
}
