/** Loading of a state dict: all of it is checked before any of it is written. */
import { checkInteger } from '../tensor/check.ts';
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
  const unexpected = Object.keys(state).filter((name) => !names.has(name));
  const missing: string[] = [];
  const mismatched: string[] = [];
  const faults: string[] = [];
  const loads: [Entry, Float32Array | number][] = [];
  for (const [name, entry] of entries) {
    if (!Object.hasOwn(state, name)) {
      missing.push(name);
      continue;
    }
    const counts = entry instanceof Counter;
    const expected = counts ? [] : entry.shape;
    const { shape, values } = read(`${who}: ${name}`, state[name]!);
    if (!sameShape(shape, expected)) {
      mismatched.push(name);
      faults.push(`${name} expected ${shapeText(expected)}, got ${shapeText(shape)}`);
    } else if (counts) {
      checkInteger(who, name, values[0]!, 0);
      loads.push([entry, values[0]!]);
    } else {
      entry.data.view(); // throws after dispose()
      // A copy: the state may hold the module's own values, which loading overwrites.
      loads.push([entry, Float32Array.from(values)]);
    }
  }
  if (missing.length > 0) faults.push(`missing: ${missing.join(', ')}`);
  if (unexpected.length > 0) faults.push(`unexpected: ${unexpected.join(', ')}`);
  if (strict && faults.length > 0) {
    throw new RangeError(
      `${who}: nothing was loaded: ${faults.join('; ')} ` +
        '(pass { strict: false } to load the entries that match)',
    );
  }
  for (const [entry, values] of loads) {
    if (entry instanceof Counter) entry.value = values as number;
    else entry.assign({ data: values as Float32Array, shape: entry.shape });
  }
  return { missing, unexpected, mismatched };
}
