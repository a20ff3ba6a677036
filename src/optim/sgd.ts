import { kernels } from '../runtime/engine.ts';
import { checkNumber } from '../tensor/check.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';
import { type Span, slotOf } from './spans.ts';

export interface SGDOptions extends OptimizerOptions {
  /** Default 0. */
  momentum: number;
  /** Damps the gradient's part in the momentum buffer. Default 0. */
  dampening: number;
  /** Looks one step ahead along the momentum. Default false. */
  nesterov: boolean;
}

const PLAIN: readonly string[] = [];
const WITH_MOMENTUM: readonly string[] = ['momentum_buffer'];

/**
 * Stochastic gradient descent, as PyTorch's:
 *
 *   g = dw + weightDecay·w
 *   b ← momentum·b + (1 − dampening)·g,  at the first step b ← g
 *   w ← w − lr·b,  with Nesterov w ← w − lr·(g + momentum·b)
 *
 * and without momentum w ← w − lr·g.
 *
 * ```ts
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 * ```
 *
 * @throws RangeError for a negative option, or for Nesterov without momentum or with dampening
 */
export class SGD extends Optimizer<SGDOptions> {
  /** @param options lr 1e-3, momentum 0, dampening 0, nesterov false, weightDecay 0 */
  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(
      params,
      {
        lr: 1e-3,
        momentum: 0,
        dampening: 0,
        nesterov: false,
        weightDecay: 0,
      },
      options,
    );
  }

  protected override check(options: SGDOptions): void {
    super.check(options);
    const { momentum, dampening, nesterov } = options;
    checkNumber(this.name, 'momentum', momentum, 0);
    checkNumber(this.name, 'dampening', dampening);
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new RangeError(
        `${this.name}: nesterov expected a momentum and no dampening, ` +
          `got momentum ${momentum}, dampening ${dampening}`,
      );
    }
  }

  protected override get countsSteps(): boolean {
    return false;
  }

  protected slots({ momentum }: Group<SGDOptions>): readonly string[] {
    return momentum === 0 ? PLAIN : WITH_MOMENTUM;
  }

  protected update(group: Group<SGDOptions>, span: Span, step: number): void {
    const { lr, momentum, dampening, nesterov, weightDecay } = group;
    const { data, grad, length } = span;
    if (momentum === 0) {
      kernels().sgdStep(data, grad, lr, weightDecay, 0, length);
      return;
    }
    kernels().sgdMomentumStep(
      data,
      slotOf(span, 'momentum_buffer', true),
      grad,
      lr,
      momentum,
      dampening,
      nesterov ? 1 : 0,
      weightDecay,
      step === 1 ? 1 : 0,
      0,
      length,
    );
  }
}
