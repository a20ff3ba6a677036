import { aligned, Block, NULL, type Pointer, releaseWithOwner, Window } from '../memory/memory.ts';
import { type Shape, sameShape, shapeText, sizeOf } from './check.ts';
import { type Input, inputShape, inputValues, PlacedTensor, type Tensor } from './tensor.ts';

/**
 * Counts what changes which parameters are trained; a plan made under another count is made anew.
 */
export const traits = { version: 0 };

/** What a parameter and a buffer have in common: values in linear memory. */
abstract class Stored {
  /** The values, live. */
  readonly data: PlacedTensor;
  private readonly block: Block;
  /** Counts writes by optimizers and loads, so that what was computed from older values can tell. */
  version = 0;

  constructor(who: string, initial: Input) {
    const shape = [...inputShape(who, initial)];
    inputValues(initial); // throws if stale, while nothing is allocated yet
    this.block = new Block(aligned(sizeOf(shape) * 4));
    releaseWithOwner(this, this.block);
    // The padding up to the next 64 bytes is zero and stays zero: spans may run over it.
    this.block.f32.fill(0).set(inputValues(initial));
    const { block } = this;
    this.data = new PlacedTensor(
      shape,
      new Window(block.ptr, sizeOf(shape)),
      () => {
        if (block.released) throw new Error(`${who}: used after dispose()`);
      },
      () => this.version++,
    );
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

  /** @internal Bytes from `ptr` on that are this one's, padding included. */
  get paddedBytes(): number {
    return this.block.bytes;
  }

  get disposed(): boolean {
    return this.block.released;
  }

  /** Overwrites the values; a live input of another shape throws. */
  assign(values: Input): void {
    const shape = inputShape('assign', values);
    if (!sameShape(shape, this.shape)) {
      throw new RangeError(`assign: expected ${shapeText(this.shape)}, got ${shapeText(shape)}`);
    }
    this.data.view().set(inputValues(values));
    this.version++;
  }

  dispose(): void {
    this.block.release();
  }
}

/** A block of gradients that several parameters stand in; released with the last of them. */
class GradientBlock {
  private holders = 0;

  constructor(readonly block: Block) {}

  hold(): this {
    this.holders++;
    return this;
  }

  letGo(): void {
    if (--this.holders > 0) return;
    this.block.release();
  }
}

/**
 * A trained tensor: its values, and from the first backward on its gradient.
 *
 * ```ts
 * const scale = new Parameter(Tensor.from([1]));
 * ```
 */
export class Parameter extends Stored {
  private trained = true;
  private gradient: PlacedTensor | undefined;
  private gradientBlock: GradientBlock | undefined;
  /** @internal Whether a backward has reached it since `zeroGrad`. */
  touched = false;

  /** @param initial its first values, copied */
  constructor(initial: Input) {
    super('Parameter', initial);
  }

  /** The gradient, live; null before the first backward. */
  get grad(): Tensor | null {
    return this.gradient ?? null;
  }

  /** Whether it is trained: a frozen parameter gets no gradient and no update. */
  get requiresGrad(): boolean {
    return this.trained;
  }

  set requiresGrad(value: boolean) {
    if (value === this.trained) return;
    this.trained = value;
    traits.version++;
  }

  /** @internal The gradient's address; 0 before it is allocated. */
  get gradPtr(): Pointer {
    return this.gradient?.place.ptr ?? NULL;
  }

  /** Sets the gradient to zero and marks it as not computed. */
  zeroGrad(): void {
    if (this.touched) this.gradient?.view().fill(0);
    this.touched = false;
  }

  /** @internal */
  place(block: GradientBlock, ptr: Pointer): void {
    this.gradientBlock = block.hold();
    this.gradient = new PlacedTensor(this.shape, new Window(ptr, this.size), () => {
      if (this.disposed) throw new Error('Parameter: used after dispose()');
    });
  }

  override dispose(): void {
    super.dispose();
    this.gradientBlock?.letGo();
    this.gradientBlock = undefined;
    this.gradient = undefined;
  }
}

/** A tensor that belongs to a layer's state but is not trained, such as a running mean. */
export class Buffer extends Stored {
  constructor(initial: Input) {
    super('Buffer', initial);
  }

  /** @internal Guarded: a layer writes its statistics here, and the place may be another's by now. */
  override get ptr(): Pointer {
    if (this.disposed) throw new Error('Buffer: used after dispose()');
    return super.ptr;
  }
}

/** A count that belongs to a layer's state, such as the number of batches seen. */
export class Counter {
  constructor(public value = 0) {}
}

/**
 * Allocates the gradients of those parameters that have none, in one block and in list order.
 *
 * @internal
 * @throws RangeError where memory cannot grow that far; nothing is changed then
 */
export function allocateGradients(parameters: Iterable<Parameter>): void {
  const missing = [...new Set(parameters)].filter((p) => p.requiresGrad && !p.gradPtr);
  if (missing.length === 0) return;
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
