/** The loss of triplets by their distances. */
import { common } from '../runtime/common.ts';
import { checkNumber, unexpected } from '../tensor/check.ts';
import type { Numbers } from '../tensor/numbers.ts';
import { optionsOf } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';
import type { ReductionOptions } from './elementwise.ts';
import type { LossValue, Reduction } from './loss.ts';
import { type Arrays, LossOfSeveral } from './several.ts';
import { REDUCTIONS, type TargetData } from './target.ts';

export interface TripletMarginLossOptions<R extends Reduction = Reduction>
  extends ReductionOptions<R> {
  /** By how much the negative should be farther away than the positive, above 0. Default 1. */
  margin?: number;
  /** p of the p-norm. Default 2. */
  p?: number;
  /** Added to each difference. Default 1e-6. */
  eps?: number;
  /** Whether the negative's distance is that to the positive, if it is nearer to it. Default false. */
  swap?: boolean;
}

/**
 * L = max(0, d(a, p) − d(a, n) + margin) for an anchor a, a positive p and a negative n, with
 * d(u, v) = (Σ|u − v + eps|ᵖ)^(1/p); with `swap` min(d(a, n), d(p, n)) instead of d(a, n); averaged over the triplets
 * (Balntas et al., 2016)
 *
 * ∂d/∂u = sign(e)·|e|ᵖ⁻¹/dᵖ⁻¹ with e = u − v + eps, 0 where d is 0. Predictions [a, p, n], all [N, D], or of more
 * axes, of which the last is measured; there is no target. As PyTorch's `nn.TripletMarginLoss`.
 *
 * ```ts
 * const value = loss.forward([anchor, positive, negative]);
 * const [dAnchor, dPositive, dNegative] = loss.backward();
 * ```
 *
 * @throws RangeError for a margin or p that is not above 0; in forward for shapes that differ
 */
export class TripletMarginLoss<R extends Reduction = 'mean' | 'sum'> extends LossOfSeveral<R> {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(...rest: [options?: TripletMarginLossOptions<R> | undefined]) {
    const who = 'TripletMarginLoss';
    const given = rest as [TripletMarginLossOptions | undefined];
    const table = { margin: 1, p: 2, eps: 1e-6, swap: false, reduction: REDUCTIONS } as const;
    const { margin, p, eps, swap, reduction } = optionsOf(who, given, table);
    super(['anchor', 'positive', 'negative'], reduction);
    checkNumber(who, 'margin', margin, Number.MIN_VALUE);
    checkNumber(who, 'p', p, Number.MIN_VALUE);
    checkNumber(who, 'eps', eps, 0);
    this.margin = margin;
    this.p = p;
    this.eps = eps;
    this.swap = swap;
  }

  override forward(
    predictions: readonly Input[],
    target: TargetData | undefined = undefined,
  ): LossValue<R> {
    if (target !== undefined) throw unexpected(`${this}: target`, 'none', target);
    return super.forward(predictions, []);
  }

  protected check(shapes: readonly Shape[]): void {
    this.checkAlike(shapes);
  }

  protected termShape([shape]: readonly Shape[]): Shape {
    return shape!.slice(0, -1);
  }

  protected targets(): Numbers {
    return new Float32Array(0);
  }

  protected term(i: number, x: Arrays, _: Numbers, dx?: Arrays, slope = 0): number {
    const toPositive = this.distance(i, x, 0, 1);
    const toNegative = this.distance(i, x, 0, 2);
    const other = this.swap ? this.distance(i, x, 1, 2) : Infinity;
    const loss = this.margin + toPositive - Math.min(toNegative, other);
    if (dx && loss >= 0) {
      // Of two equal distances each gets half.
      const share = toNegative === other ? 0.5 : toNegative < other ? 1 : 0;
      this.addSlope(i, x, dx, [0, 1], toPositive, slope);
      this.addSlope(i, x, dx, [0, 2], toNegative, -slope * share);
      if (this.swap) this.addSlope(i, x, dx, [1, 2], other, -slope * (1 - share));
    }
    return loss < 0 ? 0 : loss;
  }

  /** d(u, v) of the i-th rows of two predictions. */
  private distance(i: number, x: Arrays, from: number, to: number): number {
    const { p, eps, width } = this;
    const { powF64 } = common();
    const [u, v] = [x[from]!, x[to]!];
    let sum = 0;
    for (let k = i * width; k < (i + 1) * width; k++) {
      const e = Math.abs(u[k]! - v[k]! + eps);
      sum += p === 2 ? e * e : p === 1 ? e : powF64(e, p);
    }
    return p === 2 ? Math.sqrt(sum) : p === 1 ? sum : powF64(sum, 1 / p);
  }

  /** Adds slope·∂d/∂u and slope·∂d/∂v = −slope·∂d/∂u. */
  private addSlope(
    i: number,
    x: Arrays,
    dx: Arrays,
    [from, to]: readonly [number, number],
    distance: number,
    slope: number,
  ): void {
    if (slope === 0 || distance === 0) return;
    const { p, eps, width } = this;
    const { powF64 } = common();
    const [u, v, du, dv] = [x[from]!, x[to]!, dx[from]!, dx[to]!];
    for (let k = i * width; k < (i + 1) * width; k++) {
      const e = u[k]! - v[k]! + eps;
      if (e === 0) continue;
      const ratio = Math.abs(e) / distance;
      const part = p === 2 ? ratio : p === 1 ? 1 : powF64(ratio, p - 1);
      const d = e < 0 ? -slope * part : slope * part;
      du[k]! += d;
      dv[k]! -= d;
    }
  }

  /** Numbers in a row. */
  private get width(): number {
    return this.shapes[0]!.at(-1)!;
  }
}
