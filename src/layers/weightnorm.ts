import { describe, type Shape } from '../check.ts';
import { Parameter } from '../parameter.ts';
import type { Given } from '../plan/operation.ts';
import type { Use } from '../plan/use.ts';
import { extra } from '../runtime/extra.ts';
import { Tensor } from '../tensor.ts';
import { Leaf } from './leaf.ts';

/** A layer with a weight whose first axis are its outputs: Linear, Conv1d, Conv2d. */
export type Weighted = Leaf & { readonly weight: Parameter; readonly bias: Parameter | undefined };

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
 * the keys of PyTorch's `nn.utils.weight_norm` with its default dim = 0. The layer belongs to the wrapper
 * from then on. A row v = 0 has no direction and gives NaN, as in PyTorch.
 *
 * @throws TypeError for what has no weight of two axes or more; else as the layer
 */
export class WeightNorm<L extends Weighted = Weighted> extends Leaf {
  readonly bias: Parameter | undefined;
  /** g, [outputs, 1, …]. */
  readonly weightG: Parameter;
  /** v, of the weight's shape. */
  readonly weightV: Parameter;
  // Neither is state: `#` keeps them out of the list of properties, and so of the state dict.
  readonly #layer: L;
  readonly #norms: Parameter;
  /** Of g and v when w was computed. */
  #version = -1;

  constructor(layer: L) {
    super();
    const weight: unknown = layer instanceof Leaf ? layer.weight : undefined;
    if (!(weight instanceof Parameter && weight.shape.length > 1)) {
      throw new TypeError(
        `WeightNorm: expected a layer with a weight of two axes or more, such as Linear or Conv2d, ` +
          `got ${layer instanceof Leaf ? layer : describe(layer)}`,
      );
    }
    const { shape } = weight;
    const lengths = Tensor.zeros(shape.map((extent, axis) => (axis === 0 ? extent : 1)));
    this.#layer = layer;
    this.bias = layer.bias;
    this.weightG = new Parameter(lengths);
    this.weightV = new Parameter(weight.data);
    this.#norms = new Parameter(lengths);
    extra().rowNorms(this.weightG.ptr, weight.ptr, this.columns, 0, shape[0]!);
  }

  connect(use: Use, ...shapes: Shape[]): Shape {
    this.#layer.weight.requiresGrad = this.weightG.requiresGrad || this.weightV.requiresGrad;
    return this.#layer.connect(use, ...shapes);
  }

  override verify(use: Use, training: boolean, given?: Given): void {
    this.#layer.verify?.(use, training, given);
  }

  override absorb(use: Use, next: Use): boolean {
    return this.#layer.absorb?.(use, next) ?? false;
  }

  compute(use: Use): void {
    this.update();
    this.#layer.compute(use);
  }

  /** dg += Σ dw·v/‖v‖ and dv += g/‖v‖·(dw − v·Σ dw·v/‖v‖²), with the dw of this use. */
  differentiate(use: Use): void {
    const { weight } = this.#layer;
    const dG = use.gradient(this.weightG);
    const dV = use.gradient(this.weightV);
    if (!dG && !dV) {
      this.#layer.differentiate(use);
      return;
    }
    weight.zeroGrad();
    this.#layer.differentiate(use);
    const { ptr: norms } = this.#norms;
    const made = [this.weightV.ptr, this.weightG.ptr] as const;
    const { columns } = this;
    extra().weightNormBackward(
      dG,
      dV,
      norms,
      weight.gradPtr,
      ...made,
      columns,
      0,
      weight.shape[0]!,
    );
  }

  /** The plain layer, with the weight as it is now. The wrapper is done with. */
  remove(): L {
    const layer = this.#layer;
    this.update();
    for (const spent of [this.weightG, this.weightV, this.#norms]) spent.dispose();
    layer.weight.requiresGrad = true;
    return layer;
  }

  override dispose(): void {
    super.dispose();
    this.#norms.dispose();
    this.#layer.dispose();
  }

  override toString(): string {
    return `WeightNorm(${this.#layer})`;
  }

  private get columns(): number {
    const { weight } = this.#layer;
    return weight.size / weight.shape[0]!;
  }

  /** w from g and v, where these have changed. */
  private update(): void {
    const { weightG, weightV } = this;
    const version = weightG.version + weightV.version;
    if (version === this.#version) return;
    const { weight } = this.#layer;
    const from = [weightV.ptr, weightG.ptr, this.columns] as const;
    extra().weightNormForward(weight.ptr, this.#norms.ptr, ...from, 0, weight.shape[0]!);
    weight.version++;
    this.#version = version;
  }
}
