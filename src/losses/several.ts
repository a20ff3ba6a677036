/** Losses of several predictions: `forward([a, b], target)`, and `backward()` gives `[da, db]`. */
import { offset, type Pointer, View } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { checkNumber, unexpected } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { optionsOf } from '../tensor/options.ts';
import { checkSteady, read } from '../tensor/reading.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, type Origin, Tensor } from '../tensor/tensor.ts';
import type { ReductionOptions } from './elementwise.ts';
import {
  Loss,
  type LossArrays,
  LossGradient,
  type LossRequest,
  type LossValue,
  type Reduction,
} from './loss.ts';
import { termsOf } from './none.ts';
import { REDUCTIONS, sameShapedTarget, type TargetData, type TargetReading } from './target.ts';

/** The numbers of each prediction, or of each gradient. */
type Arrays = readonly Float32Array[];

/**
 * A loss of several predictions, which stand one behind the other in the loss's memory. Each is the sum or mean of
 * terms that a method computes one by one, in float64.
 */
abstract class LossOfSeveral<R extends Reduction> extends Loss<
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

export interface GaussianNLLLossOptions<R extends Reduction = Reduction>
  extends ReductionOptions<R> {
  /** Whether the constant ½·ln 2π is added. Default false. */
  full?: boolean;
  /** The least variance. Default 1e-6. */
  eps?: number;
}

const HALF_LOG_TWO_PI = 0.9189385332046727;

/**
 * Negative log-likelihood of a normal distribution with mean x and variance v:
 * L = ½·(ln v + (t − x)²/v), v at least `eps`, + ½·ln 2π with `full`; averaged over all elements or summed
 *
 * dx = (x − t)/v, dv = ½·(1/v − (t − x)²/v²), divided by the size for the mean. Predictions [x, v], shapes: x and the
 * target alike, any; v alike, or with one variance for all elements of the last axis: [N] or [N, 1] for [N, D]. As
 * PyTorch's `nn.GaussianNLLLoss`.
 *
 * ```ts
 * const loss = new GaussianNLLLoss();
 * const value = loss.forward([mean, variance], targets);
 * const [dMean, dVariance] = loss.backward();
 * ```
 *
 * @throws RangeError in forward for a negative variance, or for shapes that do not fit
 */
export class GaussianNLLLoss<R extends Reduction = 'mean' | 'sum'> extends LossOfSeveral<R> {
  readonly full: boolean;
  readonly eps: number;

  constructor(...rest: [options?: GaussianNLLLossOptions<R> | undefined]) {
    const who = 'GaussianNLLLoss';
    const given = rest as [GaussianNLLLossOptions | undefined];
    const table = { full: false, eps: 1e-6, reduction: REDUCTIONS } as const;
    const { full, eps, reduction } = optionsOf(who, given, table);
    super(['mean', 'variance'], reduction);
    checkNumber(who, 'eps', eps, Number.MIN_VALUE);
    this.full = full;
    this.eps = eps;
  }

  override forward(predictions: readonly Input[], target: TargetData): LossValue<R> {
    if (Array.isArray(predictions) && predictions.length === 2) {
      const { values } = read(`${this}: variance`, predictions[1] as Input);
      for (let i = 0; i < values.length; i++) {
        if (!(values[i]! < 0)) continue;
        throw new RangeError(
          `${this}: variance[${i}] expected a number ≥ 0, got ${values[i]}: let the model give its logarithm or ` +
            'its softplus',
        );
      }
    }
    return super.forward(predictions, target);
  }

  protected check([x, v]: readonly [Shape, Shape]): void {
    const each = x.slice(0, -1);
    if (sameShape(v, x) || sameShape(v, each) || sameShape(v, [...each, 1])) return;
    throw new RangeError(
      `${this}: variance expected ${shapeText(x)}, or one for the last axis, got ${shapeText(v)}`,
    );
  }

  protected termShape([x]: readonly [Shape, Shape]): Shape {
    return x;
  }

  protected targets([x]: readonly [Shape, Shape], target: TargetReading): Numbers {
    return sameShapedTarget(`${this}`, x, target).values;
  }

  protected term(i: number, [x, v]: Arrays, t: Numbers, dx?: Arrays, slope = 0): number {
    const k = Math.floor(i / (x!.length / v!.length));
    const d = x![i]! - t[i]!;
    const variance = Math.max(v![k]!, this.eps);
    if (dx) {
      dx[0]![i] = (slope * d) / variance;
      dx[1]![k]! += (slope * (1 - (d * d) / variance)) / (2 * variance);
      return 0;
    }
    const loss = (kernels().logF64(variance) + (d * d) / variance) / 2;
    return this.full ? loss + HALF_LOG_TWO_PI : loss;
  }
}

