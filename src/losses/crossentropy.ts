import { CrossEntropyShape } from '../generated/kernels.ts';
import { NULL, offset, type Pointer, View } from '../memory/memory.ts';
import { Struct } from '../memory/struct.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger, checkNumber } from '../tensor/check.ts';
import { numbersOf } from '../tensor/numbers.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkClassWeights, checkLabels, positionsOf } from './classes.ts';
import { Loss, type LossArrays, type LossRequest, type LossValue, type Reduction } from './loss.ts';
import { termsOf } from './none.ts';
import { REDUCTIONS, type TargetData, type TargetReading } from './target.ts';

export interface CrossEntropyLossOptions<R extends Reduction = Reduction> {
  /** ε: each target becomes (1 − ε)·target + ε/C. Default 0. */
  labelSmoothing?: number;
  /** A weight ω for each of the C classes. Default all 1. */
  weight?: ArrayLike<number>;
  /** The label of positions without a class, which add nothing to the loss. Default −100. */
  ignoreIndex?: number;
  /** `'none'`: the loss of each position, [N] or [N, d…]. Default 'mean'. */
  reduction?: R;
}

/**
 * Softmax and cross-entropy in one: L = Σ_k a_k·(−ln softmax(x)_k) for each position, with
 * a_k = (1 − ε)·ω_ℓ·[k = ℓ] + (ε/C)·ω_k for a class ℓ, a_k = ω_k·((1 − ε)·t_k + ε/C) for
 * probabilities t.
 *
 * ```ts
 * const loss = new CrossEntropyLoss({ labelSmoothing: 0.1 });
 * const value = loss.forward(model.forward(images), labels);
 * model.backward(loss.backward());
 * ```
 *
 * The mean of classes divides by Σ ω_ℓ over the positions that count, that of probabilities by the number
 * of positions. If all labels are ignored the mean is NaN.
 *
 * Shapes: the prediction holds logits [N, C] or [N, C, d…]; the target whole numbers [N] or [N, d…] from 0
 * to C − 1 (or `ignoreIndex`), or probabilities shaped as the prediction. A flat array is checked by its
 * length only. As PyTorch's `nn.CrossEntropyLoss`.
 *
 * @throws RangeError in forward for a label that is NaN, no whole number or out of range, for shapes
 *   that do not fit, and for a batch of 0
 */
export class CrossEntropyLoss<R extends Reduction = 'mean' | 'sum'> extends Loss<
  TargetData,
  LossValue<R>
