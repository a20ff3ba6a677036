/** Loading of a state dict: all of it is checked before any of it is written. */
import { brief, checkInteger, unexpected } from '../tensor/check.ts';
import { type Buffer, Counter, type Parameter } from '../tensor/parameter.ts';
import { read } from '../tensor/reading.ts';
import { sameShape, shapeText } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';

export interface LoadResult {
  /** Names that are in the module but not in the state dict. */
  missing: string[];
  /** Names that are in the state dict but not in the module. */
  unexpected: string[];
  /** Names in both whose shapes differ. */
  mismatched: string[];
}

/** A named part of a module's state. */
export type Entry = Parameter | Buffer | Counter;

/** The entries of a kind, each once, under its first name. */
export function distinct<E extends Entry>(
  entries: Iterable<[string, Entry]>,
  kind: abstract new (...args: never[]) => E,
): [string, E][] {
  const found = new Set<Entry>();
  return [...entries].filter((named): named is [string, E] => {
    const isNew = named[1] instanceof kind && !found.has(named[1]);
    found.add(named[1]);
    return isNew;
  });
}

/** The entries of a state dict whose names begin with `from`, without that beginning. */
export function partOf(
  who: string,
  state: Readonly<Record<string, Input>>,
  from: string,
): Readonly<Record<string, Input>> {
  if (typeof from !== 'string') throw unexpected(`${who}: from`, 'a text', from);
  const inside = Object.keys(state).filter((name) => name.startsWith(from));
  return Object.fromEntries(inside.map((name) => [name.slice(from.length), state[name]!]));
}

/**
 * Loads values into entries by name.
 *
 * @param strict whether all names and shapes must match; if not, what matches is loaded
 * @throws as `Module.loadStateDict`; nothing has been loaded then
 */
export function load(
  who: string,
  entries: readonly (readonly [string, Entry])[],
  state: Readonly<Record<string, Input>>,
  strict: boolean,
): LoadResult {
  const names = new Set(entries.map(([name]) => name));
  const foreign = Object.keys(state).filter((name) => !names.has(name));
  const given = entries.filter(([name]) => Object.hasOwn(state, name));
  // What is in two places is not missing if one of its names is there.
  const known = new Set(given.map(([, entry]) => entry));
  const missing = entries.filter(([, entry]) => !known.has(entry)).map(([name]) => name);
  const mismatched: string[] = [];
  const faults: string[] = [];
  const loads: [Entry, Float32Array | number][] = [];
  for (const [name, entry] of given) {
    const counts = entry instanceof Counter;
    const expected = counts ? [] : entry.shape;
    const { shape, values } = read(`${who}: ${name}`, state[name]!);
    if (!sameShape(shape, expected)) {
      mismatched.push(name);
      faults.push(`${name} expected ${shapeText(expected)}, got ${shapeText(shape)}`);
    } else if (counts) {
      checkInteger(who, name, values[0]!, 0, Number.MAX_SAFE_INTEGER);
      loads.push([entry, values[0]!]);
    } else {
      entry.data.view(); // throws after dispose()
      // A copy: the state may hold the module's own values, which loading overwrites.
      loads.push([entry, Float32Array.from(values)]);
    }
  }
  if (missing.length > 0) faults.push(`missing: ${missing.join(', ')}`);
  if (foreign.length > 0) faults.push(`unexpected: ${foreign.join(', ')}`);
  if (strict && faults.length > 0) {
    throw new RangeError(
      `${who}: nothing was loaded: ${brief(faults.join('; '), 999)} ` +
        '(pass { strict: false } to load the entries that match)',
    );
  }
  for (const [entry, values] of loads) {
    if (entry instanceof Counter) entry.value = values as number;
    else entry.assign({ data: values as Float32Array, shape: entry.shape });
  }
  return { missing, unexpected: foreign, mismatched };
}
