import { MomentumScalars } from '../generated/kernels.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import { common } from '../runtime/common.ts';
import { checkNumber } from '../tensor/check.ts';
import type { Member } from './moments.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';

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
  private scalars = NULL as Pointer<'MomentumScalars'>;

  /** @param options lr 1e-3, momentum 0, dampening 0, nesterov false, weightDecay 0 */
  constructor(params: Params<SGDOptions>, ...rest: [options?: Partial<SGDOptions> | undefined]) {
    super(
      params,
      {
        lr: 1e-3,
        momentum: 0,
        dampening: 0,
        nesterov: false,
        weightDecay: 0,
      },
      ...rest,
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

  protected moments({ momentum }: Group<SGDOptions>): readonly string[] {
    return momentum === 0 ? PLAIN : WITH_MOMENTUM;
  }

  protected override get allMoments(): readonly string[] {
    return WITH_MOMENTUM;
  }

  protected override prepare(group: Group<SGDOptions>): void {
    if (group.momentum === 0) return;
    const nesterov = group.nesterov ? 1 : 0;
    this.scalars = this.writeScalars(MomentumScalars, { ...group, nesterov });
  }

  protected update(group: Group<SGDOptions>, { parameter, moments }: Member, step: number): void {
    const { ptr, gradPtr, size } = parameter;
    if (group.momentum === 0) {
      common().sgdStep(ptr, gradPtr, group.lr, group.weightDecay, 0, size);
    } else {
      const buffer = moments.momentum_buffer!;
      const first = step === 1 ? 1 : 0;
      common().sgdMomentumStep(ptr, buffer, gradPtr, this.scalars, first, 0, size);
    }
  }
}
