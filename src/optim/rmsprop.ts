import { extra } from '../runtime/extra.ts';
import { checkNumber } from '../tensor/check.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';
import { type Span, slotOf } from './spans.ts';

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
const SLOTS: readonly (readonly string[])[] = [
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
  /** @param options lr 0.01, alpha 0.99, eps 1e-8, weightDecay 0, momentum 0, centered false */
  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
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
      options,
    );
  }

  protected override check(options: RMSpropOptions): void {
    super.check(options);
    checkNumber(this.name, 'alpha', options.alpha, 0, 1);
    checkNumber(this.name, 'eps', options.eps, 0);
    checkNumber(this.name, 'momentum', options.momentum, 0);
  }

  protected slots({ centered, momentum }: Group<RMSpropOptions>): readonly string[] {
    return SLOTS[(centered ? 1 : 0) + (momentum > 0 ? 2 : 0)]!;
  }

  /** With eps = 0 the padding's update would be 0/0. */
  protected override keepsZero({ eps }: Group<RMSpropOptions>): boolean {
    return eps > 0;
  }

  protected update(group: Group<RMSpropOptions>, span: Span): void {
    extra().rmspropStep(
      span.data,
      slotOf(span, 'square_avg', true),
      slotOf(span, 'grad_avg', group.centered),
      slotOf(span, 'momentum_buffer', group.momentum > 0),
      span.grad,
      group.lr,
      group.alpha,
      group.eps,
      group.weightDecay,
      group.momentum,
      0,
      span.length,
    );
  }
}
