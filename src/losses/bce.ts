import { NULL, offset, type Pointer } from '../memory/memory.ts';
import { extra } from '../runtime/extra.ts';
import { optionsOf } from '../tensor/options.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';
import { Loss, type LossArrays, type LossRequest, type LossValue, type Reduction } from './loss.ts';
import { termsOf } from './none.ts';
import {
  REDUCTIONS,
  readTarget,
  sameShapedTarget,
  type TargetData,
  type TargetReading,
} from './target.ts';

export interface BCELossOptions<R extends Reduction = Reduction> {
  /** A weight of each element, broadcast to the prediction's shape. Default 1. */
  weight?: TargetData;
  /** Default 'mean'. */
  reduction?: R;
}

export interface BCEWithLogitsLossOptions<R extends Reduction = Reduction>
  extends BCELossOptions<R> {
  /** A weight of the positive targets, broadcast to the prediction's shape: [C] for [N, C]. Default 1. */
  posWeight?: TargetData;
}

/** The weights, broadcast over the last axes of a prediction's shape. */
interface Spread {
  readonly shape: Shape;
  /** Number of elements of those axes. */
  readonly n: number;
  readonly weight: Float32Array | undefined;
  readonly posWeight: Float32Array | undefined;
}

/** The arrays of a call, each weight's n numbers behind the target. */
interface Columns {
  readonly n: number;
  readonly rows: number;
  readonly weight: Pointer;
  readonly posWeight: Pointer;
}

/** Both losses: elementwise, with weights that are broadcast. */
abstract class BinaryCrossEntropy<R extends Reduction> extends Loss<TargetData, LossValue<R>> {
  override readonly reduction: Reduction;
  private readonly weight: Tensor | undefined;
  private readonly posWeight: Tensor | undefined;
  private spread: Spread | undefined;

  constructor(who: string, { weight, posWeight, reduction }: BCEWithLogitsLossOptions) {
    super();
    this.reduction = reduction!;
    this.weight = weight === undefined ? weight : kept(who, 'weight', weight);
    this.posWeight = posWeight === undefined ? posWeight : kept(who, 'posWeight', posWeight);
  }

  /** The sum of the terms of all rows. */
  protected abstract sum(prediction: Pointer, target: Pointer, columns: Columns): number;

  protected abstract slope(arrays: LossArrays, columns: Columns, scale: number): void;

  protected override request(shape: Shape, target: TargetReading): LossRequest {
    const reading = sameShapedTarget(`${this}`, shape, target);
    const size = sizeOf(shape);
    const spread = this.spreadOver(shape);
    const { n, weight, posWeight } = spread;
    return {
      // The weights are stored after the target.
      targetLength: size + (weight ? n : 0) + (posWeight ? n : 0),
      store: (view) => {
        this.spread = spread;
        view.f32.set(reading.values);
        if (weight) view.f32.set(weight, size);
        if (posWeight) view.f32.set(posWeight, size + (weight ? n : 0));
      },
    };
  }

  protected override value(arrays: LossArrays): number {
    const { prediction, target, shape } = arrays;
    const sum = this.sum(prediction, target, this.columns(arrays));
    return sum / (this.reduction === 'mean' ? sizeOf(shape) : 1);
  }

  protected override terms(arrays: LossArrays): Tensor {
    const { prediction, target, shape } = arrays;
    const { n, weight, posWeight } = this.columns(arrays);
    return termsOf(shape, (i) =>
      this.sum(offset(prediction, i), offset(target, i), {
        n: 1,
        rows: 1,
        weight: weight && offset(weight, i % n),
        posWeight: posWeight && offset(posWeight, i % n),
      }),
    );
  }

  protected override differentiate(arrays: LossArrays, scale: number): void {
    const factor = this.reduction === 'mean' ? scale / sizeOf(arrays.shape) : scale;
    this.slope(arrays, this.columns(arrays), factor);
  }

  private columns({ target, shape }: LossArrays): Columns {
    const { n, weight, posWeight } = this.spread!;
    const size = sizeOf(shape);
    return {
      n,
      rows: size / n,
      weight: weight ? offset(target, size) : NULL,
      posWeight: posWeight ? offset(target, size + (weight ? n : 0)) : NULL,
    };
  }

  /** Broadcasts both weights over the last axes, as many as the weight with more axes has. */
  private spreadOver(shape: Shape): Spread {
    if (this.spread && sameShape(this.spread.shape, shape)) return this.spread;
    const { weight, posWeight } = this;
    const axes = Math.max(weight?.shape.length ?? 0, posWeight?.shape.length ?? 0);
    // Without weights the prediction is one row.
    const last = weight || posWeight ? shape.slice(Math.max(0, shape.length - axes)) : shape;
    return {
      shape: [...shape],
      n: sizeOf(last),
      weight: weight && broadcast(`${this}: weight`, weight, last),
      posWeight: posWeight && broadcast(`${this}: posWeight`, posWeight, last),
    };
  }
}

