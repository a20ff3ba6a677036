import { AdamScalars } from '../generated/kernels.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { checkNumber } from '../tensor/check.ts';
import type { Member } from './moments.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';

export interface AdamOptions extends OptimizerOptions {
  /** Decay rates of the mean of the gradient and of its square. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** Divides by the largest mean square so far. Default false. */
  amsgrad: boolean;
}

const MOMENTS: readonly string[] = ['exp_avg', 'exp_avg_sq'];
const AMSGRAD: readonly string[] = [...MOMENTS, 'max_exp_avg_sq'];

/**
 * Adam (Kingma and Ba, 2015), with weight decay as an L2 penalty. Step t = 1, 2, …:
 *
 *   g = dw + weightDecay·w
 *   m ← β₁·m + (1 − β₁)·g
 *   v ← β₂·v + (1 − β₂)·g²
 *   w ← w − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps)
 *
 * With `amsgrad` the largest v so far is used instead of v. Each parameter has its own step count.
 *
 * ```ts
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * ```
 *
 * @throws RangeError for a negative option or a beta outside [0, 1)
 */
export class Adam extends Optimizer<AdamOptions> {
  private scalars = NULL as Pointer<'AdamScalars'>;

  /** @param options lr 1e-3, betas [0.9, 0.999], eps 1e-8, weightDecay 0, amsgrad false */
  constructor(params: Params<AdamOptions>, ...rest: [options?: Partial<AdamOptions> | undefined]) {
    super(
      params,
      {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: new.target.prototype.decoupled ? 0.01 : 0,
        amsgrad: false,
      },
      ...rest,
    );
  }

  /** Whether weight decay acts on the weight itself. */
  protected get decoupled(): boolean {
    return false;
  }

  protected override check(options: AdamOptions): void {
    super.check(options);
    checkNumber(this.name, 'eps', options.eps, 0);
    for (const [i, beta] of options.betas.entries()) {
      checkNumber(this.name, `betas[${i}]`, beta, 0, 1);
      if (beta === 1) throw new RangeError(`${this.name}: betas[${i}] expected below 1, got 1`);
    }
  }

  protected moments({ amsgrad }: Group<AdamOptions>): readonly string[] {
    return amsgrad ? AMSGRAD : MOMENTS;
  }

  protected override get allMoments(): readonly string[] {
    return AMSGRAD;
  }

  protected override prepare({ lr, betas, eps, weightDecay }: Group<AdamOptions>): void {
    const [beta1, beta2] = betas;
    const decoupled = this.decoupled ? 1 : 0;
    this.scalars = this.writeScalars(AdamScalars, {
      lr,
      beta1,
      beta2,
      eps,
      weightDecay,
      decoupled,
    });
  }

  protected update(group: Group<AdamOptions>, member: Member, step: number): void {
    const { parameter, moments } = member;
    kernels().adamStep(
      parameter.ptr,
      moments.exp_avg!,
      moments.exp_avg_sq!,
      group.amsgrad ? moments.max_exp_avg_sq! : NULL,
      parameter.gradPtr,
      this.scalars,
      step,
      0,
      parameter.size,
    );
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019): before each of Adam's steps
 * w ← (1 − lr·weightDecay)·w, and g = dw. The default of weightDecay is 0.01.
 *
 * @throws RangeError for a negative option or a beta outside [0, 1)
 */
export class AdamW extends Adam {
  protected override get decoupled(): boolean {
    return true;
  }
}
