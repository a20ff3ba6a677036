/** Copies of modules. Only `fold` makes them, so they are not methods, which every bundle would have. */

import { disposable } from '../memory/dispose.ts';
import { Buffer, Counter, Parameter } from '../tensor/parameter.ts';
import { isContainer } from './held.ts';
import { composite, Module } from './module.ts';

/**
 * A copy of a module that has its own parameters, buffers and submodules. All other properties are shared.
 *
 * @param copies maps originals to copies, so that an object used in two places is copied once
 */
export function copyModule<M extends Module>(module: M, copies = new Map<object, object>()): M {
  if (module.copyAs) return module.copyAs(copies) as M;
  const { session: _, ...own } = Object.getOwnPropertyDescriptors(module) as PropertyDescriptorMap;
  const bare = Object.create(Object.getPrototypeOf(module), own) as M;
  const copy = module.isComposite ? composite(bare) : bare;
  copies.set(module, copy);
  for (const [name, value] of Object.entries(module)) {
    if (name in own) Object.defineProperty(copy, name, { value: copyOf(value, copies) });
  }
  disposable(copy, () => copy.endSession());
  return copy;
}

/** Copies a property's value for `copyModule`: state and submodules are copied, all else is shared. */
function copyOf(value: unknown, copies: Map<object, object>): unknown {
  if (isContainer(value)) return containerCopy(value, copies);
  const stored = value instanceof Parameter || value instanceof Buffer || value instanceof Counter;
  if (!stored && !(value instanceof Module)) return value;
  const known = copies.get(value);
  if (known) return known;
  if (value instanceof Module) return copyModule(value, copies);
  const copy = value instanceof Counter ? new Counter(value.value) : storedCopy(value);
  copies.set(value, copy);
  return copy;
}

/** Copies an array, a Map or a plain object, and the state and submodules in it. */
function containerCopy(value: object, copies: Map<object, object>): object {
  const known = copies.get(value);
  if (known) return known;
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

function storedCopy(value: Parameter | Buffer): Parameter | Buffer {
  if (value instanceof Buffer) return new Buffer(value.data);
  const copy = new Parameter(value.data);
  copy.requiresGrad = value.requiresGrad;
  return copy;
}
