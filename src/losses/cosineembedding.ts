/** The loss of pairs by their cosine. */
import { checkNumber } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { ReductionOptions } from './elementwise.ts';
import type { Reduction } from './loss.ts';
import { type Arrays, LossOfSeveral } from './several.ts';
import { REDUCTIONS, type TargetReading } from './target.ts';

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
