import { View } from '../memory/memory.ts';
import { checkInteger } from '../tensor/check.ts';
import { numbersOf } from '../tensor/numbers.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkClassWeights, checkLabels, positionsOf } from './classes.ts';
import { Loss, type LossArrays, type LossRequest, type LossValue, type Reduction } from './loss.ts';
import { termsOf } from './none.ts';
import { REDUCTIONS, type TargetData, type TargetReading } from './target.ts';

export interface NLLLossOptions<R extends Reduction = Reduction> {
  /** A weight ω for each of the C classes. Default all 1. */
  weight?: ArrayLike<number>;
  /** The label of positions without a class, which add nothing to the loss. Default −100. */
  ignoreIndex?: number;
  /** `'none'`: the loss of each position, [N] or [N, d…]. Default 'mean'. */
  reduction?: R;
}

/**
 * Negative log-likelihood: L = −ω_ℓ·x_ℓ for a position of class ℓ, with log-probabilities x as `LogSoftmax` gives
 * them. `CrossEntropyLoss` is both in one.
 *
 * dx_ℓ = −ω_ℓ, divided by Σ ω_ℓ over the positions that count if the mean is taken; 0 for other classes. If all
 * labels are ignored the mean is NaN.
 *
 * Shapes: the prediction [N, C] or [N, C, d…]; the target whole numbers [N] or [N, d…] from 0 to C − 1, or
 * `ignoreIndex`. As PyTorch's `nn.NLLLoss`.
 *
 * @throws RangeError in forward for a label that is NaN, no whole number or out of range, for shapes that do not
 *   fit, and for a batch of 0
 */
export class NLLLoss<R extends Reduction = 'mean' | 'sum'> extends Loss<TargetData, LossValue<R>> {
  readonly ignoreIndex: number;
  override readonly reduction: Reduction;
  private readonly weight: Float32Array | undefined;
  /** What the last forward's mean divides by. */
  private divisor = 1;

  constructor(...rest: [options?: NLLLossOptions<R> | undefined]) {
    super();
    const who = 'NLLLoss';
    const { weight, ignoreIndex, reduction } = optionsOf(
      who,
      rest as [NLLLossOptions | undefined],
      { weight: undefined, ignoreIndex: -100, reduction: REDUCTIONS },
    );
    checkInteger(who, 'ignoreIndex', ignoreIndex, -2147483648, 2147483647);
    if (weight !== undefined) {
      this.weight = Float32Array.from(numbersOf(`${who}: weight`, weight));
    }
    this.ignoreIndex = ignoreIndex;
    this.reduction = reduction;
  }

  /** @internal With class weights or ignored places the mean is not over the samples. */
  override get batchWeight(): number {
    return this.reduction === 'mean' ? this.divisor : super.batchWeight;
  }

  protected override request(shape: Shape, { reading, flat }: TargetReading): LossRequest {
    const [n, c, ...rest] = shape as [number, number, ...number[]];
    if (shape.length < 2) {
      throw new RangeError(
        `${this}: prediction expected [N, C] or [N, C, d…], got ${shapeText(shape)}`,
      );
    }
    checkClassWeights(`${this}`, this.weight, shape);
    const given = reading.shape;
    const length = sizeOf(given);
    if (flat ? length !== n * sizeOf(rest) : !sameShape(given, [n, ...rest])) {
      const got = flat ? `${length} numbers` : shapeText(given);
      throw new RangeError(
        `${this}: target expected classes ${shapeText([n, ...rest])}, got ${got}`,
      );
    }
    checkLabels(`${this}`, reading.values, length, c, this.ignoreIndex);
    return { targetLength: length, store: (view) => view.i32.set(reading.values) };
  }

  protected override value(arrays: LossArrays): number {
    const { weights, losses } = this.positions(arrays);
    let sum = 0;
    let weight = 0;
    for (let i = 0; i < positionsOf(arrays.shape); i++) {
      weight += weights(i);
      sum += losses(i);
    }
    this.divisor = this.reduction === 'mean' ? weight : 1;
    return sum / this.divisor;
  }

  protected override terms(arrays: LossArrays): Tensor {
    const [n, , ...rest] = arrays.shape as [number, number, ...number[]];
    this.divisor = 1;
    return termsOf([n, ...rest], this.positions(arrays).losses);
  }

  protected override differentiate(arrays: LossArrays, scale: number): void {
    const { weights, at } = this.positions(arrays);
    const { f32 } = new View(arrays.gradient, sizeOf(arrays.shape));
    f32.fill(0);
    for (let i = 0; i < positionsOf(arrays.shape); i++) {
      if (weights(i) !== 0) f32[at(i)] = (-scale * weights(i)) / this.divisor;
    }
  }

  /** Of the i-th position: ω_ℓ, 0 if it is ignored; the place of x_ℓ; and the loss. */
  private positions({ prediction, target, shape }: LossArrays) {
    const c = shape[1]!;
    const inner = sizeOf(shape.slice(2));
    const x = new View(prediction, sizeOf(shape)).f32;
    const labels = new View(target, positionsOf(shape)).i32;
    const { weight, ignoreIndex } = this;
    const weights = (i: number) => {
      if (labels[i] === ignoreIndex) return 0;
      return weight ? weight[labels[i]!]! : 1;
    };
    const at = (i: number) => (Math.floor(i / inner) * c + labels[i]!) * inner + (i % inner);
    const losses = (i: number) => (labels[i] === ignoreIndex ? 0 : -weights(i) * x[at(i)]!);
    return { weights, at, losses };
  }
}
