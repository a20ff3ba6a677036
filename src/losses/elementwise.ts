import { common } from '../runtime/common.ts';
import { extra } from '../runtime/extra.ts';
import { checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Loss, type LossArrays, type LossRequest, type LossValue, type Reduction } from './loss.ts';
import { termsOf } from './none.ts';
import { REDUCTIONS, sameShapedTarget, type TargetData, type TargetReading } from './target.ts';

export interface ReductionOptions<R extends Reduction = Reduction> {
  /** `'mean'` over all elements, `'sum'`, or `'none'`: each by itself. Default `'mean'`. */
  reduction?: R;
}

/** A loss that is a sum or mean over elements; the target has the prediction's shape. */
abstract class Elementwise<R extends Reduction> extends Loss<TargetData, LossValue<R>> {
  override readonly reduction: Reduction;

  constructor(...rest: [options?: ReductionOptions<R> | undefined]) {
    super();
    const options = rest as [ReductionOptions | undefined];
    this.reduction = optionsOf(this.constructor.name, options, { reduction: REDUCTIONS }).reduction;
  }

  protected override request(shape: Shape, target: TargetReading): LossRequest {
    const reading = sameShapedTarget(`${this}`, shape, target);
    return { targetLength: sizeOf(shape), store: (view) => view.f32.set(reading.values) };
  }

  protected override value(arrays: LossArrays): number {
    const size = sizeOf(arrays.shape);
    return this.sum(arrays, 0, size) / (this.reduction === 'mean' ? size : 1);
  }

  protected override terms(arrays: LossArrays): Tensor {
    return termsOf(arrays.shape, (i) => this.sum(arrays, i, i + 1));
  }

  protected override differentiate(arrays: LossArrays, scale: number): void {
    const size = sizeOf(arrays.shape);
    this.slope(arrays, size, this.reduction === 'mean' ? scale / size : scale);
  }

  /** The sum of the terms of elements [from, to). */
  protected abstract sum(arrays: LossArrays, from: number, to: number): number;

  protected abstract slope(arrays: LossArrays, size: number, scale: number): void;
}

/**
 * L = (x − t)², averaged over all elements or summed
 *
 * dx = 2·(x − t) / size. Shapes: prediction and target alike, any. As PyTorch's `nn.MSELoss`.
 *
 * @throws RangeError in forward if the shapes differ or are empty
 */
export class MSELoss<R extends Reduction = 'mean' | 'sum'> extends Elementwise<R> {
  protected sum({ prediction, target }: LossArrays, from: number, to: number): number {
    return common().mseForward(prediction, target, from, to);
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    common().mseBackward(gradient, prediction, target, scale, 0, size);
  }
}

/**
 * L = |x − t|, averaged over all elements or summed
 *
 * dx = sign(x − t) / size, 0 where they are equal. Shapes: prediction and target alike, any. As
 * PyTorch's `nn.L1Loss`.
 *
 * @throws RangeError in forward if the shapes differ or are empty
 */
export class L1Loss<R extends Reduction = 'mean' | 'sum'> extends Elementwise<R> {
  protected sum({ prediction, target }: LossArrays, from: number, to: number): number {
    return extra().l1Forward(prediction, target, from, to);
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    extra().l1Backward(gradient, prediction, target, scale, 0, size);
  }
}

export interface HuberLossOptions<R extends Reduction = Reduction> extends ReductionOptions<R> {
  /** Where the parabola becomes a line. Default 1. */
  delta?: number;
}

/**
 * L = ½·d² where |d| < δ, else δ·(|d| − ½·δ), d = x − t; averaged over all elements or summed
 *
 * dx = min(max(d, −δ), δ) / size. Shapes: prediction and target alike, any. As PyTorch's
 * `nn.HuberLoss`; `SmoothL1Loss` is this one divided by δ.
 *
 * @throws RangeError if delta is not above 0; in forward if the shapes differ or are empty
 */
export class HuberLoss<R extends Reduction = 'mean' | 'sum'> extends Elementwise<R> {
  readonly delta: number;

  constructor(...rest: [options?: HuberLossOptions<R> | undefined]) {
    const options = rest as [HuberLossOptions | undefined];
    const table = { delta: 1, reduction: REDUCTIONS } as const;
    const { delta, reduction } = optionsOf('HuberLoss', options, table);
    super({ reduction: reduction as R });
    checkNumber('HuberLoss', 'delta', delta, Number.MIN_VALUE);
    this.delta = delta;
  }

  protected sum({ prediction, target }: LossArrays, from: number, to: number): number {
    return extra().huberForward(prediction, target, this.delta, from, to);
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    extra().huberBackward(gradient, prediction, target, this.delta, scale, 0, size);
  }
}

export interface SmoothL1LossOptions<R extends Reduction = Reduction> extends ReductionOptions<R> {
  /** Where the parabola becomes a line. 0 is `L1Loss`. Default 1. */
  beta?: number;
}

/**
 * L = ½·d²/β where |d| < β, else |d| − ½·β, d = x − t; averaged over all elements or summed
 *
 * dx = min(max(d/β, −1), 1) / size: Huber's loss with δ = β, divided by β. Shapes: prediction and target alike,
 * any. As PyTorch's `nn.SmoothL1Loss`.
 *
 * @throws RangeError for a negative beta; in forward if the shapes differ or are empty
 */
export class SmoothL1Loss<R extends Reduction = 'mean' | 'sum'> extends Elementwise<R> {
  readonly beta: number;

  constructor(...rest: [options?: SmoothL1LossOptions<R> | undefined]) {
    const options = rest as [SmoothL1LossOptions | undefined];
    const table = { beta: 1, reduction: REDUCTIONS } as const;
    const { beta, reduction } = optionsOf('SmoothL1Loss', options, table);
    super({ reduction: reduction as R });
    checkNumber('SmoothL1Loss', 'beta', beta, 0);
    this.beta = beta;
  }

  protected sum({ prediction, target }: LossArrays, from: number, to: number): number {
    const { beta } = this;
    if (beta === 0) return extra().l1Forward(prediction, target, from, to);
    return extra().huberForward(prediction, target, beta, from, to) / beta;
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    const { beta } = this;
    if (beta === 0) extra().l1Backward(gradient, prediction, target, scale, 0, size);
    else extra().huberBackward(gradient, prediction, target, beta, scale / beta, 0, size);
  }
}
