import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { extra } from '../../runtime/extra.ts';
import { optionsOf } from '../../tensor/options.ts';
import type { Shape } from '../../tensor/shape.ts';
import { ParameterOrConstant } from './rows.ts';
import { TrailingNorm } from './trailing.ts';

export interface RMSNormOptions {
  /** Added to the mean square under the root. Default 2⁻²³, the smallest step from 1 in float32. */
  eps?: number;
  /** Whether γ (`weight`) is learnt. Default true. */
  elementwiseAffine?: boolean;
}

/** What a use of the layer keeps from its forward for its backward. */
interface Memo {
  readonly rows: number;
  readonly invRms: Slot;
  readonly weight: ParameterOrConstant;
}

/**
 * RMS norm (Zhang and Sennrich, 2019, arXiv:1910.07467):
 *
 *   y = γ·x/√(mean of x² + eps)
 *
 * over the last axes of each sample: layer norm without its mean and β. Training and evaluation are the
 * same, and a sample's output does not depend on its batch.
 *
 * ```ts
 * const norm = new RMSNorm(768);
 * norm.forward(x);                         // [N, T, 768] → [N, T, 768]
 * ```
 *
 * Shapes: x [N, …, ...normalizedShape]; the output has x's. `weight` [...normalizedShape]. As PyTorch's
 * `nn.RMSNorm`; the options and their defaults are in `RMSNormOptions`.
 *
 * @throws RangeError for extents that are not whole numbers ≥ 1 or an eps ≤ 0, and in forward for an
 *   input whose last axes differ from `normalizedShape`
 */
export class RMSNorm extends TrailingNorm<Memo> {
  /** @param normalizedShape the last axis, or several */
  constructor(normalizedShape: number | Shape, ...rest: [options?: RMSNormOptions | undefined]) {
    const table = { eps: 1.1920928955078125e-7, elementwiseAffine: true };
    const { eps, elementwiseAffine } = optionsOf('RMSNorm', rest, table);
    super(normalizedShape, eps, elementwiseAffine);
    this.settle();
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { size: d } = this;
    const rows = this.rowsOf(shape);
    const weight = new ParameterOrConstant(use, this.weight, 1, d);
    use.memo = { rows, invRms: use.save([rows]), weight };
    use.reserveScratch(extra().rmsNormScratch(rows, d));
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use<Memo>): void {
    const { rows, invRms, weight } = use.memo;
    weight.fill();
    extra().rmsNormForward(use.y, invRms.ptr, use.x, weight.ptr, this.size, this.eps, 0, rows);
  }

  /** dγ += Σ dy·x̂ over the rows; dx, including the gradient through the root mean square. */
  runBackward(use: Use<Memo>): void {
    const { rows, invRms, weight } = use.memo;
    const { dx, dy, x, scratch } = use;
    const { size: d } = this;
    const { rmsNormBackward, rmsNormAffineBackward } = extra();
    rmsNormBackward(dx, scratch, invRms.ptr, dy, x, weight.ptr, d, 0, rows);
    const dWeight = use.gradient(this.weight);
    if (dWeight) rmsNormAffineBackward(dWeight, scratch, rows, d, 0, d);
  }
}
