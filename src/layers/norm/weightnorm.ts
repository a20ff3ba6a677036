import type { Use } from '../../graph/node.ts';
import { holdsHidden } from '../../memory/dispose.ts';
import { extra } from '../../runtime/extra.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { Reparametrized, type Weighted } from './reparametrized.ts';

/**
 * Weight normalization of a layer (Salimans and Kingma, 2016, arXiv:1602.07868): the layer computes with
 *
 *   w = g·v/‖v‖
 *
 * for each output's weights, a row of the weight seen as a matrix [outputs, the rest]. The direction v and
 * the length g are trained separately. At the start v is the layer's weight and g = ‖v‖, so the layer's
 * outputs stay what they were.
 *
 * ```ts
 * const layer = new WeightNorm(new Linear(784, 200));
 * layer.forward(x);                        // [N, 784] → [N, 200]
 * ```
 *
 * Shapes: the layer's own. `weight_g` [outputs, 1, …], `weight_v` as the layer's `weight`; with the layer's
 * `bias` these are the keys of PyTorch's `nn.utils.weight_norm` with its default dim = 0. (The first axis of
 * ConvTranspose2d's weight are its inputs, so there each input's weights have a g.) The wrapper owns the
 * layer from then on. A row v = 0 has no direction and gives NaN, as in PyTorch.
 *
 * @throws TypeError for a layer without a weight of two axes or more; else as the layer
 */
export class WeightNorm<L extends Weighted = Weighted> extends Reparametrized<L> {
  /** g, [outputs, 1, …]. */
  readonly weightG: Parameter;
  /** v, of the weight's shape. */
  readonly weightV: Parameter;
  // ‖v‖ of each row. `#` keeps it out of the list of properties, and so out of the state dict.
  readonly #norms: Parameter;

  constructor(layer: L, ...rest: []) {
    super(layer, ...rest);
    const { weight } = layer;
    const [rows, columns] = this.extents;
    const lengths = Tensor.zeros(weight.shape.map((extent, axis) => (axis === 0 ? extent : 1)));
    this.weightG = new Parameter(lengths);
    this.weightV = new Parameter(weight.data);
    this.#norms = new Parameter(lengths);
    holdsHidden(this, this.#norms);
    extra().rowNorms(this.weightG.ptr, weight.ptr, columns, 0, rows);
    this.take();
    this.settle();
  }

  protected override wrap(layer: L): this {
    return wrapped(layer) as this;
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

  protected override computeWeight(): void {
    const { target, weightG, weightV } = this;
    const [rows, columns] = this.extents;
    const from = [weightV.ptr, weightG.ptr, columns] as const;
    extra().weightNormForward(target.ptr, this.#norms.ptr, ...from, 0, rows);
  }

  /** dg += Σ dw·v/‖v‖ and dv += g/‖v‖·(dw − v·Σ dw·v/‖v‖²), with dw of this use. */
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

/** Outside of the class: a class that names itself gets a second name from bundlers, which outlines would show. */
function wrapped<L extends Weighted>(layer: L): WeightNorm<L> {
  return new WeightNorm(layer);
}
