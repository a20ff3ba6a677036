import { NULL, offset, type Pointer } from '../memory/memory.ts';
import { extra } from '../runtime/extra.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Loss, type LossArrays, type LossRequest, type Reduction } from './loss.ts';
import {
  REDUCTIONS,
  readTarget,
  sameShapedTarget,
  type TargetData,
  type TargetReading,
} from './target.ts';

export interface BCEWithLogitsLossOptions {
  /** A weight of each element, broadcast to the prediction's shape. Default 1. */
  weight?: TargetData;
  /** A weight of the positive targets, broadcast to the prediction's shape: [C] for [N, C]. Default 1. */
  posWeight?: TargetData;
  /** Default 'mean'. */
  reduction?: Reduction;
}

/** The weights, broadcast over the last axes of a prediction's shape. */
interface Spread {
  readonly shape: Shape;
  /** Number of elements of those axes. */
  readonly n: number;
  readonly weight: Float32Array | undefined;
  readonly posWeight: Float32Array | undefined;
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
export class BCEWithLogitsLoss extends Loss {
  readonly reduction: Reduction;
  private readonly weight: Tensor | undefined;
  private readonly posWeight: Tensor | undefined;
  private spread: Spread | undefined;

  constructor(...rest: [options?: BCEWithLogitsLossOptions | undefined]) {
    super();
    const { weight, posWeight, reduction } = optionsOf('BCEWithLogitsLoss', rest, {
      weight: undefined,
      posWeight: undefined,
      reduction: REDUCTIONS,
    });
    this.reduction = reduction;
    this.weight = weight === undefined ? weight : kept('weight', weight);
    this.posWeight = posWeight === undefined ? posWeight : kept('posWeight', posWeight);
  }

  protected request(shape: Shape, target: TargetReading): LossRequest {
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

  protected value(arrays: LossArrays): number {
    const { prediction, target, shape } = arrays;
    const { n, rows, weight, posWeight } = this.sizes(arrays);
    const sum = extra().bceWithLogitsForward(prediction, target, weight, posWeight, n, 0, rows);
    return sum / (this.reduction === 'mean' ? sizeOf(shape) : 1);
  }

  protected differentiate(arrays: LossArrays, scale: number): void {
    const { gradient, prediction, target, shape } = arrays;
    const { n, rows, weight, posWeight } = this.sizes(arrays);
    const factor = this.reduction === 'mean' ? scale / sizeOf(shape) : scale;
    extra().bceWithLogitsBackward(
      gradient,
      prediction,
      target,
      weight,
      posWeight,
      n,
      factor,
      0,
      rows,
    );
  }

  private sizes({ target, shape }: LossArrays): {
    n: number;
    rows: number;
    weight: Pointer;
    posWeight: Pointer;
  } {
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

/** A copy of a weight. A flat array has one axis. */
function kept(name: string, weight: TargetData): Tensor {
  const { reading } = readTarget('BCEWithLogitsLoss', weight, undefined, name);
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
