/** Copies of what a module holds. */

import { Buffer, Counter, Parameter } from '../tensor/parameter.ts';
import { isContainer } from './held.ts';

/** Maps originals to copies, so that an object used in two places is copied once. */
export type Copies = Map<object, object>;

/** A module, as copies see it. */
interface Copyable {
  copyInto(copies: Copies): object;
}

/** Copies a property's value: state and submodules are copied, all else is shared. */
export function copyOf(value: unknown, copies: Copies): unknown {
  const known = copies.get(value as object);
  if (known) return known;
  if (isContainer(value)) return containerCopy(value, copies);
  if ((value as Partial<Copyable> | undefined)?.copyInto)
    return (value as Copyable).copyInto(copies);
  const copy = storedCopy(value);
  if (copy !== value) copies.set(value as object, copy as object);
  return copy;
}

/** Copies an array, a Map or a plain object, and the state and submodules in it. */
function containerCopy(value: object, copies: Copies): object {
  if (value instanceof Map) {
    const copy = new Map();
    copies.set(value, copy);
    for (const [key, entry] of value) copy.set(key, copyOf(entry, copies));
    return copy;
  }
  const copy = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value));
  copies.set(value, copy);
  for (const [key, entry] of Object.entries(value)) {
    // Not an assignment, which would take the name __proto__ for the prototype.
    Object.defineProperty(copy, key, {
      value: copyOf(entry, copies),
      ...{ writable: true, enumerable: true, configurable: true },
    });
  }
  return copy;
}

function storedCopy(value: unknown): unknown {
  if (value instanceof Counter) return new Counter(value.value);
  if (value instanceof Buffer) return new Buffer(value.data);
  if (!(value instanceof Parameter)) return value;
  const copy = new Parameter(value.data);
  copy.requiresGrad = value.requiresGrad;
  return copy;
}
