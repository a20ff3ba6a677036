/** Reads the configuration of a layer. Files may have been written by strangers: every value is checked. */
import { brief, describe } from '../tensor/check.ts';

/** The most characters that a message repeats of a name or value of a file. */
const LONG = 60;

/** A name of a file as a message repeats it. */
export function named(name: unknown): string {
  return typeof name === 'string' ? brief(name, LONG) : kindOf(name);
}

/** A value of a file as a message repeats it. */
export function kindOf(value: unknown): string {
  if (typeof value === 'object' && value && !Array.isArray(value)) return 'an object';
  return brief(describe(value), LONG);
}

/** The error for what stands at a place of the model. */
export function fault(place: string, expected: string, got: unknown): RangeError {
  return new RangeError(`${place} expected ${expected}, got ${kindOf(got)}`);
}

/** The own property of an object of JSON; undefined if it has none, or null. */
export function own(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name))
    return undefined;
  return (object as Record<string, unknown>)[name] ?? undefined;
}

/** The largest size that is read; beyond it products of sizes would not be whole numbers. */
const MAX = 0x40000000;

/** The fields of an object of the file. Absent ones, and those that are null, have a default. */
export class Fields {
  constructor(
    /** Where the object stands, with which messages begin. */
    readonly place: string,
    private readonly values: object,
  ) {}

  get(name: string): unknown {
    return own(this.values, name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  number(name: string, usual: number): number {
    const value = this.get(name) ?? usual;
    if (typeof value === 'number' && Math.abs(value) <= Number.MAX_VALUE) return value;
    throw this.fault(name, 'a number', value);
  }

  /** A whole number from `least` on. */
  size(name: string, usual?: number, least = 1): number {
    return this.wholeOf(name, this.get(name) ?? usual, least);
  }

  /** As many sizes as there are axes: a number for all, or a list. */
  sizes(name: string, axes: number, usual?: number | readonly number[]): number[] {
    const value = this.get(name) ?? usual;
    const list = Array.isArray(value) ? value : new Array(axes).fill(value);
    if (list.length !== axes) throw this.fault(name, `${axes} numbers`, value);
    return list.map((entry) => this.wholeOf(name, entry, 1));
  }

  boolean(name: string, usual: boolean): boolean {
    const value = this.get(name) ?? usual;
    if (typeof value === 'boolean') return value;
    throw this.fault(name, 'true or false', value);
  }

  /** One of several words, the first by default. */
  choice<const T extends string>(name: string, words: readonly T[]): T {
    const value = this.get(name) ?? words[0];
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw this.fault(name, words.map((word) => `'${word}'`).join(' or '), value);
  }

  /** A list of whole numbers. A single number is a list of one. */
  integers(name: string, usual: number | readonly number[], most = 8): number[] {
    const value = this.get(name) ?? usual;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length <= most && list.every((entry) => Number.isSafeInteger(entry))) {
      return list as number[];
    }
    throw this.fault(name, 'whole numbers', value);
  }

  fault(name: string, expected: string, got: unknown): RangeError {
    return fault(`${this.place}: ${name}`, expected, got);
  }

  private wholeOf(name: string, value: unknown, least: number): number {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX) {
      return value as number;
    }
    throw this.fault(name, `a whole number from ${least} to ${MAX}`, value);
  }
}
