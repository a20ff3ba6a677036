import type { Use } from '../graph/node.ts';
import { Product } from '../graph/product.ts';
import { Leaf } from '../module/leaf.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger } from '../tensor/check.ts';
import { type Init, initialize } from '../tensor/init.ts';
import { optionsOf } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

export interface LinearOptions {
  /** Whether b is added. Default true; a batch norm after the layer cancels it. */
  bias?: boolean;
  /** How weight and bias are initialized. Default PyTorch's U(−1/√inFeatures, 1/√inFeatures) for both. */
  init?: Init;
}

/** The sizes of the three matrix products of a use. */
interface Memo {
  readonly rows: number;
  /** y = x·Wᵀ. */
  readonly y: Product;
  /** dx = dy·W. */
  readonly dx: Product;
  /** dW += dyᵀ·x. */
  readonly dWeight: Product;
}

/**
 * y = x·Wᵀ + b
 *
 * ```ts
 * const layer = new Linear(784, 200);
 * layer.forward(x);                        // [N, 784] → [N, 200]
 * ```
 *
 * Shapes: x [N, …, inFeatures] → y [N, …, outFeatures]; `weight` [outFeatures, inFeatures], `bias`
 * [outFeatures]. A row's output does not depend on the other rows. As PyTorch's `nn.Linear`.
 *
 * @throws RangeError for sizes that are not whole numbers ≥ 1, and in forward for an input whose last
 *   extent is not `inFeatures`
 */
export class Linear extends Leaf<Memo> {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    ...rest: [options?: LinearOptions | undefined]
  ) {
    super();
    const { bias, init } = optionsOf('Linear', rest, { bias: true, init: 'default' });
    checkInteger('Linear', 'inFeatures', inFeatures);
    checkInteger('Linear', 'outFeatures', outFeatures);
    this.weight = new Parameter(Tensor.zeros([outFeatures, inFeatures]));
    this.bias = bias ? new Parameter(Tensor.zeros([outFeatures])) : undefined;
    initialize(this.weight, this.bias, init);
    this.settle();
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { inFeatures, outFeatures } = this;
    if (shape.length === 0 || shape.at(-1) !== inFeatures) {
      const way =
        shape.length > 2 && sizeOf(shape.slice(1)) === inFeatures
          ? ': put a Flatten before it'
          : '';
      throw new RangeError(
        `${this}: input expected [N, …, ${inFeatures}], got ${shapeText(shape)}${way}`,
      );
    }
    const rows = sizeOf(shape) / inFeatures;
    use.keeps({ input: this.weight.requiresGrad });
    const sums = { transposeA: 1, accumulate: 1 };
    use.memo = {
      rows,
      y: new Product(use, [rows, outFeatures, inFeatures], { transposeB: 1 }),
      dx: new Product(use, [rows, inFeatures, outFeatures]),
      dWeight: new Product(use, [outFeatures, inFeatures, rows], sums),
    };
    return [...shape.slice(0, -1), outFeatures];
  }

  override get reluEpilogue() {
    return 'mask' as const;
  }

  run(use: Use<Memo>): void {
    const { weight, bias } = this;
    use.memo.y.run(use.y, use.x, weight.ptr, use.scratch, bias?.ptr, use.relu);
  }

  /** dx = dy·W, dW += dyᵀ·x, db += Σ dy. */
  runBackward(use: Use<Memo>): void {
    const { outFeatures: n, weight, bias } = this;
    const { memo, dx, dy, x, scratch } = use;
    const db = use.gradient(bias);
    if (db) kernels().biasBackward(db, dy, memo.rows, n, 0, n);
    const dWeight = use.gradient(weight);
    if (dWeight) memo.dWeight.run(dWeight, dy, x, scratch);
    if (dx) memo.dx.run(dx, dy, weight.ptr, scratch);
  }

  override toString(): string {
    return `Linear(${this.inFeatures}, ${this.outFeatures})`;
  }
}
