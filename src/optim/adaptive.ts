import { AdaptiveScalars } from '../generated/kernels.ts';
import { NULL } from '../memory/memory.ts';
import { common } from '../runtime/common.ts';
import { extra } from '../runtime/extra.ts';
import { checkNumber } from '../tensor/check.ts';
import type { Member } from './moments.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';

/** The options that NAdam and RAdam share with Adam. */
interface MomentOptions extends OptimizerOptions {
  /** Decay rates of the mean of the gradient and of its square. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** Whether weight decay acts on the weight itself, as AdamW's. Default false. */
  decoupledWeightDecay: boolean;
}

const MOMENTS: readonly string[] = ['exp_avg', 'exp_avg_sq'];

/** How a step mixes m and g: `AdaptiveScalars` in assembly/optim/adaptive.ts. */
interface Mixture {
  mean: number;
  gradient: number;
  root: number;
  eps: number;
}

/** NAdam and RAdam: Adam's moments, mixed in another way. */
abstract class Moments<O extends MomentOptions> extends Optimizer<O> {
  protected override check(options: O): void {
    super.check(options);
    checkNumber(this.name, 'eps', options.eps, 0);
    checkBetas(this.name, options.betas);
  }

  protected moments(): readonly string[] {
    return MOMENTS;
  }

  /** The weights of m and g at step t. */
  protected abstract mixture(group: Group<O>, member: Member, t: number): Mixture;

  protected update(group: Group<O>, member: Member, step: number): void {
    const { betas, lr, weightDecay, decoupledWeightDecay } = group;
    const { parameter, moments } = member;
    const scalars = this.writeScalars(AdaptiveScalars, {
      beta1: betas[0],
      beta2: betas[1],
      gain: 1 - betas[1],
      ...this.mixture(group, member, step),
      weightDecay: decoupledWeightDecay ? 0 : weightDecay,
      shrink: decoupledWeightDecay ? 1 - lr * weightDecay : 1,
    });
    const { ptr, gradPtr, size } = parameter;
    extra().adaptiveStep(ptr, moments.exp_avg!, moments.exp_avg_sq!, gradPtr, scalars, 0, size);
  }
}

export interface NAdamOptions extends MomentOptions {
  /** How soon the momentum rises to β₁. Default 4e-3. */
  momentumDecay: number;
}

/**
 * Adam with Nesterov's momentum (Dozat, 2016), as PyTorch's. Step t = 1, 2, …:
 *
 *   g = dw + weightDecay·w
 *   μₜ = β₁·(1 − ½·0.96^(t·momentumDecay)),  Πₜ = μ₁·…·μₜ
 *   m ← β₁·m + (1 − β₁)·g
 *   v ← β₂·v + (1 − β₂)·g²
 *   m̂ = μₜ₊₁·m/(1 − Πₜ₊₁) + (1 − μₜ)·g/(1 − Πₜ)
 *   w ← w − lr·m̂ / (√v/√(1 − β₂ᵗ) + eps)
 *
 * With `decoupledWeightDecay` w ← (1 − lr·weightDecay)·w before each step, and g = dw.
 *
 * ```ts
 * const optimizer = new NAdam(model.parameters(), { lr: 2e-3 });
 * ```
 *
 * @throws RangeError for a negative option or a beta outside [0, 1)
 */
export class NAdam extends Moments<NAdamOptions> {
  /**
   * @param options lr 2e-3, betas [0.9, 0.999], eps 1e-8, weightDecay 0, momentumDecay 4e-3,
   *   decoupledWeightDecay false, maximize false
   */
  constructor(
    params: Params<NAdamOptions>,
    ...rest: [options?: Partial<NAdamOptions> | undefined]
  ) {
    super(
      params,
      {
        lr: 2e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0,
        momentumDecay: 4e-3,
        decoupledWeightDecay: false,
      },
      ...rest,
    );
  }

  protected override check(options: NAdamOptions): void {
    super.check(options);
    checkNumber(this.name, 'momentumDecay', options.momentumDecay, 0);
  }

  protected override get numbers(): Readonly<Record<string, number>> {
    return { mu_product: 1 };
  }

  protected mixture(group: Group<NAdamOptions>, { numbers }: Member, t: number): Mixture {
    const { lr, betas, momentumDecay } = group;
    const [beta1, beta2] = betas;
    const muAt = (step: number) => beta1 * (1 - 0.5 * common().powF64(0.96, step * momentumDecay));
    const [mu, next] = [muAt(t), muAt(t + 1)];
    // A float32 number, as PyTorch's, so that a state dict holds it exactly.
    const product = Math.fround((numbers.mu_product ?? 1) * Math.fround(mu));
    numbers.mu_product = product;
    return {
      mean: (-lr * next) / (1 - product * next),
      gradient: (-lr * (1 - mu)) / (1 - product),
      root: 1 / Math.sqrt(1 - common().powF64(beta2, t)),
      eps: group.eps,
    };
  }
}

export type RAdamOptions = MomentOptions;

