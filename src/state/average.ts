import { brief, checkNumber, checkRecord, describe, unexpected } from '../tensor/check.ts';
import { type Reading, read } from '../tensor/reading.ts';
import { sameShape, shapeText } from '../tensor/shape.ts';
import { exactly, type Input, Tensor } from '../tensor/tensor.ts';
import { isCounter } from './counter.ts';

/**
 * The weighted mean of state dicts, entry by entry: Σ wₖ·stateₖ / Σ wₖ. It is summed in float64 and rounded once.
 *
 * ```ts
 * model.loadStateDict(averageStates([first, second, third]));                 // the last checkpoints of a run
 * model.loadStateDict(averageStates(states, [sizes[0], sizes[1], sizes[2]])); // federated averaging
 * ```
 *
 * Counters (`num_batches_tracked`) are averaged, too, and rounded to a whole number. Running statistics are those of
 * no model after averaging: `recomputeStatistics` makes them anew.
 *
 * @param states state dicts of the same model; one of weight 0 does not count
 * @param weights one weight a state, which need not add up to 1; default: all alike
 * @throws TypeError if `states` are not state dicts, or `weights` not numbers
 * @throws RangeError if there is no state, if names or shapes differ, if there are more or fewer weights than
 *   states, if one is negative or not finite, or if all are 0
 */
export function averageStates(
  states: readonly Readonly<Record<string, Input>>[],
  weights?: readonly number[],
): Record<string, Tensor> {
  const who = 'averageStates';
  if (!Array.isArray(states)) throw unexpected(`${who}:`, 'an array of state dicts', states);
  if (states.length === 0) throw new RangeError(`${who}: expected at least one state, got none`);
  const shares = sharesOf(who, states.length, weights);
  const read = states.map((state, k) => readState(`${who}: states[${k}]`, state));
  const [first] = read as [ReadState, ...ReadState[]];
  for (const [k, state] of read.entries()) checkAlike(`${who}: states[${k}]`, first, state);
  const entries = Array.from(first, ([name, reading]): [string, Tensor] => {
    const means = new Float64Array(reading.values.length);
    for (const [k, state] of read.entries()) {
      if (shares[k] === 0) continue; // 0·∞ would be NaN
      const { values } = state.get(name)!;
      for (let i = 0; i < means.length; i++) means[i]! += shares[k]! * values[i]!;
    }
    const total = shares.reduce((sum, share) => sum + share, 0);
    for (let i = 0; i < means.length; i++) means[i]! /= total;
    if (!isCounter(name)) return [name, new Tensor(reading.shape, Float32Array.from(means))];
    for (let i = 0; i < means.length; i++) means[i] = Math.floor(means[i]! + 0.5);
    const isScalar = reading.shape.length === 0;
    return [name, isScalar ? exactly(means[0]!) : Tensor.from(means, reading.shape)];
  });
  return Object.fromEntries(entries);
}

type ReadState = ReadonlyMap<string, Reading>;

function readState(who: string, state: Readonly<Record<string, Input>>): ReadState {
  checkRecord(who, state);
  const entries = Object.entries(state);
  return new Map(entries.map(([name, input]) => [name, read(`${who}: ${brief(name)}`, input)]));
}

function checkAlike(who: string, first: ReadState, state: ReadState): void {
  const strange = [...state.keys()].find((name) => !first.has(name));
  if (strange !== undefined) {
    throw new RangeError(`${who} expected the names of states[0], got ${brief(strange)}, too`);
  }
  for (const [name, reading] of first) {
    const other = state.get(name);
    if (!other) throw new RangeError(`${who}: ${brief(name)} is missing, which states[0] has`);
    const { shape } = other;
    if (sameShape(shape, reading.shape)) continue;
    throw new RangeError(
      `${who}: ${brief(name)} expected ${shapeText(reading.shape)}, as in states[0], got ${brief(shapeText(shape))}`,
    );
  }
}

function sharesOf(who: string, count: number, weights: readonly number[] | undefined): number[] {
  if (weights === undefined) return new Array(count).fill(1);
  if (!Array.isArray(weights)) {
    throw new TypeError(`${who}: weights expected an array of numbers, got ${describe(weights)}`);
  }
  const shares = [...weights];
  if (shares.length !== count) {
    throw new RangeError(
      `${who}: weights expected ${count} numbers, one a state, got ${shares.length}`,
    );
  }
  for (const [k, share] of shares.entries()) checkNumber(who, `weights[${k}]`, share, 0);
  const largest = Math.max(...shares);
  // A power of two, by which division is exact, so that neither the sum overflows nor a product underflows.
  let scale = 1;
  while (largest / scale >= 2) scale *= 2;
  while (largest > 0 && largest / scale < 1) scale /= 2;
  if (largest > 0) return shares.map((share) => share / scale);
  throw new RangeError(`${who}: weights expected at least one above 0, got ${shares.join(', ')}`);
}
