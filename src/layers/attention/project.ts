/** A linear map by some of the rows of a weight: the projections of `MultiheadAttention` share one. */
import type { Use } from '../../graph/node.ts';
import { Product } from '../../graph/product.ts';
import { offset } from '../../memory/memory.ts';
import { apply, type Operand, TensorOperation } from '../../ops/operation.ts';
import { kernels } from '../../runtime/engine.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

interface Memo {
  readonly rows: number;
  readonly y: Product;
  readonly dx: Product;
  readonly dWeight: Product;
}

class Project extends TensorOperation<Memo> {
  constructor(
    who: string,
    private readonly weight: Parameter,
    private readonly bias: Parameter | undefined,
    /** Which part of the weight's rows, each as many as it has columns. */
    private readonly part: number,
  ) {
    super(who);
  }

  override ownParameters(): Parameter[] {
    return this.bias ? [this.weight, this.bias] : [this.weight];
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const n = this.weight.shape[1]!;
    if (shape.length !== 3 || shape[2] !== n) {
      throw new RangeError(`${this}: input expected [N, T, ${n}], got ${shapeText(shape)}`);
    }
    const rows = sizeOf(shape) / n;
    use.memo = {
      rows,
      y: new Product(use, [rows, n, n], { transposeB: 1 }),
      dx: new Product(use, [rows, n, n]),
      dWeight: new Product(use, [n, n, rows], { transposeA: 1, accumulate: 1 }),
    };
    use.keeps({ input: true });
    return shape;
  }

  /** y = x·Wᵀ + b, with the part's rows of W and b. */
  run(use: Use<Memo>): void {
    const n = this.weight.shape[1]!;
    const w = offset(this.weight.ptr, this.part * n * n);
    const b = this.bias && offset(this.bias.ptr, this.part * n);
    use.memo.y.run(use.y, use.x, w, use.scratch, b);
  }

  /** dx = dy·W, dW += dyᵀ·x, db += Σ dy. */
  runBackward(use: Use<Memo>): void {
    const { memo, x, dx, dy, scratch } = use;
    const n = this.weight.shape[1]!;
    const from = this.part * n * n;
    const db = use.gradient(this.bias);
    if (db) kernels().biasBackward(offset(db, this.part * n), dy, memo.rows, n, 0, n);
    const dw = use.gradient(this.weight);
    if (dw) memo.dWeight.run(offset(dw, from), dy, x, scratch);
    const w = offset(this.weight.ptr, from);
    if (dx) memo.dx.run(dx, dy, w, scratch);
  }
}

/** x·Wᵀ + b, [N, T, E] → [N, T, E], with the `part`-th E rows of a weight [3E, E]. */
export function project(
  who: string,
  x: Operand,
  weight: Parameter,
  bias: Parameter | undefined,
  part: number,
): Tensor {
  return apply(new Project(who, weight, bias, part), [x]);
}