/**
 * Rectified Adam (Liu et al., 2020), as PyTorch's: while the mean square rests on few gradients, a step is not
 * divided by its root. Step t = 1, 2, …:
 *
 *   g = dw + weightDecay·w
 *   m ← β₁·m + (1 − β₁)·g
 *   v ← β₂·v + (1 − β₂)·g²
 *   ρ∞ = 2/(1 − β₂) − 1,  ρ = ρ∞ − 2·t·β₂ᵗ/(1 − β₂ᵗ)
 *   ρ > 5:  r = √((ρ − 4)·(ρ − 2)·ρ∞ / ((ρ∞ − 4)·(ρ∞ − 2)·ρ)),
 *           w ← w − lr·r·m/(1 − β₁ᵗ) · √(1 − β₂ᵗ)/(√v + eps)
 *   else    w ← w − lr·m/(1 − β₁ᵗ)
 *
 * With `decoupledWeightDecay` w ← (1 − lr·weightDecay)·w before each step, and g = dw.
 *
 * ```ts
 * const optimizer = new RAdam(model.parameters(), { lr: 1e-3 });
 * ```
 *
 * @throws RangeError for a negative option or a beta outside [0, 1)
 */
export class RAdam extends Moments<RAdamOptions> {
  /**
   * @param options lr 1e-3, betas [0.9, 0.999], eps 1e-8, weightDecay 0, decoupledWeightDecay false, maximize
   *   false
   */
  constructor(
    params: Params<RAdamOptions>,
    ...rest: [options?: Partial<RAdamOptions> | undefined]
  ) {
    super(
      params,
      { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, decoupledWeightDecay: false },
      ...rest,
    );
  }

  protected mixture({ lr, betas, eps }: Group<RAdamOptions>, _: Member, t: number): Mixture {
    const [beta1, beta2] = betas;
    const power = common().powF64(beta2, t);
    const mean = -lr / (1 - common().powF64(beta1, t));
    const most = 2 / (1 - beta2) - 1;
    const length = most - (2 * t * power) / (1 - power);
    if (length <= 5) return { mean, gradient: 0, root: 0, eps };
    const rectified = Math.sqrt(
      ((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length),
    );
    return { mean: mean * rectified * Math.sqrt(1 - power), gradient: 0, root: 1, eps };
  }
}

export interface AdagradOptions extends OptimizerOptions {
  /** The learning rate of step t is lr/(1 + (t − 1)·lrDecay). Default 0. */
  lrDecay: number;
  /** What the sums of squares begin with. Default 0. */
  initialAccumulatorValue: number;
  /** Keeps the denominator from 0. Default 1e-10. */
  eps: number;
}

const SUM: readonly string[] = ['sum'];

/**
 * Adagrad (Duchi et al., 2011), as PyTorch's. Step t = 1, 2, …:
 *
 *   g = dw + weightDecay·w
 *   s ← s + g²,  s = initialAccumulatorValue before the first step
 *   w ← w − lr/(1 + (t − 1)·lrDecay) · g / (√s + eps)
 *
 * ```ts
 * const optimizer = new Adagrad(model.parameters(), { lr: 0.01 });
 * ```
 *
 * @throws RangeError for a negative option
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  /** @param options lr 0.01, lrDecay 0, weightDecay 0, initialAccumulatorValue 0, eps 1e-10, maximize false */
  constructor(
    params: Params<AdagradOptions>,
    ...rest: [options?: Partial<AdagradOptions> | undefined]
  ) {
    super(
      params,
      { lr: 0.01, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
      ...rest,
    );
  }

  protected override check(options: AdagradOptions): void {
    super.check(options);
    for (const name of ['lrDecay', 'initialAccumulatorValue', 'eps'] as const) {
      checkNumber(this.name, name, options[name], 0);
    }
  }

  protected moments(): readonly string[] {
    return SUM;
  }

  protected override initial({ initialAccumulatorValue }: Group<AdagradOptions>): number {
    return initialAccumulatorValue;
  }

  protected override get startsFilled(): boolean {
    return true;
  }

  protected update(group: Group<AdagradOptions>, member: Member, step: number): void {
    const { parameter, moments } = member;
    const scalars = this.writeScalars(AdaptiveScalars, {
      beta1: 0,
      beta2: 1,
      gain: 1,
      mean: 0,
      gradient: -group.lr / (1 + (step - 1) * group.lrDecay),
      root: 1,
      eps: group.eps,
      weightDecay: group.weightDecay,
      shrink: 1,
    });
    const { ptr, gradPtr, size } = parameter;
    extra().adaptiveStep(ptr, NULL, moments.sum!, gradPtr, scalars, 0, size);
  }
}

/** @throws RangeError for a beta outside [0, 1) */
export function checkBetas(who: string, betas: readonly number[]): void {
  for (const [i, beta] of betas.entries()) {
    checkNumber(who, `betas[${i}]`, beta, 0, 1);
    if (beta === 1) throw new RangeError(`${who}: betas[${i}] expected below 1, got 1`);
  }
}
