import type { Use } from '../../graph/node.ts';
import { extra } from '../../runtime/extra.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { Reparametrized, type Weighted } from './reparametrized.ts';

/**
 * Weight normalization of a layer (Salimans and Kingma, 2016, arXiv:1602.07868): each output's weights
 * are a direction v and a length g, trained apart,
 *
 *   w = g·v/‖v‖
 *
 * and the layer does with w what it always does. At first v is the layer's weight and g = ‖v‖, so that
 * nothing changes.
 *
 * ```ts
 * const layer = new WeightNorm(new Linear(784, 200));
 * layer.forward(x);                        // [N, 784] → [N, 200]
 * ```
 *
 * Shapes: the layer's own. `weight_g` [outputs, 1, …], `weight_v` as the layer's `weight`, and its `bias`:
 * the keys of PyTorch's `nn.utils.weight_norm` with its default dim = 0, so of ConvTranspose2d, whose weight
 * has its inputs first, each input's weights. The layer belongs to the wrapper from then on. A row v = 0 has no direction and gives NaN, as in PyTorch.
 *
 * @throws TypeError for what has no weight of two axes or more; else as the layer
 */
export class WeightNorm<L extends Weighted = Weighted> extends Reparametrized<L> {
  /** g, [outputs, 1, …]. */
  readonly weightG: Parameter;
  /** v, of the weight's shape. */
  readonly weightV: Parameter;
  // No state: `#` keeps it out of the list of properties, and so of the state dict.
  readonly #norms: Parameter;

  constructor(layer: L) {
    super(layer);
    const { weight } = layer;
    const [rows, columns] = this.extents;
    const lengths = Tensor.zeros(weight.shape.map((extent, axis) => (axis === 0 ? extent : 1)));
    this.weightG = new Parameter(lengths);
    this.weightV = new Parameter(weight.data);
    this.#norms = new Parameter(lengths);
    extra().rowNorms(this.weightG.ptr, weight.ptr, columns, 0, rows);
  }

  override remove(): L {
    const layer = super.remove();
    this.#norms.dispose();
    return layer;
  }

  override dispose(): void {
    super.dispose();
    this.#norms.dispose();
  }

  protected override make(): void {
    const { target, weightG, weightV } = this;
    const [rows, columns] = this.extents;
    const from = [weightV.ptr, weightG.ptr, columns] as const;
    extra().weightNormForward(target.ptr, this.#norms.ptr, ...from, 0, rows);
  }

  /** dg += Σ dw·v/‖v‖ and dv += g/‖v‖·(dw − v·Σ dw·v/‖v‖²), with the dw of this use. */
  protected override differentiateWeight(use: Use): void {
    const { target, weightG, weightV } = this;
    const [rows, columns] = this.extents;
    extra().weightNormBackward(
      use.gradient(weightG),
      use.gradient(weightV),
      this.#norms.ptr,
      target.gradPtr,
      weightV.ptr,
      weightG.ptr,
      columns,
      0,
      rows,
    );
  }
}
