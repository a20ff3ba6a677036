import { kernels } from '../runtime/engine.ts';
import { checkNumber } from '../tensor/check.ts';
import { checkInstance } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';

/** Elements that one call sums. It is fixed, so that the order of additions follows from the sizes alone. */
const CHUNK = 65_536;

/**
 * The 2-norm of all gradients together, √Σ g², summed in float64 in the order of the list. Parameters that are
 * frozen, or got no gradient since `zeroGrad`, do not count.
 */
export function gradNorm(parameters: readonly Parameter[]): number {
  checkParameters('gradNorm', parameters);
  let sum = 0;
  for (const parameter of parameters) {
    if (!parameter.hasGradient) continue;
    for (let from = 0; from < parameter.size; from += CHUNK) {
      const to = Math.min(from + CHUNK, parameter.size);
      sum += kernels().sumOfSquares(parameter.gradPtr, from, to);
    }
  }
  return Math.sqrt(sum);
}

/**
 * Scales the gradients by min(1, maxNorm / (norm + 1e-6)), norm the 2-norm of all gradients
 * together (PyTorch's `clip_grad_norm_`).
 *
 * ```ts
 * model.backward(loss.backward());
 * clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 * ```
 *
 * @returns the norm before scaling
 * @throws RangeError for a negative `maxNorm`
 */
export function clipGradNorm(parameters: readonly Parameter[], maxNorm: number): number {
  checkParameters('clipGradNorm', parameters);
  checkNumber('clipGradNorm', 'maxNorm', maxNorm, 0, Infinity);
  const norm = gradNorm(parameters);
  const factor = maxNorm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (const parameter of parameters) {
    if (parameter.hasGradient) kernels().scaleInPlace(parameter.gradPtr, factor, 0, parameter.size);
  }
  return norm;
}

/**
 * Limits every gradient entry to [−limit, limit] (PyTorch's `clip_grad_value_`); NaN stays.
 *
 * @throws RangeError for a negative `limit`
 */
export function clipGradValue(parameters: readonly Parameter[], limit: number): void {
  checkParameters('clipGradValue', parameters);
  checkNumber('clipGradValue', 'limit', limit, 0, Infinity);
  for (const parameter of parameters) {
    if (parameter.hasGradient) kernels().clampInPlace(parameter.gradPtr, limit, 0, parameter.size);
  }
}

/** @throws TypeError unless it is a list of Parameters */
function checkParameters(who: string, parameters: readonly Parameter[]): void {
  const what = `${who}: parameters`;
  checkInstance(what, parameters, Array, 'a list', ': pass model.parameters()');
  for (const each of parameters) checkInstance(what, each, Parameter, 'Parameters');
}
