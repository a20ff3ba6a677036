import { describe } from '../tensor/check.ts';
import { Tensor } from '../tensor/tensor.ts';

/** Nesting that every engine can clone. */
const DEPTH = 1000;

/**
 * Copies `value`, with Tensors as plain objects, because structured clone would lose their class. What
 * occurs in several places, or contains itself, does so in the copy.
 *
 * @param transfer the buffers that are transferred
 * @throws TypeError if it contains a model, or is nested too deeply
 */
export function portable(value: unknown, transfer: readonly object[]): unknown {
  const copies = new Map<object, unknown>();
  const copied = (entry: unknown, depth: number): unknown => {
    if (typeof entry !== 'object' || entry === null) return entry;
    if (copies.has(entry)) return copies.get(entry);
    if (depth > DEPTH) {
      throw new TypeError(`train: data expected at most ${DEPTH} levels of nesting, got more`);
    }
    const below = (part: unknown): unknown => copied(part, depth + 1);
    const keep = <T extends object>(copy: T): T => {
      copies.set(entry, copy); // before its parts are copied, which may contain it
      return copy;
    };
    if (Array.isArray(entry)) {
      if (!entry.some((part) => typeof part === 'object')) return entry;
      const copy = keep([] as unknown[]);
      for (const part of entry) copy.push(below(part));
      return copy;
    }
    if (entry instanceof Map) {
      const copy = keep(new Map());
      for (const [key, part] of entry) copy.set(below(key), below(part));
      return copy;
    }
    if (entry instanceof Set) {
      const copy = keep(new Set());
      for (const part of entry) copy.add(below(part));
      return copy;
    }
    if (!isPlain(entry)) return keep(leafOf(entry, transfer));
    const copy = keep({});
    for (const [key, part] of Object.entries(entry)) {
      const whole = { value: below(part), enumerable: true, configurable: true, writable: true };
      Object.defineProperty(copy, key, whole); // also for a key such as __proto__
    }
    return copy;
  };
  return copied(value, 0);
}

/** Whether it is an object of which only the properties matter. */
function isPlain(value: object): boolean {
  checkNoModel(value);
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function checkNoModel(value: object): void {
  if ('stateDict' in value && typeof value.stateDict === 'function') {
    throw new TypeError(
      `train: data expected values that can be cloned, got ${describe(value)}: send its stateDict(), and ` +
        'build the model in the Worker',
    );
  }
}

function leafOf(value: object, transfer: readonly object[]): object {
  if (value instanceof Tensor) return { data: value.toArray(), shape: value.shape };
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return value;
  // Cloning a view would clone its whole buffer, so a view of a part is copied first.
  const part = value.byteLength < value.buffer.byteLength && value.buffer instanceof ArrayBuffer;
  return part && !transfer.includes(value.buffer) ? (value as Uint8Array).slice() : value;
}
