/** Losses of several predictions: `forward([a, b], target)`, and `backward()` gives `[da, db]`. */
import { offset, type Pointer, View } from '../memory/memory.ts';
import { unexpected } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { checkSteady, read } from '../tensor/reading.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, type Origin, Tensor } from '../tensor/tensor.ts';
import {
  Loss,
  type LossArrays,
  LossGradient,
  type LossRequest,
  type LossValue,
  type Reduction,
} from './loss.ts';
import { termsOf } from './none.ts';
import type { TargetData, TargetReading } from './target.ts';

/** The numbers of each prediction, or of each gradient. */
export type Arrays = readonly Float32Array[];

/**
 * A loss of several predictions, which stand one behind the other in the loss's memory. Each is the sum or mean of
 * terms that a method computes one by one, in float64.
 */
export abstract class LossOfSeveral<R extends Reduction> extends Loss<
  TargetData,
  LossValue<R>,
  Tensor[],
  readonly Input[]
> {
  override readonly reduction: Reduction;
  /** The shapes of the predictions of this call, and of the last forward. */
  private given: readonly Shape[] = [];
  protected shapes: readonly Shape[] = [];
  private origins: readonly (Origin | undefined)[] = [];

  constructor(
    /** What the predictions are called, for errors. */
    private readonly names: readonly string[],
    reduction: Reduction,
  ) {
    super();
    this.reduction = reduction;
  }

  /** @throws RangeError if the predictions' shapes do not fit each other */
  protected abstract check(shapes: readonly Shape[]): void;

  /** The shape of the terms. */
  protected abstract termShape(shapes: readonly Shape[]): Shape;

  /** The target's numbers. */
  protected abstract targets(shapes: readonly Shape[], target: TargetReading): Numbers;

  /**
   * The i-th term of predictions x with target t. With `dx` it also adds slope·∂term/∂x to the gradients.
   */
  protected abstract term(i: number, x: Arrays, t: Numbers, dx?: Arrays, slope?: number): number;

  override get batchWeight(): number {
    return this.shapes[0]?.[0] ?? 1;
  }

  /**
   * @param predictions a list of Tensors
   * @throws RangeError if predictions and target do not fit each other; nothing has changed then
   */
  override forward(predictions: readonly Input[], target: TargetData): LossValue<R> {
    const who = `${this}`;
    const { names } = this;
    if (!Array.isArray(predictions) || predictions.length !== names.length) {
      throw unexpected(`${who}: predictions`, `a list [${names.join(', ')}]`, predictions);
    }
    const readings = names.map((name, i) => read(`${who}: ${name}`, predictions[i] as Input));
    checkSteady(readings);
    const shapes = readings.map(({ shape }) => shape);
    for (const [i, shape] of shapes.entries()) {
      if (!shape.includes(0)) continue;
      throw new RangeError(`${who}: ${names[i]} is empty, got ${shapeText(shape)}`);
    }
    this.check(shapes);
    this.given = shapes;
    const packed = new Float32Array(shapes.reduce((sum, shape) => sum + sizeOf(shape), 0));
    let at = 0;
    for (const { values } of readings) {
      packed.set(values, at);
      at += values.length;
    }
    const origins = predictions.map((each) => (each instanceof Tensor ? each.origin : undefined));
    const one: Input = { data: packed, shape: [packed.length] };
    const value = super.forward(one as unknown as readonly Input[], target);
    this.origins = origins;
    return value;
  }

  /** The gradients of the last `forward`, one for each prediction; see `Loss`. */
  override backward(scale: number | TargetData = 1): Tensor[] {
    const whole = super.backward(scale) as unknown as Tensor;
    const guard = () => void whole.place;
    let at = 0;
    return this.shapes.map((shape, i) => {
      const place = new View(offset(whole.place!.ptr, at), sizeOf(shape));
      at += place.length;
      return new LossGradient(this, shape, place, guard, this.origins[i]);
    });
  }

  protected override request(_: Shape, target: TargetReading): LossRequest {
    const { given } = this;
    const values = this.targets(given, target);
    return {
      targetLength: values.length,
      store: (view) => {
        this.shapes = given;
        if (values.length > 0) view.f32.set(values);
      },
    };
  }

  protected override value(arrays: LossArrays): number {
    const count = this.count();
    const [x, t] = [this.arraysAt(arrays.prediction), this.targetAt(arrays)];
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.term(i, x, t);
    return sum / (this.reduction === 'mean' ? count : 1);
  }

  protected override terms(arrays: LossArrays): Tensor {
    const [x, t] = [this.arraysAt(arrays.prediction), this.targetAt(arrays)];
    return termsOf(this.termShape(this.shapes), (i) => this.term(i, x, t));
  }

  protected override differentiate(arrays: LossArrays, scale: number): void {
    const slope = this.reduction === 'mean' ? scale / this.count() : scale;
    this.addSlopes(arrays, () => slope);
  }

  protected override differentiateTerms(arrays: LossArrays, weights: Numbers): void {
    this.addSlopes(arrays, (i) => weights[i]!);
  }

  private addSlopes(arrays: LossArrays, slopeOf: (i: number) => number): void {
    const [x, t] = [this.arraysAt(arrays.prediction), this.targetAt(arrays)];
    const dx = this.arraysAt(arrays.gradient);
    for (const gradient of dx) gradient.fill(0);
    for (let i = 0; i < this.count(); i++) this.term(i, x, t, dx, slopeOf(i));
  }

  private count(): number {
    return sizeOf(this.termShape(this.shapes));
  }

  private arraysAt(ptr: Pointer): Float32Array[] {
    let at = 0;
    return this.shapes.map((shape) => {
      const { f32 } = new View(offset(ptr, at), sizeOf(shape));
      at += f32.length;
      return f32;
    });
  }

  /** The target, as long as it is; a loss without one reads nothing of it. */
  private targetAt({ target }: LossArrays): Float32Array {
    return new View(target, this.count()).f32;
  }

  /** @throws RangeError unless all predictions have one shape, of at least one axis */
  protected checkAlike(shapes: readonly Shape[]): void {
    const [first] = shapes as [Shape];
    for (const [i, shape] of shapes.entries()) {
      if (sameShape(shape, first) && shape.length > 0) continue;
      const expected = first.length > 0 ? shapeText(first) : '[N, D]';
      throw new RangeError(
        `${this}: ${this.names[i]} expected ${expected}, as ${this.names[0]}, got ${shapeText(shape)}`,
      );
    }
  }
}
