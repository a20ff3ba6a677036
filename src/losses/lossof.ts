import { checkFunction, optionsOf } from '../tensor/options.ts';
import { Loss, type LossContext, type Reduction } from './loss.ts';

/** Computes a loss, and overwrites `gradient`, which is zeros, with its gradient with respect to the prediction. */
export type LossFunction = (
  prediction: Float32Array,
  target: Float32Array,
  gradient: Float32Array,
  ctx: LossContext,
) => number;

class FunctionLoss extends Loss {
  constructor(
    override readonly compute: LossFunction,
    override readonly reduction: Reduction,
  ) {
    super();
  }

  override toString(): string {
    return this.compute.name || 'lossOf';
  }
}

/**
 * Makes a loss of a function on typed arrays. `fit`, `evaluate` and all that takes a loss takes it.
 *
 * ```ts
 * const loss = lossOf((prediction, target, gradient) => {
 *   let sum = 0;
 *   for (let i = 0; i < prediction.length; i++) {
 *     const d = prediction[i]! - target[i]!;
 *     sum += (d ** 4) / prediction.length;
 *     gradient[i] = (4 * d ** 3) / prediction.length;
 *   }
 *   return sum;
 * });
 * ```
 *
 * The arrays are the function's own. `gradcheck` of `evenkeel/inspect` compares the gradient with differences.
 *
 * @param compute gets copies of prediction and target, in row-major order, and their shapes in `ctx`
 * @param options.reduction whether the value is a `'mean'` over samples, the default, or a `'sum'`; `evaluate` weights
 *   batches by it
 * @throws TypeError if `compute` is not a function; in forward if it does not return a number
 */
export function lossOf(
  compute: LossFunction,
  ...rest: [options?: { reduction?: Exclude<Reduction, 'none'> } | undefined]
): Loss {
  checkFunction('lossOf: compute', compute);
  return new FunctionLoss(
    compute,
    optionsOf('lossOf', rest, { reduction: ['mean', 'sum'] }).reduction,
  );
}
