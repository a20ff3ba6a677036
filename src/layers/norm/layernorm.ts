import type { Use } from '../../graph/node.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { RowNorm } from './rows.ts';
import { TrailingNorm } from './trailing.ts';

export interface LayerNormOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /** Whether γ (`weight`) and β (`bias`) are learnt. Default true. */
  elementwiseAffine?: boolean;
  /** Whether β is learnt as well as γ. Default true. */
  bias?: boolean;
}

/**
 * Layer norm (Ba, Kiros and Hinton, 2016, arXiv:1607.06450):
 *
 *   y = γ·(x − mean)/√(variance + eps) + β
 *
 * with the mean and the biased variance over the last axes of each sample. There are no running statistics:
 * training and evaluation are the same, and a sample's output does not depend on its batch.
 *
 * ```ts
 * const norm = new LayerNorm(768);         // or new LayerNorm([16, 8, 8])
 * norm.forward(x);                         // [N, T, 768] → [N, T, 768]
 * ```
 *
 * Shapes: x [N, …, ...normalizedShape]; the output has x's. `weight`, `bias` [...normalizedShape]. As
 * PyTorch's `nn.LayerNorm`; the options and their defaults are in `LayerNormOptions`.
 *
 * @throws RangeError for extents that are not whole numbers ≥ 1 or an eps ≤ 0, and in forward for an
 *   input whose last axes differ from `normalizedShape`
 */
export class LayerNorm extends TrailingNorm<RowNorm> {
  /** β, [...normalizedShape]. */
  readonly bias: Parameter | undefined;

  /** @param normalizedShape the last axis, or several */
  constructor(normalizedShape: number | Shape, ...rest: [options?: LayerNormOptions | undefined]) {
    const table = { eps: 1e-5, elementwiseAffine: true, bias: true };
    const { eps, elementwiseAffine, bias } = optionsOf('LayerNorm', rest, table);
    super(normalizedShape, eps, elementwiseAffine);
    this.bias =
      elementwiseAffine && bias ? new Parameter(Tensor.zeros(this.normalizedShape)) : undefined;
    this.settle();
  }

  connect(use: Use<RowNorm>, shape: Shape): Shape {
    const { size: d, eps } = this;
    use.memo = new RowNorm(use, this, { samples: this.rowsOf(shape), groups: 1, d, eps });
    use.keeps({ input: true });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use<RowNorm>): void {
    use.memo.run(use);
  }

  runBackward(use: Use<RowNorm>): void {
    use.memo.runBackward(use);
  }
}