export interface CosineEmbeddingLossOptions<R extends Reduction = Reduction>
  extends ReductionOptions<R> {
  /** The cosine that unlike pairs may have, from −1 to 1. Default 0. */
  margin?: number;
}

/** Keeps the root of a product of squared lengths from 0, as PyTorch does. */
const COSINE_EPS = 1e-12;

/**
 * For pairs that should be alike (y = 1) L = 1 − cos(a, b), for pairs that should not (y = −1)
 * L = max(0, cos(a, b) − margin), with cos(a, b) = a·b / √((a² + 10⁻¹²)·(b² + 10⁻¹²)); averaged over the pairs
 *
 * ∂cos/∂a = b/√((a² + 10⁻¹²)·(b² + 10⁻¹²)) − cos·a/(a² + 10⁻¹²). Predictions [a, b], both [N, D], or [D] for one
 * pair; the target [N] of 1 and −1. As PyTorch's `nn.CosineEmbeddingLoss`.
 *
 * @throws RangeError for a margin outside [−1, 1]; in forward for another target, or for shapes that do not fit
 */
export class CosineEmbeddingLoss<R extends Reduction = 'mean' | 'sum'> extends LossOfSeveral<R> {
  readonly margin: number;

  constructor(...rest: [options?: CosineEmbeddingLossOptions<R> | undefined]) {
    const who = 'CosineEmbeddingLoss';
    const given = rest as [CosineEmbeddingLossOptions | undefined];
    const table = { margin: 0, reduction: REDUCTIONS } as const;
    const { margin, reduction } = optionsOf(who, given, table);
    super(['input1', 'input2'], reduction);
    checkNumber(who, 'margin', margin, -1, 1);
    this.margin = margin;
  }

  protected check(shapes: readonly Shape[]): void {
    this.checkAlike(shapes);
    if (shapes[0]!.length <= 2) return;
    throw new RangeError(`${this}: input1 expected [N, D] or [D], got ${shapeText(shapes[0]!)}`);
  }

  protected termShape([shape]: readonly Shape[]): Shape {
    return shape!.slice(0, -1);
  }

  protected targets(shapes: readonly Shape[], { reading, flat }: TargetReading): Numbers {
    const expected = this.termShape(shapes);
    const fits = flat ? reading.shape[0] === sizeOf(expected) : sameShape(reading.shape, expected);
    if (!fits) {
      const got = flat ? `${reading.shape[0]} numbers` : shapeText(reading.shape);
      throw new RangeError(
        `${this}: target expected ${shapeText(expected)}, one for each pair, got ${got}`,
      );
    }
    const { values } = reading;
    for (let i = 0; i < values.length; i++) {
      if (Math.abs(values[i]!) === 1) continue;
      throw new RangeError(`${this}: target[${i}] expected 1 or -1, got ${values[i]}`);
    }
    return values;
  }

  protected term(i: number, [a, b]: Arrays, t: Numbers, dx?: Arrays, slope = 0): number {
    const d = a!.length / t.length;
    const from = i * d;
    let [product, squareA, squareB] = [0, COSINE_EPS, COSINE_EPS];
    for (let k = from; k < from + d; k++) {
      product += a![k]! * b![k]!;
      squareA += a![k]! * a![k]!;
      squareB += b![k]! * b![k]!;
    }
    const length = Math.sqrt(squareA * squareB);
    const cosine = product / length;
    const alike = t[i] === 1;
    const loss = alike ? 1 - cosine : cosine - this.margin;
    if (dx && (alike || loss >= 0)) {
      const s = alike ? -slope : slope;
      for (let k = from; k < from + d; k++) {
        dx[0]![k] = s * (b![k]! / length - (cosine * a![k]!) / squareA);
        dx[1]![k] = s * (a![k]! / length - (cosine * b![k]!) / squareB);
      }
    }
    return alike ? loss : Math.max(0, loss);
  }
}

export interface TripletMarginLossOptions<R extends Reduction = Reduction>
  extends ReductionOptions<R> {
  /** By how much the negative should be farther away than the positive, above 0. Default 1. */
  margin?: number;
  /** p of the p-norm. Default 2. */
  p?: number;
  /** Added to each difference. Default 1e-6. */
  eps?: number;
  /** Whether the negative's distance is that to the positive, if it is nearer to it. Default false. */
  swap?: boolean;
}

