import { LionScalars } from '../generated/kernels.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import { extra } from '../runtime/extra.ts';
import { checkBetas } from './adaptive.ts';
import type { Member } from './moments.ts';
import { type Group, Optimizer, type OptimizerOptions, type Params } from './optimizer.ts';

export interface LionOptions extends OptimizerOptions {
  /** Weights of the old mean in the step, and in the new mean. Default [0.9, 0.99]. */
  betas: readonly [number, number];
}

const MOMENTS: readonly string[] = ['exp_avg'];

/**
 * Lion, "evolved sign momentum" (Chen et al., 2023):
 *
 *   c = β₁·m + (1 − β₁)·dw
 *   w ← (1 − lr·weightDecay)·w − lr·sign(c)
 *   m ← β₂·m + (1 − β₂)·dw
 *
 * Every weight moves by lr. The paper takes a learning rate a third to a tenth of AdamW's, and a weight decay
 * larger by the same factor. Options and state keys are those of the authors' program for PyTorch, which has no
 * Lion of its own.
 *
 * ```ts
 * const optimizer = new Lion(model.parameters(), { lr: 1e-4, weightDecay: 0.1 });
 * ```
 *
 * @throws RangeError for a negative option or a beta outside [0, 1)
 */
export class Lion extends Optimizer<LionOptions> {
  private scalars = NULL as Pointer<'LionScalars'>;

  /** @param options lr 1e-4, betas [0.9, 0.99], weightDecay 0, maximize false */
  constructor(params: Params<LionOptions>, ...rest: [options?: Partial<LionOptions> | undefined]) {
    super(params, { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0 }, ...rest);
  }

  protected override check(options: LionOptions): void {
    super.check(options);
    checkBetas(this.name, options.betas);
  }

  protected override get countsSteps(): boolean {
    return false;
  }

  protected moments(): readonly string[] {
    return MOMENTS;
  }

  protected override prepare({ lr, betas, weightDecay }: Group<LionOptions>): void {
    const [beta1, beta2] = betas;
    this.scalars = this.writeScalars(LionScalars, { lr, beta1, beta2, weightDecay });
  }

  protected update(_: Group<LionOptions>, { parameter, moments }: Member): void {
    const { ptr, gradPtr, size } = parameter;
    extra().lionStep(ptr, moments.exp_avg!, gradPtr, this.scalars, 0, size);
  }
}
