/** The form of an optimizer's state dict, and the checks of one that is to be loaded. */
import { describe, unexpected } from '../tensor/check.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, sameShape, shapeText } from '../tensor/shape.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';

/** A group's options by PyTorch's names (`weight_decay`), and its parameters' numbers. */
export interface GroupState {
  params: number[];
  [option: string]: unknown;
}

/** PyTorch's form of an optimizer's state: parameters by their number, moments as Tensors. */
export interface OptimizerState {
  state: Record<number, Record<string, Tensor>>;
  param_groups: GroupState[];
}

/** What `loadStateDict` takes: moments may be `{ data, shape }`, steps plain numbers. */
export interface LoadableOptimizerState {
  readonly state: Readonly<Record<number, Readonly<Record<string, Input | number | null>>>>;
  readonly param_groups: readonly Readonly<GroupState>[];
}

/** What a state dict holds of one parameter. */
interface Entry {
  readonly steps: number;
  readonly values: Readonly<Record<string, Float32Array>>;
  readonly numbers: Readonly<Record<string, number>>;
}

/** The two parts of a state dict, whose groups list their parameters by number. */
export function partsOf(
  who: string,
  dict: LoadableOptimizerState,
): { state: LoadableOptimizerState['state']; groups: readonly Readonly<GroupState>[] } {
  const { state, param_groups: groups } = dict ?? {};
  if (!state || typeof state !== 'object' || !Array.isArray(groups)) {
    throw unexpected(`${who}:`, '{ state, param_groups } as stateDict() returns it', dict);
  }
  for (const [i, group] of groups.entries()) {
    const params = group?.params;
    if (!Array.isArray(params) || !params.every(Number.isInteger)) {
      throw unexpected(`${who}: param_groups[${i}].params`, 'numbers of parameters', params);
    }
  }
  return { state, groups };
}

/**
 * The steps and moments of a parameter of this shape; undefined if there are none, and it is to start anew.
 *
 * @param names the moments that the optimizer's update uses
 * @param others moments that it keeps if they are there
 * @param numbers names of the numbers that the update uses
 * @param counted whether it also uses the number of steps; otherwise moments may be missing
 */
export function entryOf(
  where: string,
  found: unknown,
  shape: Shape,
  names: readonly string[],
  others: readonly string[],
  numbers: readonly string[],
  counted: boolean,
): Entry | undefined {
  if (found === undefined) return undefined;
  if (!found || typeof found !== 'object') {
    throw unexpected(`${where}:`, 'its moments by name', found);
  }
  const given = found as Readonly<Record<string, unknown>>;
  if (Object.keys(given).length === 0) return undefined;
  const values: Record<string, Float32Array> = {};
  const scalars: Record<string, number> = {};
  const needed = counted ? ['step', ...numbers, ...names] : names;
  for (const name of new Set([...needed, ...others])) {
    const value = given[name];
    if (value === undefined || value === null) {
      if (!needed.includes(name)) continue;
      if (!counted) return undefined;
      const expected =
        name === 'step'
          ? 'the number of its updates so far'
          : numbers.includes(name)
            ? 'a number'
            : `a Tensor ${shapeText(shape)}`;
      throw new RangeError(
        `${where}: ${name} is missing: expected ${expected}; ` +
          'leave the whole entry out to start it anew',
      );
    }
    if (name === 'step') continue;
    if (numbers.includes(name)) {
      scalars[name] = numberOf(`${where}: ${name}`, value);
      continue;
    }
    const reading = read(`${where}: ${name}`, value as Input);
    if (!sameShape(reading.shape, shape)) {
      const got = shapeText(reading.shape);
      throw new RangeError(`${where}: ${name} expected ${shapeText(shape)}, got ${got}`);
    }
    values[name] = Float32Array.from(reading.values); // a copy: loading may move linear memory
  }
  if (counted)
    return { steps: numberOf(`${where}: step`, given.step, true), values, numbers: scalars };
  return Object.keys(values).length > 0 ? { steps: 1, values, numbers: scalars } : undefined;
}

/** A number, or a Tensor of one; with `whole` a count. */
function numberOf(what: string, given: unknown, whole = false): number {
  const values: ArrayLike<unknown> =
    typeof given === 'object' ? read(what, given as Input).values : [given];
  const [value] = values as number[];
  const fits = whole ? Number.isSafeInteger(value) && value! >= 0 : typeof value === 'number';
  if (values.length === 1 && fits) return value!;
  const got = values.length === 1 ? describe(value) : `${values.length} numbers`;
  throw new RangeError(
    `${what} expected ${whole ? 'a whole number ≥ 0' : 'one number'}, got ${got}`,
  );
}
