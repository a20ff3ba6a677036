import { GemmShape } from '../generated/kernels.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import type { Struct } from '../memory/struct.ts';
import { kernels } from '../runtime/engine.ts';
import type { Use } from './node.ts';

/** Each 1 or 0. */
export interface ProductOptions {
  /** Whether A is stored as its transpose, [k, m]. */
  transposeA?: number;
  /** Whether B is stored as its transpose, [n, k]. */
  transposeB?: number;
  /** Whether the product is added to what C holds. */
  accumulate?: number;
}

/** A matrix product of a plan: C = A·B, or C += A·B, of [m, k] and [k, n]. */
export class Product {
  /** Bytes of scratch of a run. */
  readonly scratchBytes: number;
  private readonly shape: Struct<GemmShape, 'GemmShape'>;
  /** What threads divide among them: the rows of C; or its columns, if a share then repeats less work. */
  private readonly end: number;

  constructor(
    use: Use,
    [m, n, k]: readonly [m: number, n: number, k: number],
    { transposeA = 0, transposeB = 0, accumulate = 0 }: ProductOptions = {},
  ) {
    const columns = n > 2 * m ? 1 : 0;
    this.end = columns ? n : m;
    this.shape = use.struct(GemmShape, { m, n, k, transposeA, transposeB, accumulate, columns });
    this.scratchBytes = kernels().gemmScratch(m, n, k);
    use.reserveScratch(this.scratchBytes);
  }

  /** Computes C, and with `bias` and `relu` max(C + bias, 0). */
  run(
    c: Pointer,
    a: Pointer,
    b: Pointer,
    scratch: Pointer,
    bias: Pointer = NULL,
    relu = false,
  ): void {
    kernels().gemm(c, a, b, bias, this.shape.ptr, relu ? 1 : 0, 0, this.end, scratch);
  }
}
