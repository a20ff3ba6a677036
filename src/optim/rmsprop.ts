import { RMSpropScalars } from '../generated/kernels.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import { extra } from '../runtime/extra.ts';
import { checkNumber } from '../tensor/check.ts';
import type { Member } from './moments.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';

export interface RMSpropOptions extends OptimizerOptions {
  /** Decay rate of the mean square. Default 0.99. */
  alpha: number;
  /** Keeps the denominator from 0. Default 1e-8. */
  eps: number;
  /** Default 0. */
  momentum: number;
  /** Divides by the gradient's standard deviation rather than its root mean square. Default false. */
  centered: boolean;
}

/** By centered (1) and momentum (2). */
const MOMENTS: readonly (readonly string[])[] = [
  ['square_avg'],
  ['square_avg', 'grad_avg'],
  ['square_avg', 'momentum_buffer'],
  ['square_avg', 'grad_avg', 'momentum_buffer'],
];

/**
 * RMSprop (Hinton, Neural Networks for Machine Learning, lecture 6, 2012), as PyTorch's:
 *
 *   g = dw + weightDecay·w
 *   s ← α·s + (1 − α)·g²
 *   u = g / (√s + eps),  centered: a ← α·a + (1 − α)·g, u = g / (√(s − a²) + eps)
 *   w ← w − lr·u,  with momentum: b ← momentum·b + u, w ← w − lr·b
 *
 * ```ts
 * const optimizer = new RMSprop(model.parameters(), { lr: 1e-3 });
 * ```
 *
 * @throws RangeError for a negative option or an alpha above 1
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  private scalars = NULL as Pointer<'RMSpropScalars'>;

  /** @param options lr 0.01, alpha 0.99, eps 1e-8, weightDecay 0, momentum 0, centered false */
  constructor(
    params: Params<RMSpropOptions>,
    ...rest: [options?: Partial<RMSpropOptions> | undefined]
  ) {
    super(
      params,
      {
        lr: 0.01,
        alpha: 0.99,
        eps: 1e-8,
        weightDecay: 0,
        momentum: 0,
        centered: false,
      },
      ...rest,
    );
  }

  protected override check(options: RMSpropOptions): void {
    super.check(options);
    checkNumber(this.name, 'alpha', options.alpha, 0, 1);
    checkNumber(this.name, 'eps', options.eps, 0);
    checkNumber(this.name, 'momentum', options.momentum, 0);
  }

  protected moments({ centered, momentum }: Group<RMSpropOptions>): readonly string[] {
    return MOMENTS[(centered ? 1 : 0) + (momentum > 0 ? 2 : 0)]!;
  }

  protected override get allMoments(): readonly string[] {
    return MOMENTS[3]!;
  }

  protected override prepare(group: Group<RMSpropOptions>): void {
    this.scalars = this.writeScalars(RMSpropScalars, group);
  }

  protected update(group: Group<RMSpropOptions>, { parameter, moments }: Member): void {
    extra().rmspropStep(
      parameter.ptr,
      moments.square_avg!,
      group.centered ? moments.grad_avg! : NULL,
      group.momentum > 0 ? moments.momentum_buffer! : NULL,
      parameter.gradPtr,
      this.scalars,
      0,
      parameter.size,
    );
  }
}