> {
  readonly labelSmoothing: number;
  readonly ignoreIndex: number;
  override readonly reduction: Reduction;
  private readonly weight: Float32Array | undefined;
  /** Of the last forward: whether the target held probabilities, its sizes, what the mean divides by. */
  private soft = false;
  private sizes: Struct<CrossEntropyShape, 'CrossEntropyShape'> | undefined;
  private divisor = 1;

  constructor(...rest: [options?: CrossEntropyLossOptions<R> | undefined]) {
    super();
    const who = 'CrossEntropyLoss';
    const options = rest as [CrossEntropyLossOptions | undefined];
    const { labelSmoothing, weight, ignoreIndex, reduction } = optionsOf(who, options, {
      labelSmoothing: 0,
      weight: undefined,
      ignoreIndex: -100,
      reduction: REDUCTIONS,
    });
    checkNumber(who, 'labelSmoothing', labelSmoothing, 0, 1);
    checkInteger(who, 'ignoreIndex', ignoreIndex, -2147483648, 2147483647);
    this.labelSmoothing = labelSmoothing;
    if (weight !== undefined) {
      this.weight = Float32Array.from(numbersOf(`${who}: weight`, weight));
    }
    this.ignoreIndex = ignoreIndex;
    this.reduction = reduction;
  }

  /** @internal With class weights or ignored places the mean of classes is not over the samples. */
  override get batchWeight(): number {
    return this.soft || this.reduction !== 'mean' ? super.batchWeight : this.divisor;
  }

  protected override request(shape: Shape, { reading, flat }: TargetReading): LossRequest {
    const [n, c, ...rest] = shape as [number, number, ...number[]];
    if (shape.length < 2) {
      throw new RangeError(
        `${this}: prediction expected [N, C] or [N, C, d…], got ${shapeText(shape)}`,
      );
    }
    const { weight } = this;
    checkClassWeights(`${this}`, weight, shape);
    const given = reading.shape;
    const length = sizeOf(given);
    const soft = flat ? length === sizeOf(shape) && c > 1 : sameShape(given, shape);
    const fits = flat ? length === n * sizeOf(rest) : sameShape(given, [n, ...rest]);
    if (!soft && !fits) {
      const got = flat ? `${length} numbers` : shapeText(given);
      throw new RangeError(
        `${this}: target expected classes ${shapeText([n, ...rest])} or probabilities ` +
          `${shapeText(shape)}, got ${got}`,
      );
    }
    if (!soft) checkLabels(`${this}`, reading.values, length, c, this.ignoreIndex);
    const { ignoreIndex, labelSmoothing: smoothing } = this;
    const sizes = new Struct(CrossEntropyShape, { c, inner: sizeOf(rest), ignoreIndex, smoothing });
    return {
      // The class weights are stored after the target.
      targetLength: length + (weight ? c : 0),
      savedLength: sizeOf(shape),
      struct: sizes,
      store: (view) => {
        this.soft = soft;
        this.sizes = sizes;
        if (soft) view.f32.set(reading.values);
        else view.i32.set(reading.values);
        if (weight) view.f32.set(weight, length);
      },
    };
  }

  protected override value(arrays: LossArrays): number {
    const { prediction, target, saved, shape } = arrays;
    const n = shape[0]!;
    const { ptr } = this.sizes!;
    const weight = this.weightAt(arrays);
    const k = kernels();
    const mean = this.reduction === 'mean';
    if (this.soft) {
      this.divisor = mean ? positionsOf(shape) : 1;
      const sum = k.crossEntropySoftForward(saved, prediction, target, weight, ptr, 0, n);
      return sum / this.divisor;
    }
    this.divisor = mean
      ? k.crossEntropyWeight(target, weight, this.ignoreIndex, 0, positionsOf(shape))
      : 1;
    return k.crossEntropyForward(saved, prediction, target, weight, ptr, 0, n) / this.divisor;
  }

  /**
   * The loss of each position in float64, from its logits: Σ_k a_k·(ln Σ_j e^(x_j − m) − (x_k − m)), m the
   * largest.
   */
  protected override terms(arrays: LossArrays): Tensor {
    this.value(arrays); // leaves softmax(x) for the gradient
    const { shape, prediction, target } = arrays;
    const [n, c, ...rest] = shape as [number, number, ...number[]];
    const inner = sizeOf(rest);
    const { weight, soft, ignoreIndex, labelSmoothing: smoothing } = this;
    const { expF64, logF64 } = kernels();
    const x = new View(prediction, sizeOf(shape)).f32;
    const given = new View(target, soft ? x.length : n * inner);
    return termsOf([n, ...rest], (i) => {
      const label = soft ? -1 : given.i32[i]!;
      if (!soft && label === ignoreIndex) return 0;
      const first = Math.floor(i / inner) * c * inner + (i % inner);
      const at = (k: number) => first + k * inner;
      let m = -Infinity;
      for (let k = 0; k < c; k++) m = Math.max(m, x[at(k)]!);
      let sum = 0;
      for (let k = 0; k < c; k++) sum += expF64(x[at(k)]! - m);
      const log = logF64(sum);
      let loss = 0;
      for (let k = 0; k < c; k++) {
        const t = soft ? given.f32[at(k)]! : k === label ? 1 : 0;
        const mass = (weight ? weight[k]! : 1) * ((1 - smoothing) * t + smoothing / c);
        if (mass !== 0) loss += mass * (log - (x[at(k)]! - m));
      }
      return loss;
    });
  }

  protected override differentiate(arrays: LossArrays, scale: number): void {
    const { gradient, target, saved, shape } = arrays;
    const n = shape[0]!;
    const { ptr } = this.sizes!;
    const weight = this.weightAt(arrays);
    const factor = scale / this.divisor;
    const k = kernels();
    if (this.soft) k.crossEntropySoftBackward(gradient, saved, target, weight, ptr, factor, 0, n);
    else k.crossEntropyBackward(gradient, saved, target, weight, ptr, factor, 0, n);
  }

  private weightAt({ target, shape }: LossArrays): Pointer {
    if (!this.weight) return NULL;
    return offset(target, this.soft ? sizeOf(shape) : positionsOf(shape));
  }
}
