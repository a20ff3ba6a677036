import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { offset } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import {
  checkEps,
  checkInteger,
  describe,
  type Shape,
  shapeText,
  sizeOf,
} from '../../tensor/check.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';

export interface LayerNormOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Whether γ (`weight`) and β (`bias`) are learnt. Default true. */
  elementwiseAffine?: boolean;
  /** Whether β is learnt beside γ. Default true. */
  bias?: boolean;
}

/** What a use of the layer keeps from its forward for its backward. */
interface Memo {
  /** Rows. */
  readonly n: number;
  readonly shift: Slot;
  readonly delta: Slot;
  readonly invStd: Slot;
  /** What stands for an absent γ or β. */
  readonly ones: Slot | undefined;
  readonly zeros: Slot | undefined;
}

/**
 * Layer norm (Ba, Kiros and Hinton, 2016, arXiv:1607.06450):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * with the mean and variance (biased) of each sample's own last axes. There are no running statistics:
 * training and evaluation are the same, and a sample's numbers do not depend on its batch.
 *
 * ```ts
 * const norm = new LayerNorm(768);         // or new LayerNorm([16, 8, 8])
 * norm.forward(x);                         // [N, T, 768] → [N, T, 768]
 * ```
 *
 * Shapes: x [N, …, ...normalizedShape]; the output has x's. `weight`, `bias` [...normalizedShape]. As
 * PyTorch's `nn.LayerNorm`; the options and their defaults stand in `LayerNormOptions`.
 *
 * @throws RangeError for extents that are no whole numbers ≥ 1 or an eps ≤ 0, and in forward for an
 *   input whose last axes are others
 */
export class LayerNorm extends Leaf {
  readonly normalizedShape: Shape;
  readonly eps: number;
  /** γ, [...normalizedShape]. */
  readonly weight: Parameter | undefined;
  /** β, [...normalizedShape]. */
  readonly bias: Parameter | undefined;
  /** Numbers of a row. */
  private readonly size: number;

  /** @param normalizedShape the last axis, or several */
  constructor(
    normalizedShape: number | Shape,
    { eps = 1e-5, elementwiseAffine = true, bias = true }: LayerNormOptions = {},
  ) {
    super();
    this.normalizedShape = trailingShape('LayerNorm', normalizedShape);
    checkEps(`${this}`, eps);
    this.eps = eps;
    this.size = sizeOf(this.normalizedShape);
    const ones = Tensor.from(new Float32Array(this.size).fill(1), this.normalizedShape);
    this.weight = elementwiseAffine ? new Parameter(ones) : undefined;
    this.bias =
      elementwiseAffine && bias ? new Parameter(Tensor.zeros(this.normalizedShape)) : undefined;
  }

  connect(use: Use, shape: Shape): Shape {
    checkTrailing(this, shape);
    const d = this.size;
    const n = sizeOf(shape) / d;
    use.memo = {
      n,
      shift: use.save([n]),
      delta: use.save([n]),
      invStd: use.save([n]),
      ones: this.weight ? undefined : use.save([d]),
      zeros: this.bias ? undefined : use.save([d]),
    } satisfies Memo;
    use.reserveScratch(4 * d * (2 * chunks(n) + 1));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use): void {
    const { n, shift, delta, invStd, ones, zeros } = use.memo as Memo;
    const d = this.size;
    ones?.f32.fill(1);
    zeros?.f32.fill(0);
    extra().layerNormForward(
      use.y,
      shift.ptr,
      delta.ptr,
      invStd.ptr,
      use.x,
      this.weight?.ptr ?? ones!.ptr,
      this.bias?.ptr ?? zeros!.ptr,
      d,
      d,
      this.eps,
      0,
      n,
    );
  }

  /** dγ += Σ dy·x̂ and dβ += Σ dy over the rows; dx with the statistics' own share in it. */
  runBackward(use: Use): void {
    const { n, shift, delta, invStd, ones } = use.memo as Memo;
    const { dx, dy, x, scratch } = use;
    const d = this.size;
    const dWeight = use.gradient(this.weight);
    const dBias = use.gradient(this.bias);
    extra().layerNormBackward(
      dx,
      scratch,
      shift.ptr,
      delta.ptr,
      invStd.ptr,
      dy,
      x,
      this.weight?.ptr ?? ones!.ptr,
      d,
      d,
      0,
      n,
      offset(scratch, 2 * chunks(n) * d),
    );
    const { sumChunks } = extra();
    if (dWeight) sumChunks(dWeight, scratch, chunks(n), 2 * d, 0, d);
    if (dBias) sumChunks(dBias, offset(scratch, d), chunks(n), 2 * d, 0, d);
  }

  override toString(): string {
    return `${this.constructor.name}(${trailingText(this.normalizedShape)})`;
  }
}

/** Pieces of 256 rows, whose sums the kernels leave apart. */
export function chunks(n: number): number {
  return Math.ceil(n / 256);
}

/** The last axes of a shape, given as one number or several. */
export function trailingShape(who: string, value: number | Shape): Shape {
  if (Array.isArray(value)) {
    if (value.length === 0) {
      throw new RangeError(`${who}: normalizedShape expected one extent or more, got []`);
    }
    for (const extent of value) checkInteger(who, 'normalizedShape', extent);
    return [...value];
  }
  if (typeof value !== 'number') {
    throw new TypeError(
      `${who}: normalizedShape expected a number or a shape such as [16, 8, 8], got ${describe(value)}`,
    );
  }
  checkInteger(who, 'normalizedShape', value);
  return [value];
}

export function trailingText(shape: Shape): string {
  return shape.length === 1 ? String(shape[0]) : shapeText(shape);
}

/** @throws RangeError unless an input's shape ends as the layer's */
export function checkTrailing(layer: Leaf & { normalizedShape: Shape }, shape: Shape): void {
  const { normalizedShape: expected } = layer;
  const skip = shape.length - expected.length;
  if (skip >= 0 && expected.every((extent, i) => extent === shape[skip + i])) return;
  throw new RangeError(
    `${layer}: input expected [N, …, ${expected.join(', ')}], got ${shapeText(shape)}`,
  );
}
