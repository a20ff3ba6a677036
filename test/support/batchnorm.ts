/** Batch norm's kernels on one problem, called in the order a layer calls them. */
import { BatchNormShape, type Pointer } from '../../src/generated/kernels.ts';
import type { Arena, Block } from './kernels.ts';

const NULL = 0 as Pointer;

export interface Problem {
  n: number;
  c: number;
  /** Values a plane; 0 for rows [n, c]. */
  s: number;
  x: ArrayLike<number>;
  weight?: ArrayLike<number> | undefined;
  bias?: ArrayLike<number> | undefined;
  eps?: number;
  relu?: boolean;
  /** Statistics to use in the place of the batch's. */
  running?: { mean: ArrayLike<number>; variance: ArrayLike<number> } | undefined;
  /** Where the channels are cut into ranges. The elementwise passes are cut there by sample or row. */
  cuts?: number[];
  /** Writes y over x and dx over dy. */
  inPlace?: boolean;
  /** Which positions count, [n, s] or [n]; no ReLU. */
  mask?: ArrayLike<number>;
}

/** Rows of the blocks, as assembly/batchnorm/shape.ts has them. */
const ROWS = { shift: 0, delta: 1, variance: 2, invStd: 3 };

export class BatchNormRun {
  /** [4, c]: K, δ, variance, 1/σ. */
  readonly statistics: Block;
  readonly x: Block;
  readonly y: Block;
  readonly relu: number;
  readonly eps: number;
  /** [5, c]: K, a, b, p, q. */
  private readonly coefficients: Block;
  private readonly shape: Block;
  private readonly scratch: Block;
  private readonly mask: Block | undefined;

  constructor(
    readonly arena: Arena,
    readonly problem: Problem,
  ) {
    const { n, c, s, x, inPlace, relu, eps, mask } = problem;
    this.statistics = this.poisoned(4 * c);
    this.coefficients = this.poisoned(5 * c);
    this.shape = arena.struct(BatchNormShape, { n, c, s });
    this.scratch = arena.bytes(arena.kernels.batchNormScratch(this.shape.ptr));
    this.x = arena.f32(x, this.skew);
    this.y = inPlace ? this.x : this.poisoned(x.length);
    this.mask = mask && arena.f32(mask, 2);
    this.relu = relu ? 1 : 0;
    this.eps = eps ?? 1e-5;
  }

  /** A row of the statistics. */
  row(name: keyof typeof ROWS): Float32Array {
    const { c } = this.problem;
    return this.statistics.f32.subarray(ROWS[name] * c, (ROWS[name] + 1) * c);
  }

  /** K + δ, unrounded. */
  get mean(): Float64Array {
    const delta = this.row('delta');
    return Float64Array.from(this.row('shift'), (k, j) => k + delta[j]!);
  }

  forward(): Float32Array {
    const { arena, relu, eps, mask } = this;
    const { n, c, weight, bias, running } = this.problem;
    const [statistics, coefficients] = [this.statistics.ptr, this.coefficients.ptr];
    const [x, y, shape] = [this.x.ptr, this.y.ptr, this.shape.ptr];
    const k = arena.kernels;
    const gamma = weight ? arena.f32(weight, 1).ptr : NULL;
    const beta = bias ? arena.f32(bias, 2).ptr : NULL;
    const mean = running ? arena.f32(running.mean, 3).ptr : NULL;
    const spread = running ? arena.f32(running.variance, 1).ptr : NULL;
    for (const range of this.ranges(c)) {
      const scratch = this.freshScratch();
      if (running) k.batchNormRunning(statistics, mean, spread, c, eps, ...range);
      else if (mask) {
        const of = [x, mask.ptr, shape, this.counted] as const;
        k.batchNormMaskedStatistics(statistics, ...of, eps, ...range, scratch);
      } else k.batchNormStatistics(statistics, x, shape, eps, ...range, scratch);
      k.batchNormAffine(coefficients, statistics, gamma, beta, c, ...range);
    }
    for (const range of this.ranges(n)) {
      const scratch = this.freshScratch();
      if (mask) k.batchNormMaskedForward(y, coefficients, x, mask.ptr, shape, ...range);
      else k.batchNormForward(y, coefficients, x, shape, relu, ...range, scratch);
    }
    return this.y.f32.slice();
  }

  /** The gradients; dγ and dβ are added to 1 and 2, which are taken off again. */
  backward(upstream: ArrayLike<number>) {
    const { arena, relu, mask } = this;
    const { n, c, running, inPlace } = this.problem;
    const [statistics, coefficients] = [this.statistics.ptr, this.coefficients.ptr];
    const [x, shape] = [this.x.ptr, this.shape.ptr];
    const k = arena.kernels;
    const from = arena.f32(upstream, this.skew);
    const to = inPlace ? from : this.poisoned(upstream.length);
    const [dy, dx] = [from.ptr, to.ptr];
    const dWeight = arena.f32(new Float32Array(c).fill(1));
    const dBias = arena.f32(new Float32Array(c).fill(2));
    for (const range of this.ranges(c)) {
      const scratch = this.freshScratch();
      const sums = [dWeight.ptr, dBias.ptr, coefficients, statistics, c, this.counted] as const;
      if (mask) {
        k.batchNormMaskedBackwardSums(coefficients, dy, x, mask.ptr, shape, ...range, scratch);
      } else {
        k.batchNormBackwardSums(coefficients, dy, x, shape, relu, ...range, scratch);
      }
      k.batchNormAffineBackward(...sums, ...range, scratch);
    }
    for (const range of this.ranges(n)) {
      const scratch = this.freshScratch();
      if (mask) {
        const m = mask.ptr;
        if (running) {
          k.batchNormMaskedFrozenBackward(dx, coefficients, dy, m, shape, ...range, scratch);
        } else k.batchNormMaskedBackward(dx, coefficients, dy, x, m, shape, ...range, scratch);
      } else if (running) {
        k.batchNormFrozenBackward(dx, coefficients, dy, x, shape, relu, ...range, scratch);
      } else k.batchNormBackward(dx, coefficients, dy, x, shape, relu, ...range, scratch);
    }
    return {
      dx: to.f32.slice(),
      dWeight: Float64Array.from(dWeight.f32, (v) => v - 1),
      dBias: Float64Array.from(dBias.f32, (v) => v - 2),
    };
  }

  /** Values a channel that statistics are of. */
  private get counted(): number {
    const { n, s, mask } = this.problem;
    return mask ? Array.from(mask).filter((v) => v !== 0).length : n * (s || 1);
  }

  /** Pointers need no alignment beyond four bytes. */
  private get skew(): number {
    return this.problem.c % 4;
  }

  /** Nothing may lean on what a call before has left there. */
  private freshScratch(): Pointer<never> {
    this.scratch.f32.fill(Number.NaN);
    return this.scratch.ptr;
  }

  /** Nothing may lean on what it finds in an output. */
  private poisoned(length: number): Block {
    const block = this.arena.f32(length, this.skew);
    block.f32.fill(Number.NaN);
    return block;
  }

  private ranges(total: number): [number, number][] {
    const edges = [0, ...(this.problem.cuts ?? []).filter((cut) => cut < total), total];
    return edges.slice(1).map((to, i) => [edges[i]!, to]);
  }
}
