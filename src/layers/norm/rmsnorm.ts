import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkEps, type Shape, sizeOf } from '../../tensor/check.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { checkTrailing, chunks, trailingShape, trailingText } from './layernorm.ts';

export interface RMSNormOptions {
  /** Added to the mean square under the root. Default 2⁻²³, the smallest step from 1 in float32. */
  eps?: number;
  /** Whether γ (`weight`) is learnt. Default true. */
  elementwiseAffine?: boolean;
}

/** What a use of the layer keeps from its forward for its backward. */
interface Memo {
  /** Rows. */
  readonly n: number;
  readonly invRms: Slot;
  /** What stands for an absent γ. */
  readonly ones: Slot | undefined;
}

/**
 * RMS norm (Zhang and Sennrich, 2019, arXiv:1910.07467):
 *
 *   y = γ·x/√(mean of x² + eps)
 *
 * over each sample's own last axes: layer norm without its mean and β. Training and evaluation are the
 * same, and a sample's numbers do not depend on its batch.
 *
 * ```ts
 * const norm = new RMSNorm(768);
 * norm.forward(x);                         // [N, T, 768] → [N, T, 768]
 * ```
 *
 * Shapes: x [N, …, ...normalizedShape]; the output has x's. `weight` [...normalizedShape]. As PyTorch's
 * `nn.RMSNorm`; the options and their defaults stand in `RMSNormOptions`.
 *
 * @throws RangeError for extents that are no whole numbers ≥ 1 or an eps ≤ 0, and in forward for an
 *   input whose last axes are others
 */
export class RMSNorm extends Leaf {
  readonly normalizedShape: Shape;
  readonly eps: number;
  /** γ, [...normalizedShape]. */
  readonly weight: Parameter | undefined;
  /** Numbers of a row. */
  private readonly size: number;

  /** @param normalizedShape the last axis, or several */
  constructor(
    normalizedShape: number | Shape,
    { eps = 1.1920928955078125e-7, elementwiseAffine = true }: RMSNormOptions = {},
  ) {
    super();
    this.normalizedShape = trailingShape('RMSNorm', normalizedShape);
    checkEps(`${this}`, eps);
    this.eps = eps;
    this.size = sizeOf(this.normalizedShape);
    const ones = Tensor.from(new Float32Array(this.size).fill(1), this.normalizedShape);
    this.weight = elementwiseAffine ? new Parameter(ones) : undefined;
  }

  connect(use: Use, shape: Shape): Shape {
    checkTrailing(this, shape);
    const d = this.size;
    const n = sizeOf(shape) / d;
    const ones = this.weight ? undefined : use.save([d]);
    use.memo = { n, invRms: use.save([n]), ones } satisfies Memo;
    use.reserveScratch(4 * d * chunks(n));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use): void {
    const { n, invRms, ones } = use.memo as Memo;
    ones?.f32.fill(1);
    const weight = this.weight?.ptr ?? ones!.ptr;
    extra().rmsNormForward(use.y, invRms.ptr, use.x, weight, this.size, this.eps, 0, n);
  }

  /** dγ += Σ dy·x̂ over the rows; dx with the root mean square's own share in it. */
  runBackward(use: Use): void {
    const { n, invRms, ones } = use.memo as Memo;
    const { dx, dy, x, scratch } = use;
    const d = this.size;
    const dWeight = use.gradient(this.weight);
    const weight = this.weight?.ptr ?? ones!.ptr;
    extra().rmsNormBackward(dx, scratch, invRms.ptr, dy, x, weight, d, 0, n);
    if (dWeight) extra().sumChunks(dWeight, scratch, chunks(n), d, 0, d);
  }

  override toString(): string {
    return `${this.constructor.name}(${trailingText(this.normalizedShape)})`;
  }
}
