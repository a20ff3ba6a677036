import { extra } from '../runtime/extra.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { Loss, type LossArrays, type LossRequest } from './loss.ts';
import { REDUCTIONS, sameShapedTarget, type TargetReading } from './target.ts';

export interface KLDivLossOptions {
  /**
   * `'batchMean'` divides by N, which is the divergence's mean; `'mean'` by the number of elements.
   * Default `'mean'`, as PyTorch's.
   */
  reduction?: 'mean' | 'sum' | 'batchMean';
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
export class KLDivLoss extends Loss {
  readonly reduction: 'mean' | 'sum' | 'batchMean';
  readonly logTarget: boolean;

  constructor(...rest: [options?: KLDivLossOptions | undefined]) {
    super();
    const { reduction, logTarget } = optionsOf('KLDivLoss', rest, {
      reduction: [...REDUCTIONS, 'batchMean'],
      logTarget: false,
    });
    this.reduction = reduction;
    this.logTarget = logTarget;
  }

  protected request(shape: Shape, target: TargetReading): LossRequest {
    const reading = sameShapedTarget(`${this}`, shape, target);
    return { targetLength: sizeOf(shape), store: (view) => view.f32.set(reading.values) };
  }

  protected value({ prediction, target, shape }: LossArrays): number {
    const log = this.logTarget ? 1 : 0;
    return extra().klDivForward(prediction, target, log, 0, sizeOf(shape)) / this.divisor(shape);
  }

  protected differentiate({ gradient, target, shape }: LossArrays, scale: number): void {
    const log = this.logTarget ? 1 : 0;
    const factor = scale / this.divisor(shape);
    extra().klDivBackward(gradient, target, log, factor, 0, sizeOf(shape));
  }

  private divisor(shape: Shape): number {
    const { reduction } = this;
    return reduction === 'sum' ? 1 : reduction === 'mean' ? sizeOf(shape) : (shape[0] ?? 1);
  }
}
