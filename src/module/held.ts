/** What stands in a module's properties, and in the arrays, plain objects and Maps there. */

/**
 * What a module's properties hold, by dotted name, in arrays, plain objects and Maps too. What stands in
 * another module is that module's.
 */
export function* heldBy(
  container: object,
  prefix = '',
  seen = new Set<object>(),
): Iterable<[string, unknown]> {
  if (seen.has(container)) return;
  seen.add(container);
  const entries = container instanceof Map ? container : Object.entries(container);
  for (const [key, value] of entries) {
    const name = join(prefix, String(key));
    if (isContainer(value)) yield* heldBy(value, name, seen);
    else yield [name, value];
  }
}

export function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value) || value instanceof Map) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}
