/// <reference lib="esnext.disposable" preserve="true" />

import { disposable } from '../memory/dispose.ts';
import { aligned, NULL, type Pointer, View } from '../memory/memory.ts';
import { bytesOf, placeStruct, type Struct } from '../memory/struct.ts';
import { Workspace } from '../memory/workspace.ts';
import { checkNumber, unexpected } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, type Origin, PlacedTensor, type Tensor } from '../tensor/tensor.ts';
import { weighTerms, weightsOf } from './none.ts';
import { readTarget, type TargetData, type TargetReading } from './target.ts';

/** What `compute` of a loss of your own gets beside its arrays. */
export interface LossContext {
  /** The prediction's shape. */
  readonly shape: Shape;
  /** The target's shape; [length] for a flat array. */
  readonly targetShape: Shape;
}

/** How the terms of a loss become one number; with 'none' they do not, and `forward` returns them as a Tensor. */
export type Reduction = 'mean' | 'sum' | 'none';

/** What `forward` returns with a reduction. */
export type LossValue<R> = R extends 'none' ? Tensor : number;

/** The memory that a loss needs for one batch, computed before anything is written. */
export interface LossRequest {
  /** Number of 4-byte elements of the target in linear memory. `store` writes them. */
  readonly targetLength: number;
  store(target: View): void;
  /** Number of 4-byte elements that `value` writes and `differentiate` reads. */
  readonly savedLength?: number;
  /** Sizes and options for the kernels; it is written and has an address when `value` is called. */
  readonly struct?: Struct<unknown>;
}

/** The addresses of a loss's arrays during a call. */
export interface LossArrays {
  readonly shape: Shape;
  readonly prediction: Pointer;
  readonly target: Pointer;
  readonly saved: Pointer;
  /** Overwritten with scale · ∂loss/∂prediction; 0 during `value`. */
  readonly gradient: Pointer;
}

/**
 * The base of all losses: `forward` gives a number, `backward` the gradient to hand to the model.
 *
 * Extend it for a loss of your own, which says in `compute` what the value and the gradient are; `lossOf` makes a
 * loss of such a function.
 *
 * ```ts
 * class LogCosh extends Loss {
 *   compute(prediction, target, gradient) {
 *     let sum = 0;
 *     for (let i = 0; i < prediction.length; i++) {
 *       const d = prediction[i] - target[i];
 *       sum += Math.log(Math.cosh(d)) / prediction.length;
 *       gradient[i] = Math.tanh(d) / prediction.length;
 *     }
 *     return sum;
 *   }
 * }
 * ```
 *
 * The loss reads the prediction in place, in the model's workspace, so `backward` must come before the
 * model's next `forward`.
 *
 * With the reduction 'none' `forward` returns a Tensor of all terms, and `backward` takes a weight of each term,
 * shaped as they are, in place of `scale`: it gives the gradient of the weighted sum.
 */
export abstract class Loss<
  T extends TargetData = TargetData,
  Value = number,
  Gradient = Tensor,
  Prediction = Input,
