/** What a sequence of calls may change, as a copy that is compared before and after each call. */
import { defaultGenerator, type Module } from '../../src/index.ts';
import { difference } from '../support/difference.ts';

export interface World {
  readonly state: Readonly<Record<string, Float32Array>>;
  /** By name; null for a parameter without a gradient. */
  readonly gradients: Readonly<Record<string, Float32Array | null>>;
  readonly counter: number;
}

export function worldOf(model: Module): World {
  const state: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(model.stateDict())) state[name] = tensor.toArray();
  const gradients: Record<string, Float32Array | null> = {};
  for (const [name, { grad }] of model.namedParameters()) gradients[name] = grad?.toArray() ?? null;
  return { state, gradients, counter: defaultGenerator.state.counter };
}

/** A value that a call should have made, and how far off it may be. */
export interface Expected {
  readonly values: ArrayLike<number>;
  readonly slack: number;
}

export class Mismatch extends Error {}

/** Fails if the values differ by more than the slack allows. */
export function check(actual: ArrayLike<number>, { values, slack }: Expected, what: string): void {
  const found = difference(actual, values, { scaled: 3e-6, atol: 1e-6 + slack }, what);
  if (found) throw new Mismatch(`${found} (slack ${slack})`);
}

/** Fails unless the two worlds have the same bits, apart from what is named in `except`. */
export function checkUnchanged(before: World, after: World, except: ReadonlySet<string>): void {
  const sides = ['state', 'gradients'] as const;
  for (const side of sides) {
    for (const [name, values] of Object.entries(after[side])) {
      if (except.has(`${side} ${name}`)) continue;
      if (!sameBits(before[side][name] ?? null, values)) {
        throw new Mismatch(`${side} ${name} has changed`);
      }
    }
  }
  if (before.counter !== after.counter && !except.has('counter')) {
    throw new Mismatch('the generator has drawn');
  }
}

function sameBits(a: Float32Array | null, b: Float32Array | null): boolean {
  // Gradients that are allocated are zero at first.
  if (!a || !b) return [...(a ?? b ?? [])].every((v) => v === 0);
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
}

/** Engines' own words: an error that has them was not made by evenkeel. */
const ENGINE =
  /Cannot read|not a function|not iterable|of undefined|of null|detached|out of bounds|unreachable|call stack|Invalid (array|typed)|is not defined/;

/** Fails unless the call throws an error of evenkeel's own. */
export function checkRefused(call: () => unknown, why: string): void {
  try {
    call();
  } catch (error) {
    checkOwn(error);
    return;
  }
  throw new Mismatch(`no error, but ${why}`);
}

export function checkOwn(error: unknown): void {
  if (error instanceof Mismatch) throw error;
  const own =
    error instanceof Error &&
    !(error instanceof WebAssembly.RuntimeError) &&
    !ENGINE.test(error.message);
  if (!own) throw error;
}
