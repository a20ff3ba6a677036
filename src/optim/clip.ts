import { View } from '../memory/memory.ts';
import { common } from '../runtime/common.ts';
import { kernels } from '../runtime/engine.ts';
import { checkNumber } from '../tensor/check.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { Parameter } from '../tensor/parameter.ts';

/** Elements that one call sums. It is fixed, so that the order of additions follows from the sizes alone. */
const CHUNK = 65_536;

export interface NormOptions {
  /** p of the p-norm, above 0; Infinity is the largest magnitude. Default 2. */
  normType?: number;
}

/**
 * The p-norm of all gradients together, (Σ |g|ᵖ)^(1/p), summed in float64 in the order of the list; √Σ g² by
 * default. Parameters that are frozen, or got no gradient since `zeroGrad`, do not count.
 *
 * @throws RangeError for a `normType` that is not above 0
 */
export function gradNorm(
  parameters: readonly Parameter[],
  ...rest: [options?: NormOptions | undefined]
): number {
  const who = 'gradNorm';
  checkParameters(who, parameters);
  return normOf(parameters, normTypeOf(who, rest));
}

function normOf(parameters: readonly Parameter[], p: number): number {
  if (p !== 2) return generalNorm(parameters, p);
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

/** The p-norm for any p: with |g|ᵖ = exp(p·ln |g|) by kernels, as engines round their own differently. */
function generalNorm(parameters: readonly Parameter[], p: number): number {
  const { expF64, logF64 } = kernels();
  const power = (a: number, p: number): number => expF64(p * logF64(a));
  let sum = 0;
  for (const { hasGradient, gradPtr, size } of parameters) {
    if (!hasGradient) continue;
    for (const g of new View(gradPtr, size).f32) {
      const a = Math.abs(g);
      if (p === Infinity) sum = Math.max(sum, a);
      else sum += p === 1 ? a : power(a, p);
    }
  }
  return p === 1 || p === Infinity ? sum : power(sum, 1 / p);
}

/**
 * Scales the gradients by min(1, maxNorm / (norm + 1e-6)), norm the 2-norm of all gradients
 * together, or another p-norm (PyTorch's `clip_grad_norm_`).
 *
 * ```ts
 * model.backward(loss.backward());
 * clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 * ```
 *
 * @returns the norm before scaling
 * @throws RangeError for a negative `maxNorm`, or a `normType` that is not above 0
 */
export function clipGradNorm(
  parameters: readonly Parameter[],
  maxNorm: number,
  ...rest: [options?: NormOptions | undefined]
): number {
  const who = 'clipGradNorm';
  checkParameters(who, parameters);
  checkNumber(who, 'maxNorm', maxNorm, 0, Infinity);
  const norm = normOf(parameters, normTypeOf(who, rest));
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
    if (parameter.hasGradient) common().clampInPlace(parameter.gradPtr, limit, 0, parameter.size);
  }
}

function normTypeOf(who: string, rest: readonly [options?: NormOptions | undefined]): number {
  const { normType = 2 } = optionsOf(who, rest, { normType: undefined });
  checkNumber(who, 'normType', normType, Number.MIN_VALUE, Infinity);
  return normType;
}

/** @throws TypeError unless it is a list of Parameters */
function checkParameters(who: string, parameters: readonly Parameter[]): void {
  const what = `${who}: parameters`;
  checkInstance(what, parameters, Array, 'a list', ': pass model.parameters()');
  for (const each of parameters) checkInstance(what, each, Parameter, 'Parameters');
}
