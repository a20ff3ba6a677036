/** Batch norm's kernels on one problem, called in the order a layer calls them. */
import type { Pointer } from '../../src/generated/kernels.ts';
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
  /** Where the channels are cut into ranges. The rows' elementwise passes are cut there by row. */
  cuts?: number[];
  /** Writes y over x and dx over dy. */
  inPlace?: boolean;
}

export class BatchNormRun {
  readonly shift: Block;
  readonly delta: Block;
  readonly invStd: Block;
  readonly variance: Block;
  readonly scale: Block;
  readonly offset: Block;
  readonly x: Block;
  readonly y: Block;
  readonly relu: number;
  readonly eps: number;
  private readonly totals: Block;
  private readonly lanes: Block;

  constructor(
    readonly arena: Arena,
    readonly problem: Problem,
  ) {
    const { c, x, inPlace, relu, eps } = problem;
    const perChannel = () => this.poisoned(c);
    this.shift = perChannel();
    this.delta = perChannel();
    this.invStd = perChannel();
    this.variance = perChannel();
    this.scale = perChannel();
    this.offset = perChannel();
    this.totals = arena.f64(2 * this.padded);
    this.totals.f64.fill(Number.NaN);
    this.lanes = arena.f32(5 * 1040);
    this.lanes.f32.fill(Number.NaN);
    this.x = arena.f32(x, this.skew);
    this.y = inPlace ? this.x : this.poisoned(x.length);
    this.relu = relu ? 1 : 0;
    this.eps = eps ?? 1e-5;
  }

  /** K + δ, unrounded. */
  get mean(): Float64Array {
    const delta = this.delta.f32;
    return Float64Array.from(this.shift.f32, (k, j) => k + delta[j]!);
  }

  forward(): Float32Array {
    const { arena, shift, delta, invStd, variance, scale, offset, x, y, relu, eps } = this;
    const { totals, lanes } = this;
    const { n, c, s, weight, bias, running } = this.problem;
    const k = arena.kernels;
    const gamma = weight ? arena.f32(weight, 1).ptr : NULL;
    const beta = bias ? arena.f32(bias, 2).ptr : NULL;
    const mean = running ? arena.f32(running.mean, 3).ptr : NULL;
    const spread = running ? arena.f32(running.variance, 1).ptr : NULL;
    for (const [from, to] of this.ranges(c)) {
      const saved = [shift.ptr, delta.ptr, invStd.ptr, variance.ptr] as const;
      if (running) {
        k.batchNormRunning(shift.ptr, delta.ptr, invStd.ptr, mean, spread, eps, from, to);
      } else if (s) {
        k.batchNormStatisticsPlanes(...saved, x.ptr, n, c, s, eps, from, to, totals.ptr);
      } else {
        k.batchNormStatistics(...saved, x.ptr, n, c, eps, from, to, totals.ptr, lanes.ptr);
      }
      k.batchNormAffine(scale.ptr, offset.ptr, delta.ptr, invStd.ptr, gamma, beta, from, to);
    }
    for (const [from, to] of this.ranges(s ? c : n)) {
      const made = [shift.ptr, scale.ptr, offset.ptr] as const;
      if (s) k.batchNormForwardPlanes(y.ptr, ...made, x.ptr, n, c, s, relu, from, to);
      else k.batchNormForward(y.ptr, ...made, x.ptr, c, relu, from, to, lanes.ptr);
    }
    return y.f32.slice();
  }

  /** The gradients; dγ and dβ are added to 1 and 2, which are taken off again. */
  backward(upstream: ArrayLike<number>) {
    const { arena, shift, delta, invStd, scale, offset, x, relu, totals, lanes } = this;
    const { n, c, s, running, inPlace } = this.problem;
    const k = arena.kernels;
    const dy = arena.f32(upstream, this.skew);
    const dx = inPlace ? dy : this.poisoned(upstream.length);
    totals.f64.fill(Number.NaN);
    const slope = this.poisoned(c);
    const intercept = this.poisoned(c);
    const dWeight = arena.f32(new Float32Array(c).fill(1));
    const dBias = arena.f32(new Float32Array(c).fill(2));
    const made = [shift.ptr, scale.ptr, offset.ptr] as const;
    for (const [from, to] of this.ranges(c)) {
      const inputs = [dy.ptr, x.ptr, n, c] as const;
      if (s) k.batchNormBackwardSumsPlanes(totals.ptr, ...made, ...inputs, s, relu, from, to);
      else k.batchNormBackwardSums(totals.ptr, ...made, ...inputs, relu, from, to, lanes.ptr);
      k.batchNormAffineBackward(
        dWeight.ptr,
        dBias.ptr,
        running ? NULL : slope.ptr,
        running ? NULL : intercept.ptr,
        totals.ptr,
        delta.ptr,
        invStd.ptr,
        scale.ptr,
        c,
        n * (s || 1),
        from,
        to,
      );
    }
    const line = running ? ([NULL, NULL] as const) : ([slope.ptr, intercept.ptr] as const);
    for (const [from, to] of this.ranges(s ? c : n)) {
      const outputs = [dx.ptr, ...made, ...line, dy.ptr, x.ptr] as const;
      if (s) k.batchNormBackwardPlanes(...outputs, n, c, s, relu, from, to);
      else k.batchNormBackward(...outputs, c, relu, from, to, lanes.ptr);
    }
    return {
      dx: dx.f32.slice(),
      dWeight: Float64Array.from(dWeight.f32, (v) => v - 1),
      dBias: Float64Array.from(dBias.f32, (v) => v - 2),
    };
  }

  private get padded(): number {
    return Math.ceil(this.problem.c / 16) * 16;
  }

  /** Pointers need no alignment beyond four bytes. */
  private get skew(): number {
    return this.problem.c % 4;
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
