import { enroll } from '../memory/dispose.ts';
import { aligned, Block, NULL, type Pointer, releaseWithOwner, View } from '../memory/memory.ts';
import { type Reading, read } from './reading.ts';
import { type Shape, sameShape, shapeText, sizeOf } from './shape.ts';
import { INSPECT, type Input, PlacedTensor, preview, Tensor, type TensorData } from './tensor.ts';

/**
 * Counts the changes to `requiresGrad` of any parameter, and the layers that wrappers have taken. A plan depends on
 * which parameters are trained, so the plans made before a change are made again.
 */
export const freezes = { count: 0 };

/** The base of Parameter and Buffer: a tensor that owns a block of linear memory. */
abstract class Stored {
  /** The values, live. */
  readonly data: PlacedTensor;
  private readonly block: Block;
  /** @internal Counts the writes. It can be watched without keeping the parameter from being collected. */
  readonly writes = { count: 0 };

  constructor(
    private readonly who: string,
    initial: Input,
  ) {
    const reading = read(who, initial);
    const { shape } = reading;
    this.block = new Block(aligned(sizeOf(shape) * 4));
    releaseWithOwner(this, this.block);
    enroll(this);
    this.block.f32.set(reading.values);
    const { block } = this;
    this.data = new PlacedTensor(
      this,
      shape,
      new View(block.ptr, sizeOf(shape)),
      () => {
        if (block.released) throw new Error(`${who}: used after dispose()`);
      },
      () => this.version++,
    );
  }

  /**
   * Counts the writes to the values, by optimizers and by loading. Code that caches a result computed
   * from the values compares versions to see whether the result is out of date.
   */
  get version(): number {
    return this.writes.count;
  }

  set version(value: number) {
    this.writes.count = value;
  }

  get shape(): Shape {
    return this.data.shape;
  }

  get size(): number {
    return this.data.size;
  }

  /** @internal */
  get ptr(): Pointer {
    return this.block.ptr;
  }

  /** @internal The size of the block in bytes, including padding. */
  get paddedBytes(): number {
    return this.block.bytes;
  }

  get disposed(): boolean {
    return this.block.released;
  }

  /**
   * Overwrites the values with a copy of `values`.
   *
   * @throws RangeError if `values` has another shape
   */
  assign(values: Input): void {
    this.data.view().set(this.checked('assign', values).values);
    this.version++;
  }

  /** Reads what has the tensor's shape. */
  protected checked(who: string, given: Input | TensorData): Reading {
    const plain = typeof given === 'number' || Array.isArray(given) || ArrayBuffer.isView(given);
    const input = plain ? Tensor.from(given as TensorData) : (given as Input);
    const reading = read(who, input);
    const { shape } = reading;
    if (plain && shape.length < 2 ? sizeOf(shape) !== this.size : !sameShape(shape, this.shape)) {
      throw new RangeError(`${who}: expected ${shapeText(this.shape)}, got ${shapeText(shape)}`);
    }
    this.data.view(); // throws after dispose()
    return reading;
  }

  dispose(): void {
    this.block.release();
  }

  toString(): string {
    return preview(this.who, this.data);
  }

  toJSON(): { shape: Shape; data: number[] } {
    return this.data.toJSON();
  }

  /** @internal What `console.log` shows. */
  [INSPECT](): string {
    return `${this}`;
  }
}

/** A block that holds the gradients of several parameters; released when the last one is disposed. */
class GradientBlock {
  private references = 0;

  constructor(readonly block: Block) {}

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references === 0) this.block.release();
  }
}

/**
 * A trainable tensor: its values, and its gradient once a backward has run.
 *
 * ```ts
 * const scale = new Parameter(Tensor.from([1]));
 * ```
 */
export class Parameter extends Stored {
  private trained = true;
  private gradient: PlacedTensor | undefined;
  private gradientBlock: GradientBlock | undefined;
  /** @internal Whether a backward has added to the gradient, or a user has set it, since `zeroGrad`. */
  touched = false;

