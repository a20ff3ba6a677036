/** The negative log-likelihood of a normal distribution. */
import { kernels } from '../runtime/engine.ts';
import { checkNumber } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { optionsOf } from '../tensor/options.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, sameShape, shapeText } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';
import type { ReductionOptions } from './elementwise.ts';
import type { LossValue, Reduction } from './loss.ts';
import { type Arrays, LossOfSeveral } from './several.ts';
import { REDUCTIONS, sameShapedTarget, type TargetData, type TargetReading } from './target.ts';

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
