import type { Use } from '../graph/node.ts';
import { NULL } from '../memory/memory.ts';
import { Leaf } from '../module/leaf.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger, type Shape, shapeText, sizeOf } from '../tensor/check.ts';
import { type Init, initialize } from '../tensor/init.ts';
import { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';

export interface LinearOptions {
  /** Whether b is added. Default true; a batch norm that follows makes it superfluous. */
  bias?: boolean;
  /** How weight and bias start. Default PyTorch's U(−1/√inFeatures, 1/√inFeatures) for both. */
  init?: Init;
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
 * [outFeatures]. A row's numbers do not depend on the rows beside it. As PyTorch's `nn.Linear`.
 *
 * @throws RangeError for sizes that are not whole numbers ≥ 1, and in forward where the input's last
 *   extent is not `inFeatures`
 */
export class Linear extends Leaf {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true, init = 'default' }: LinearOptions = {},
  ) {
    super();
    checkInteger('Linear', 'inFeatures', inFeatures);
    checkInteger('Linear', 'outFeatures', outFeatures);
    this.weight = new Parameter(Tensor.zeros([outFeatures, inFeatures]));
    this.bias = bias ? new Parameter(Tensor.zeros([outFeatures])) : undefined;
    initialize(this.weight, this.bias, init);
  }

  connect(use: Use, shape: Shape): Shape {
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
    const { gemmScratch } = kernels();
    use.keeps({ input: this.weight.requiresGrad });
    use.reserveScratch(gemmScratch(rows, outFeatures, inFeatures));
    use.reserveScratch(gemmScratch(rows, inFeatures, outFeatures));
    use.reserveScratch(gemmScratch(outFeatures, inFeatures, rows));
    return [...shape.slice(0, -1), outFeatures];
  }

  override get reluEpilogue() {
    return 'mask' as const;
  }

  run(use: Use): void {
    const { inFeatures, outFeatures, weight, bias } = this;
    const rows = use.output.slot.length / outFeatures;
    kernels().gemmNT(
      use.y,
      use.x,
      weight.ptr,
      bias?.ptr ?? NULL,
      rows,
      outFeatures,
      inFeatures,
      0,
      use.relu ? 1 : 0,
      0,
      rows,
      use.scratch,
    );
  }

  /** dx = dy·W, dW += dyᵀ·x, db += Σ dy. */
  runBackward(use: Use): void {
    const { inFeatures, outFeatures, weight, bias } = this;
    const rows = use.output.slot.length / outFeatures;
    const { gemmNN, gemmTN, biasBackward } = kernels();
    const { dx, dy, scratch } = use;
    const db = use.gradient(bias);
    if (db) biasBackward(db, dy, rows, outFeatures, 0, outFeatures);
    const dWeight = use.gradient(weight);
    if (dWeight) {
      gemmTN(
        dWeight,
        dy,
        use.x,
        NULL,
        outFeatures,
        inFeatures,
        rows,
        1,
        0,
        0,
        outFeatures,
        scratch,
      );
    }
    if (dx) {
      gemmNN(dx, dy, weight.ptr, NULL, rows, inFeatures, outFeatures, 0, 0, 0, rows, scratch);
    }
  }

  override toString(): string {
    return `Linear(${this.inFeatures}, ${this.outFeatures})`;
  }
}