  /** @param initial the initial values, which are copied */
  constructor(initial: Input) {
    super('Parameter', initial);
  }

  /**
   * A live view of the gradient; null before the first backward.
   *
   * It may be assigned at any time: a Tensor, `{ data, shape }` or numbers of the parameter's shape, which are
   * copied. An optimizer's `step()` uses them as it uses a backward's. null removes the gradient.
   */
  get grad(): Tensor | null {
    return this.gradient ?? null;
  }

  set grad(given: Input | TensorData | null) {
    if (given === null) {
      this.removeGradient();
      return;
    }
    const reading = this.checked('Parameter.grad', given);
    if (!this.gradient) placeGradients([this]);
    this.gradient!.view().set(reading.values);
    this.touched = true;
  }

  /** Whether the parameter is trained. If false, it gets no gradient and no update. Default true. */
  get requiresGrad(): boolean {
    return this.trained;
  }

  set requiresGrad(value: boolean) {
    if (value === this.trained) return;
    this.trained = value;
    freezes.count++;
  }

  /** @internal The address of the gradient; 0 before it is allocated. */
  get gradPtr(): Pointer {
    return this.gradient?.place.ptr ?? NULL;
  }

  /** @internal Whether an optimizer is to update the parameter, and clipping to count it. */
  get hasGradient(): boolean {
    return this.touched && this.trained && this.gradient !== undefined;
  }

  /** Sets the gradient to zero, and marks it as not computed so that optimizers skip the parameter. */
  zeroGrad(): void {
    if (this.touched) this.gradient?.view().fill(0);
    this.touched = false;
  }

  /** @internal Gives the parameter its gradient, at `ptr` in a shared block. */
  place(block: GradientBlock, ptr: Pointer): void {
    this.gradientBlock = block.retain();
    const gradient = new PlacedTensor(
      this,
      this.shape,
      new View(ptr, this.size),
      () => {
        if (this.gradient === gradient) return;
        throw new Error('Parameter: used after dispose() or grad = null');
      },
      () => {
        this.touched = true;
      },
    );
    this.gradient = gradient;
  }

  private removeGradient(): void {
    this.gradientBlock?.release();
    this.gradientBlock = undefined;
    this.gradient = undefined;
    this.touched = false;
  }

  override dispose(): void {
    super.dispose();
    this.removeGradient();
  }
}

/** A tensor that is part of a layer's state but is not trained, such as a running mean. */
export class Buffer extends Stored {
  constructor(initial: Input) {
    super('Buffer', initial);
  }

  /**
   * @internal Throws after `dispose()`: layers write statistics to this address, and the memory may
   * belong to another tensor by then.
   */
  override get ptr(): Pointer {
    if (this.disposed) throw new Error('Buffer: used after dispose()');
    return super.ptr;
  }
}

/** A count that is part of a layer's state, such as the number of batches seen. */
export class Counter {
  constructor(public value = 0) {}
}

/**
 * Allocates gradients for the parameters that have none, in one block and in list order.
 *
 * @internal
 * @throws RangeError if linear memory cannot grow that far; nothing has changed then
 */
export function allocateGradients(parameters: Iterable<Parameter>): void {
  const missing = [...new Set(parameters)].filter((p) => p.requiresGrad && !p.gradPtr);
  if (missing.length > 0) placeGradients(missing);
}

function placeGradients(missing: readonly Parameter[]): void {
  let bytes = 0;
  for (const parameter of missing) bytes += parameter.paddedBytes;
  const block = new Block(bytes);
  block.f32.fill(0);
  const shared = new GradientBlock(block);
  releaseWithOwner(shared, block);
  let at = block.ptr as number;
  for (const parameter of missing) {
    parameter.place(shared, at as Pointer);
    at += parameter.paddedBytes;
  }
}
