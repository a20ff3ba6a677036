/** Lists the values in a module's properties, those in arrays, plain objects and Maps too, and names them. */

import { isPlain } from '../tensor/check.ts';

/**
 * Yields the values in an object's properties with their dotted names. It descends into arrays, plain
 * objects and Maps, but not into other objects, so the contents of submodules are not listed.
 */
export function* heldBy(
  container: object,
  prefix = '',
  above: readonly object[] = [],
): Iterable<[string, unknown]> {
  if (above.includes(container)) return; // it contains itself
  const entries = container instanceof Map ? container : Object.entries(container);
  for (const [key, value] of entries) {
    const name = join(prefix, String(key));
    if (isContainer(value)) yield* heldBy(value, name, [...above, container]);
    else yield [name, value];
  }
}

/** Whether `value` is an array, a Map or a plain object. */
export function isContainer(value: unknown): value is object {
  return Array.isArray(value) || value instanceof Map || isPlain(value);
}

/** Joins two parts of a dotted name. */
export function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}

/** PyTorch's spelling of a name: `weightDecay` becomes `weight_decay`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
