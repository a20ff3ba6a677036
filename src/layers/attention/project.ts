/** A linear map by some of the rows of a weight: the projections of `MultiheadAttention` share one. */
import { GemmShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import { NULL, offset } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { apply, type Operand, TensorOperation } from '../../ops/operation.ts';
import { kernels } from '../../runtime/engine.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

type Product = Struct<GemmShape, 'GemmShape'>;

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
    const product = (
      [m, n, k]: readonly [number, number, number],
      { transposeA = 0, transposeB = 0, accumulate = 0 },
    ): Product => {
      use.reserveScratch(kernels().gemmScratch(m, n, k));
      return use.struct(GemmShape, { m, n, k, transposeA, transposeB, accumulate });
    };
    use.memo = {
      rows,
      y: product([rows, n, n], { transposeB: 1 }),
      dx: product([rows, n, n], {}),
      dWeight: product([n, n, rows], { transposeA: 1, accumulate: 1 }),
    };
    use.keeps({ input: true });
    return shape;
  }

  /** y = x·Wᵀ + b, with the part's rows of W and b. */
  run(use: Use<Memo>): void {
    const { rows, y } = use.memo;
    const n = this.weight.shape[1]!;
    const w = offset(this.weight.ptr, this.part * n * n);
    const b = this.bias ? offset(this.bias.ptr, this.part * n) : NULL;
    kernels().gemm(use.y, use.x, w, b, y.ptr, 0, 0, rows, use.scratch);
  }

  /** dx = dy·W, dW += dyᵀ·x, db += Σ dy. */
  runBackward(use: Use<Memo>): void {
    const { memo, x, dx, dy, scratch } = use;
    const { gemm, biasBackward } = kernels();
    const n = this.weight.shape[1]!;
    const from = this.part * n * n;
    const db = use.gradient(this.bias);
    if (db) biasBackward(offset(db, this.part * n), dy, memo.rows, n, 0, n);
    const dw = use.gradient(this.weight);
    if (dw) gemm(offset(dw, from), dy, x, NULL, memo.dWeight.ptr, 0, 0, n, scratch);
    const w = offset(this.weight.ptr, from);
    if (dx) gemm(dx, dy, w, NULL, memo.dx.ptr, 0, 0, memo.rows, scratch);
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
