import { kernels } from '../runtime/engine.ts';
import { extra } from '../runtime/extra.ts';
import { checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { Loss, type LossArrays, type LossRequest, type Reduction } from './loss.ts';
import { REDUCTIONS, sameShapedTarget, type TargetReading } from './target.ts';

export interface ReductionOptions {
  /** `'mean'` over all elements, or `'sum'`. Default `'mean'`. */
  reduction?: Reduction;
}

/** A loss that is a sum or mean over elements; the target has the prediction's shape. */
abstract class Elementwise extends Loss {
  readonly reduction: Reduction;

  constructor(...rest: [options?: ReductionOptions | undefined]) {
    super();
    this.reduction = optionsOf(this.constructor.name, rest, { reduction: REDUCTIONS }).reduction;
  }

  protected request(shape: Shape, target: TargetReading): LossRequest {
    const reading = sameShapedTarget(`${this}`, shape, target);
    return { targetLength: sizeOf(shape), store: (view) => view.f32.set(reading.values) };
  }

  protected value(arrays: LossArrays): number {
    const size = sizeOf(arrays.shape);
    return this.sum(arrays, size) / (this.reduction === 'mean' ? size : 1);
  }

  protected differentiate(arrays: LossArrays, scale: number): void {
    const size = sizeOf(arrays.shape);
    this.slope(arrays, size, this.reduction === 'mean' ? scale / size : scale);
  }

  protected abstract sum(arrays: LossArrays, size: number): number;

  protected abstract slope(arrays: LossArrays, size: number, scale: number): void;
}

/**
 * L = (x − t)², averaged over all elements or summed
 *
 * dx = 2·(x − t) / size. Shapes: prediction and target alike, any. As PyTorch's `nn.MSELoss`.
 *
 * @throws RangeError in forward if the shapes differ or are empty
 */
export class MSELoss extends Elementwise {
  protected sum({ prediction, target }: LossArrays, size: number): number {
    return kernels().mseForward(prediction, target, 0, size);
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    kernels().mseBackward(gradient, prediction, target, scale, 0, size);
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
export class L1Loss extends Elementwise {
  protected sum({ prediction, target }: LossArrays, size: number): number {
    return extra().l1Forward(prediction, target, 0, size);
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    extra().l1Backward(gradient, prediction, target, scale, 0, size);
  }
}

export interface HuberLossOptions extends ReductionOptions {
  /** Where the parabola becomes a line. Default 1. */
  delta?: number;
}

/**
 * L = ½·d² where |d| < δ, else δ·(|d| − ½·δ), d = x − t; averaged over all elements or summed
 *
 * dx = min(max(d, −δ), δ) / size. Shapes: prediction and target alike, any. As PyTorch's
 * `nn.HuberLoss`; with δ = 1 also its `nn.SmoothL1Loss`.
 *
 * @throws RangeError if delta is not above 0; in forward if the shapes differ or are empty
 */
export class HuberLoss extends Elementwise {
  readonly delta: number;

  constructor(...rest: [options?: HuberLossOptions | undefined]) {
    const { delta, reduction } = optionsOf('HuberLoss', rest, { delta: 1, reduction: REDUCTIONS });
    super({ reduction });
    checkNumber('HuberLoss', 'delta', delta, Number.MIN_VALUE);
    this.delta = delta;
  }

  protected sum({ prediction, target }: LossArrays, size: number): number {
    return extra().huberForward(prediction, target, this.delta, 0, size);
  }

  protected slope({ gradient, prediction, target }: LossArrays, size: number, scale: number): void {
    extra().huberBackward(gradient, prediction, target, this.delta, scale, 0, size);
  }
}