> {
  private readonly workspace = new Workspace(this);
  /** For a prediction whose own place another model has taken before `backward`. */
  private readonly late = new Workspace(this);
  private readonly copied = new Region();
  private readonly target = new Region();
  private readonly saved = new Region();
  private readonly gradient = new Region();
  private prediction: Tensor | undefined;
  private shape: Shape = [];
  private shapeOfTerms: Shape = [];
  private pending = false;
  /** @internal What the last forward returned. */
  last = Number.NaN;
  /** Counts forwards: the gradient of an older forward is stale. */
  private generation = 0;

  /** Of a loss of one's own: its gradient in the last forward, and the target's shape. */
  private own = new Float32Array();
  private targetShape: Shape = [];

  constructor() {
    disposable(this);
  }

  /**
   * How the terms become one number, or that they do not: `evaluate` weights the values of batches by their samples,
   * or adds them.
   */
  readonly reduction: Reduction | 'batchMean' = 'mean';

  /**
   * Of a loss of your own: the value.
   *
   * @param prediction a copy of the prediction, in row-major order
   * @param target a copy of the target; it may have any shape
   * @param gradient zeros, to overwrite with the value's gradient with respect to the prediction
   * @throws whatever you throw, for shapes that do not fit each other
   */
  compute?(
    prediction: Float32Array,
    target: Float32Array,
    gradient: Float32Array,
    ctx: LossContext,
  ): number;

  /** @internal The weight of the last forward's value in a mean over several batches: its samples. */
  get batchWeight(): number {
    return this.shape[0] ?? 1;
  }

  /** @internal Checks shapes and target; throws before anything is written. */
  protected request(_shape: Shape, { reading }: TargetReading): LossRequest {
    if (typeof this.compute !== 'function') {
      throw unexpected(`${this}:`, 'a method compute(prediction, target, gradient)', this.compute);
    }
    this.targetShape = reading.shape;
    return {
      targetLength: sizeOf(reading.shape),
      store: (view) => view.f32.set(reading.values),
    };
  }

  /** @internal */
  protected value({ shape, prediction, target }: LossArrays): number {
    const { targetShape } = this;
    const copy = (at: Pointer, of: Shape) => new View(at, sizeOf(of)).f32.slice();
    const gradient = new Float32Array(sizeOf(shape));
    const [x, t] = [copy(prediction, shape), copy(target, targetShape)];
    const value: unknown = this.compute!(x, t, gradient, { shape, targetShape });
    if (typeof value !== 'number')
      throw unexpected(`${this}: compute`, 'to return a number', value);
    this.own = gradient;
    return value;
  }

  /** All terms, for the reduction 'none'. It writes what `differentiate` needs, as `value` does. */
  protected terms(_arrays: LossArrays): Tensor {
    throw new Error(`${this}: has no reduction 'none'`);
  }

  /** @internal */
  protected differentiate({ gradient }: LossArrays, scale: number): void {
    const { own } = this;
    const { f32 } = new View(gradient, own.length);
    for (let i = 0; i < own.length; i++) f32[i] = own[i]! * scale;
  }

  /** The gradient of the sum of all terms, each times its weight. */
  protected differentiateTerms(arrays: LossArrays, weights: Numbers): void {
    this.differentiate(arrays, 1);
    weighTerms(this.gradient.view.f32, weights, arrays.shape);
  }

  /**
   * The loss of a prediction: a number, or with the reduction 'none' a Tensor of all terms.
   *
   * @param prediction what the model's `forward` returned, or any Tensor
   * @throws RangeError if prediction and target do not fit each other; nothing has changed then
   */
  forward(prediction: Prediction, target: T): Value {
    const who = `${this}`;
    // A gradient of this loss stands in the workspace, which is overwritten.
    const reading = read(who, prediction as Input, this.workspace);
    const found = readTarget(who, target, this.workspace);
    const { shape } = reading;
    if (shape.includes(0)) {
      throw new RangeError(`${who}: prediction is empty, got ${shapeText(shape)}`);
    }
    const stands = reading.place !== undefined;
    void reading.values; // throws if stale or changed, while nothing has changed yet
    const request = this.request(shape, found);
    const size = sizeOf(shape);
    const { copied, saved, gradient } = this;
    const lengths = [stands ? 0 : size, request.targetLength, request.savedLength ?? 0, size];
    const sizes = request.struct ? bytesOf(request.struct.layout) : 0;
    this.workspace.reserve(lengths.reduce((sum, length) => sum + aligned(length * 4), sizes));
    let at = this.workspace.ptr as number;
    for (const [i, region] of [copied, this.target, saved, gradient].entries()) {
      region.place(at as Pointer, lengths[i]!);
      at += aligned(lengths[i]! * 4);
    }
    if (request.struct) placeStruct(request.struct, at as Pointer);
    if (!stands) copied.view.f32.set(reading.values);
    request.store(this.target.view);
    this.generation++;
    this.shape = shape;
    this.prediction = stands ? (prediction as unknown as Tensor) : undefined;
    this.pending = false; // unless a loss of one's own arrives at its end
    const arrays = this.arrays(NULL);
    this.last = Number.NaN;
    let value: unknown;
    if (this.reduction === 'none') {
      const terms = this.terms(arrays);
      this.shapeOfTerms = terms.shape;
      value = terms;
    } else {
      value = this.last = this.value(arrays);
    }
    this.pending = true;
    return value as Value;
  }

  /**
   * The gradient of the last `forward` with respect to its prediction, times `scale`.
   *
   * The gradient is in the loss's memory until the next `forward`.
   *
   * @param scale for example 1/k, to average the gradients of k micro-batches; with the reduction 'none' also a
   *   weight of each term
   * @throws Error without a forward, at a second call, or if the model has run another forward since
   */
  backward(scale: number | TargetData = 1): Gradient {
    if (!this.pending) {
      throw new Error(
        this.generation === 0
          ? `${this}: backward before forward: call forward(prediction, target) first`
          : `${this}: backward was already called for the last forward: call forward again first`,
      );
    }
    const who = `${this}.backward`;
    const weights =
      this.reduction === 'none' && typeof scale === 'object'
        ? weightsOf(who, scale, this.shapeOfTerms)
        : checkNumber(who, 'scale', scale as number);
    const arrays = this.arrays(this.gradient.view.ptr);
    this.pending = false;
    if (weights) this.differentiateTerms(arrays, weights);
    else this.differentiate(arrays, scale as number);
    const { generation } = this;
    const guard = (): void => {
      if (generation === this.generation) return;
      throw new Error(`${this}: this gradient belongs to an older forward and was overwritten`);
    };
    const { view } = this.gradient;
    const gradient = new LossGradient(this, this.shape, view, guard, this.prediction?.origin);
    return gradient as Gradient;
  }

  /** Releases the loss's linear memory; a later `forward` allocates it again. */
  dispose(): void {
    this.workspace.release();
    this.late.release();
    this.generation++;
    this.pending = false;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return this.constructor.name;
  }

  private arrays(gradient: Pointer): LossArrays {
    return {
      shape: this.shape,
      prediction: this.predictionPtr(),
      target: this.target.view.ptr,
      saved: this.saved.view.ptr,
      gradient,
    };
  }

  private predictionPtr(): Pointer {
    const { prediction, copied, late } = this;
    const place = prediction?.place ?? copied.view;
    if (place.length > 0) return place.ptr;
    late.reserve(prediction!.size * 4);
    new View(late.ptr, prediction!.size).f32.set(prediction!.view());
    return late.ptr;
  }
}

/** A part of the loss's memory. Its view is made anew only if its length changes. */
class Region {
  view = new View(NULL, 0);

  place(ptr: Pointer, length: number): void {
    if (length === this.view.length) this.view.moveTo(ptr);
    else this.view = new View(ptr, length);
  }
}

/** @internal A gradient in a loss's memory. */
export class LossGradient extends PlacedTensor {
  constructor(
    loss: object,
    shape: Shape,
    place: View,
    guard: () => void,
    private readonly from: Origin | undefined,
  ) {
    super(loss, shape, place, guard);
  }

  override get origin(): Origin | undefined {
    return this.from;
  }
}