/**
 * L = max(0, d(a, p) − d(a, n) + margin) for an anchor a, a positive p and a negative n, with
 * d(u, v) = (Σ|u − v + eps|ᵖ)^(1/p); with `swap` min(d(a, n), d(p, n)) instead of d(a, n); averaged over the triplets
 * (Balntas et al., 2016)
 *
 * ∂d/∂u = sign(e)·|e|ᵖ⁻¹/dᵖ⁻¹ with e = u − v + eps, 0 where d is 0. Predictions [a, p, n], all [N, D], or of more
 * axes, of which the last is measured; there is no target. As PyTorch's `nn.TripletMarginLoss`.
 *
 * ```ts
 * const value = loss.forward([anchor, positive, negative]);
 * const [dAnchor, dPositive, dNegative] = loss.backward();
 * ```
 *
 * @throws RangeError for a margin or p that is not above 0; in forward for shapes that differ
 */
export class TripletMarginLoss<R extends Reduction = 'mean' | 'sum'> extends LossOfSeveral<R> {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(...rest: [options?: TripletMarginLossOptions<R> | undefined]) {
    const who = 'TripletMarginLoss';
    const given = rest as [TripletMarginLossOptions | undefined];
    const table = { margin: 1, p: 2, eps: 1e-6, swap: false, reduction: REDUCTIONS } as const;
    const { margin, p, eps, swap, reduction } = optionsOf(who, given, table);
    super(['anchor', 'positive', 'negative'], reduction);
    checkNumber(who, 'margin', margin, Number.MIN_VALUE);
    checkNumber(who, 'p', p, Number.MIN_VALUE);
    checkNumber(who, 'eps', eps, 0);
    this.margin = margin;
    this.p = p;
    this.eps = eps;
    this.swap = swap;
  }

  override forward(
    predictions: readonly Input[],
    target: TargetData | undefined = undefined,
  ): LossValue<R> {
    if (target !== undefined) throw unexpected(`${this}: target`, 'none', target);
    return super.forward(predictions, []);
  }

  protected check(shapes: readonly Shape[]): void {
    this.checkAlike(shapes);
  }

  protected termShape([shape]: readonly Shape[]): Shape {
    return shape!.slice(0, -1);
  }

  protected targets(): Numbers {
    return new Float32Array(0);
  }

  protected term(i: number, x: Arrays, _: Numbers, dx?: Arrays, slope = 0): number {
    const toPositive = this.distance(i, x, 0, 1);
    const toNegative = this.distance(i, x, 0, 2);
    const other = this.swap ? this.distance(i, x, 1, 2) : Infinity;
    const loss = this.margin + toPositive - Math.min(toNegative, other);
    if (dx && loss >= 0) {
      // Of two equal distances each gets half.
      const share = toNegative === other ? 0.5 : toNegative < other ? 1 : 0;
      this.addSlope(i, x, dx, [0, 1], toPositive, slope);
      this.addSlope(i, x, dx, [0, 2], toNegative, -slope * share);
      if (this.swap) this.addSlope(i, x, dx, [1, 2], other, -slope * (1 - share));
    }
    return loss < 0 ? 0 : loss;
  }

  /** d(u, v) of the i-th rows of two predictions. */
  private distance(i: number, x: Arrays, from: number, to: number): number {
    const { p, eps, width } = this;
    const { powF64 } = kernels();
    const [u, v] = [x[from]!, x[to]!];
    let sum = 0;
    for (let k = i * width; k < (i + 1) * width; k++) {
      const e = Math.abs(u[k]! - v[k]! + eps);
      sum += p === 2 ? e * e : p === 1 ? e : powF64(e, p);
    }
    return p === 2 ? Math.sqrt(sum) : p === 1 ? sum : powF64(sum, 1 / p);
  }

  /** Adds slope·∂d/∂u and slope·∂d/∂v = −slope·∂d/∂u. */
  private addSlope(
    i: number,
    x: Arrays,
    dx: Arrays,
    [from, to]: readonly [number, number],
    distance: number,
    slope: number,
  ): void {
    if (slope === 0 || distance === 0) return;
    const { p, eps, width } = this;
    const { powF64 } = kernels();
    const [u, v, du, dv] = [x[from]!, x[to]!, dx[from]!, dx[to]!];
    for (let k = i * width; k < (i + 1) * width; k++) {
      const e = u[k]! - v[k]! + eps;
      if (e === 0) continue;
      const ratio = Math.abs(e) / distance;
      const part = p === 2 ? ratio : p === 1 ? 1 : powF64(ratio, p - 1);
      const d = e < 0 ? -slope * part : slope * part;
      du[k]! += d;
      dv[k]! -= d;
    }
  }

  /** Numbers in a row. */
  private get width(): number {
    return this.shapes[0]!.at(-1)!;
  }
}
