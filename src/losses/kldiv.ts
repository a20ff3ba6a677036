import { extra } from '../runtime/extra.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Loss, type LossArrays, type LossRequest, type LossValue } from './loss.ts';
import { termsOf } from './none.ts';
import { REDUCTIONS, sameShapedTarget, type TargetData, type TargetReading } from './target.ts';

type KLDivReduction = 'mean' | 'sum' | 'none' | 'batchMean';

export interface KLDivLossOptions<R extends KLDivReduction = KLDivReduction> {
  /**
   * `'batchMean'` divides by N, which is the divergence's mean; `'mean'` by the number of elements. `'none'`: each
   * term by itself.
   * Default `'mean'`, as PyTorch's.
   */
  reduction?: R;
  /** Whether the target holds log-probabilities as well. Default false. */
  logTarget?: boolean;
}

/**
 * Kullback–Leibler divergence of log-probabilities x from probabilities t: L = t·(ln t − x), where
 * 0·ln 0 = 0; with `logTarget` L = eᵗ·(t − x)
 *
 * dx = −t, or −eᵗ, divided by the divisor of the reduction. Shapes: prediction and target alike, [N, …];
 * the prediction as a `LogSoftmax` gives it. As PyTorch's `nn.KLDivLoss`.
 *
 * @throws RangeError in forward if the shapes differ or are empty
 */
export class KLDivLoss<R extends KLDivReduction = 'mean' | 'sum' | 'batchMean'> extends Loss<
  TargetData,
  LossValue<R>
> {
  override readonly reduction: KLDivReduction;
  readonly logTarget: boolean;

  constructor(...rest: [options?: KLDivLossOptions<R> | undefined]) {
    super();
    const options = rest as [KLDivLossOptions | undefined];
    const { reduction, logTarget } = optionsOf('KLDivLoss', options, {
      reduction: [...REDUCTIONS, 'batchMean'],
      logTarget: false,
    });
    this.reduction = reduction;
    this.logTarget = logTarget;
  }

  protected override request(shape: Shape, target: TargetReading): LossRequest {
    const reading = sameShapedTarget(`${this}`, shape, target);
    return { targetLength: sizeOf(shape), store: (view) => view.f32.set(reading.values) };
  }

  protected override value({ prediction, target, shape }: LossArrays): number {
    const log = this.logTarget ? 1 : 0;
    return extra().klDivForward(prediction, target, log, 0, sizeOf(shape)) / this.divisor(shape);
  }

  protected override terms({ prediction, target, shape }: LossArrays): Tensor {
    const log = this.logTarget ? 1 : 0;
    return termsOf(shape, (i) => extra().klDivForward(prediction, target, log, i, i + 1));
  }

  protected override differentiate({ gradient, target, shape }: LossArrays, scale: number): void {
    const log = this.logTarget ? 1 : 0;
    const factor = scale / this.divisor(shape);
    extra().klDivBackward(gradient, target, log, factor, 0, sizeOf(shape));
  }

  private divisor(shape: Shape): number {
    const { reduction } = this;
    if (reduction === 'batchMean') return shape[0] ?? 1;
    return reduction === 'mean' ? sizeOf(shape) : 1;
  }
}
