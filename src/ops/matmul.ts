import type { Use } from '../graph/node.ts';
import { Product, type ProductOptions } from '../graph/product.ts';
import { offset } from '../memory/memory.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { broadcastShapes, stepsOf } from './loops.ts';
import { apply, type Operand, shapeOf, TensorOperation } from './operation.ts';
import { reshape } from './reshape.ts';

interface Memo {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** By product of the batch: which matrices of a and b are its factors. */
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly y: Product;
  /** dA = dY·Bᵀ and dB = Aᵀ·dY; the second of each adds to what is there. */
  readonly da: readonly [Product, Product];
  readonly db: readonly [Product, Product];
}

/** Batched matrix products: [..., m, k]·[..., k, n] → [..., m, n]. */
class Matmul extends TensorOperation<Memo> {
  constructor() {
    super('matmul');
  }

  connect(use: Use<Memo>, aShape: Shape, bShape: Shape): Shape {
    const [m, k] = aShape.slice(-2) as [number, number];
    const [inner, n] = bShape.slice(-2) as [number, number];
    if (aShape.length < 2 || bShape.length < 2 || k !== inner) {
      throw new RangeError(
        `matmul: expected [..., m, k] and [..., k, n], got ${shapeText(aShape)} and ${shapeText(bShape)}`,
      );
    }
    const [aBatch, bBatch] = [aShape.slice(0, -2), bShape.slice(0, -2)];
    const batch = broadcastShapes('matmul', [aBatch, bBatch]);
    // One matrix for all: the rows of the others are those of one large matrix.
    const rows = sizeOf(bBatch) === 1 ? m * sizeOf(aBatch) : m;
    const pair = (sizes: readonly [number, number, number], how: ProductOptions) =>
      [new Product(use, sizes, how), new Product(use, sizes, { ...how, accumulate: 1 })] as const;
    const merged = rows !== m;
    use.memo = {
      m: rows,
      n,
      k,
      a: merged ? [0] : matrices(aBatch, batch),
      b: merged ? [0] : matrices(bBatch, batch),
      y: new Product(use, [rows, n, k]),
      da: pair([rows, k, n], { transposeB: 1 }),
      db: pair([k, n, rows], { transposeA: 1 }),
    };
    use.keeps({ input: true });
    return [...batch, m, n];
  }

  run(use: Use<Memo>): void {
    const { m, n, k, a, b, y } = use.memo;
    for (let i = 0; i < a.length; i++) {
      const first = offset(use.x, a[i]! * m * k);
      const second = offset(use.input(1), b[i]! * k * n);
      y.run(offset(use.y, i * m * n), first, second, use.scratch);
    }
  }

  /** dA = Σ dY·Bᵀ, dB = Σ Aᵀ·dY, over the products that a matrix is a factor of. */
  runBackward(use: Use<Memo>): void {
    const { m, n, k, a, b, da, db } = use.memo;
    const { dy, x, scratch } = use;
    const [dx0, dx1] = [use.inputGradient(0), use.inputGradient(1)];
    const w = use.input(1);
    if (dx0) {
      eachFactor(a, (i, at, again) => {
        const to = offset(dx0, at * m * k);
        const second = offset(w, b[i]! * k * n);
        da[again].run(to, offset(dy, i * m * n), second, scratch);
      });
    }
    if (dx1) {
      eachFactor(b, (i, at, again) => {
        const to = offset(dx1, at * k * n);
        const first = offset(x, a[i]! * m * k);
        db[again].run(to, first, offset(dy, i * m * n), scratch);
      });
    }
  }
}

/** Visits the products in order: which matrix is the factor, and whether it was one before (1) or not (0). */
function eachFactor(
  factors: readonly number[],
  visit: (i: number, at: number, again: 0 | 1) => void,
): void {
  const seen = new Set<number>();
  for (const [i, at] of factors.entries()) {
    visit(i, at, seen.has(at) ? 1 : 0);
    seen.add(at);
  }
}

/** By product of the batch, the matrix of an operand whose batch is broadcast. */
function matrices(own: Shape, batch: Shape): number[] {
  const steps = stepsOf(own, batch);
  return Array.from({ length: sizeOf(batch) }, (_, at) => {
    let index = 0;
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      index += (at % batch[axis]!) * steps[axis]!;
      at = Math.floor(at / batch[axis]!);
    }
    return index;
  });
}

/**
 * The matrix product of the last two axes; those before them are a batch, and broadcast. A vector as first
 * operand is a row and as second a column, and the result lacks that axis. dA = dY·Bᵀ, dB = Aᵀ·dY. As PyTorch's
 * `torch.matmul`.
 *
 * @throws RangeError for numbers, and for shapes that do not fit
 */
export function matmul(a: Operand, b: Operand): Tensor {
  const [aShape, bShape] = [shapeOf('matmul', a), shapeOf('matmul', b)];
  if (aShape.length === 0 || bShape.length === 0) {
    throw new RangeError(
      `matmul: expected tensors with axes, got ${shapeText(aShape)} and ${shapeText(bShape)}: use mul`,
    );
  }
  const left = aShape.length === 1 ? reshape(a, [1, aShape[0]!]) : a;
  const right = bShape.length === 1 ? reshape(b, [bShape[0]!, 1]) : b;
  const y = apply(new Matmul(), [left, right]);
  if (left === a && right === b) return y;
  const shape = [...y.shape];
  if (right !== b) shape.pop();
  if (left !== a) shape.splice(shape.length - (right === b ? 2 : 1), 1);
  return reshape(y, shape);
}