/**
 * Binary cross-entropy of probabilities x: L = −ω·(t·ln x + (1 − t)·ln(1 − x)), ω `weight`, with logarithms of at
 * least −100; averaged over all elements or summed
 *
 * dx = ω·(x − t) / max(x·(1 − x), 10⁻¹²) / size. Shapes: prediction and target alike, any; both in [0, 1]. Behind a
 * `Sigmoid`, `BCEWithLogitsLoss` without it is more precise. As PyTorch's `nn.BCELoss`.
 *
 * @throws RangeError in forward for a prediction outside [0, 1], if the shapes differ or are empty, or if the
 *   weight cannot be broadcast
 */
export class BCELoss<R extends Reduction = 'mean' | 'sum'> extends BinaryCrossEntropy<R> {
  constructor(...rest: [options?: BCELossOptions<R> | undefined]) {
    const table = { weight: undefined, reduction: REDUCTIONS } as const;
    super('BCELoss', optionsOf('BCELoss', rest as [BCELossOptions | undefined], table));
  }

  override forward(prediction: Input, target: TargetData): LossValue<R> {
    const { values } = read(`${this}`, prediction);
    for (let i = 0; i < values.length; i++) {
      const p = values[i]!;
      if (p >= 0 && p <= 1) continue;
      throw new RangeError(
        `${this}: prediction[${i}] expected a probability from 0 to 1, got ${p}: end the model in a Sigmoid, ` +
          'or give logits to BCEWithLogitsLoss',
      );
    }
    return super.forward(prediction, target);
  }

  protected sum(prediction: Pointer, target: Pointer, { weight, n, rows }: Columns): number {
    return extra().bceForward(prediction, target, weight, n, 0, rows);
  }

  protected slope(arrays: LossArrays, { weight, n, rows }: Columns, scale: number): void {
    const { gradient, prediction, target } = arrays;
    extra().bceBackward(gradient, prediction, target, weight, n, scale, 0, rows);
  }
}

/**
 * Sigmoid and binary cross-entropy in one: L = −ω·(ρ·t·ln σ(x) + (1 − t)·ln σ(−x)), ω `weight`,
 * ρ `posWeight`; averaged over all elements or summed
 *
 * dx = ω·((1 − t)·σ(x) − ρ·t·σ(−x)) / size. Neither overflows, and both are precise if the
 * prediction is confident and right. Shapes: prediction and target alike, any; targets in [0, 1]. As
 * PyTorch's `nn.BCEWithLogitsLoss`.
 *
 * @throws RangeError in forward if the shapes differ or are empty, or a weight cannot be broadcast
 */
export class BCEWithLogitsLoss<R extends Reduction = 'mean' | 'sum'> extends BinaryCrossEntropy<R> {
  constructor(...rest: [options?: BCEWithLogitsLossOptions<R> | undefined]) {
    const table = { weight: undefined, posWeight: undefined, reduction: REDUCTIONS } as const;
    const given = rest as [BCEWithLogitsLossOptions | undefined];
    super('BCEWithLogitsLoss', optionsOf('BCEWithLogitsLoss', given, table));
  }

  protected sum(prediction: Pointer, target: Pointer, columns: Columns): number {
    const { weight, posWeight, n, rows } = columns;
    return extra().bceWithLogitsForward(prediction, target, weight, posWeight, n, 0, rows);
  }

  protected slope(arrays: LossArrays, columns: Columns, scale: number): void {
    const { gradient, prediction, target } = arrays;
    const { weight, posWeight, n, rows } = columns;
    extra().bceWithLogitsBackward(
      gradient,
      prediction,
      target,
      weight,
      posWeight,
      n,
      scale,
      0,
      rows,
    );
  }
}

/** A copy of a weight. A flat array has one axis. */
function kept(who: string, name: string, weight: TargetData): Tensor {
  const { reading } = readTarget(who, weight, undefined, name);
  return Tensor.from(Float32Array.from(reading.values), reading.shape);
}

/** Broadcasts `tensor` to `shape` as NumPy does: its axes are matched with the last ones of `shape`. */
function broadcast(who: string, tensor: Tensor, shape: Shape): Float32Array {
  const missing = shape.length - tensor.shape.length;
  const own = shape.map((_, axis) => (axis < missing ? 1 : tensor.shape[axis - missing]!));
  if (missing < 0 || own.some((extent, axis) => extent !== 1 && extent !== shape[axis])) {
    throw new RangeError(
      `${who} of ${shapeText(tensor.shape)} cannot be broadcast to the prediction's ${shapeText(shape)}`,
    );
  }
  const values = tensor.view();
  return new Float32Array(sizeOf(shape)).map((_, i) => {
    let at = 0;
    let stride = 1;
    let rest = i;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const extent = shape[axis]!;
      if (own[axis] !== 1) at += (rest % extent) * stride;
      stride *= own[axis]!;
      rest = Math.floor(rest / extent);
    }
    return values[at]!;
  });
}
