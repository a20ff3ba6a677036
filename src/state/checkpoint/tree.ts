/**
 * Values in a checkpoint. A value is a tree of plain objects and arrays. Texts, booleans, null and finite
 * numbers stand in JSON. Tensors stand beside it, and numbers that JSON lacks (NaN, infinities, −0) in a list.
 */
import { describe, isPlain } from '../../tensor/check.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** The keys from the root of a tree to a leaf. */
type Path = (string | number)[];

/** What a leaf is that JSON cannot hold: a tensor, a Float32Array, or the text of a number. */
type Leaf = readonly [path: Path, kind: string];

/** A tree as it stands in JSON: its leaves are null in `value`. */
export interface Packed {
  readonly value: unknown;
  readonly leaves: readonly Leaf[];
}

const TENSOR = 'tensor';
const ARRAY = 'Float32Array';
const NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity,
  '-Infinity': -Infinity,
  '-0': -0,
};

/** How deep a state may be in the metadata: a deeper one contains itself, or is hostile. */
export const DEEPEST = 100;

/** The levels of the metadata above a state. */
const ABOVE = 4;

/**
 * Divides a tree into JSON and tensors, which are added to `tensors` under `prefix` and their keys.
 *
 * @throws TypeError for a value of another kind
 * @throws RangeError if two tensors would have one name, or if the tree is too deep
 */
export function pack(
  who: string,
  prefix: string,
  tree: unknown,
  tensors: Map<string, Tensor>,
): Packed {
  const leaves: Leaf[] = [];
  const visit = (value: unknown, path: Path): unknown => {
    const where = [prefix, ...path].join('.');
    if (path.length > DEEPEST - ABOVE) {
      throw new RangeError(
        `${who}: ${prefix} expected at most ${DEEPEST - ABOVE} levels, got more`,
      );
    }
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      const text = Object.is(value, -0) ? '-0' : String(value);
      if (!Object.hasOwn(NUMBERS, text)) return value;
      leaves.push([path, text]);
      return null;
    }
    if (value instanceof Tensor || value instanceof Float32Array) {
      if (tensors.has(where)) {
        throw new RangeError(`${who}: expected one tensor named ${where}, got two: rename one`);
      }
      const isTensor = value instanceof Tensor;
      tensors.set(where, isTensor ? value : Tensor.from(value));
      leaves.push([path, isTensor ? TENSOR : ARRAY]);
      return null;
    }
    if (Array.isArray(value)) return value.map((entry, i) => visit(entry, [...path, i]));
    if (isPlain(value)) {
      const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
      return Object.fromEntries(entries.map(([key, entry]) => [key, visit(entry, [...path, key])]));
    }
    const ways = 'texts, numbers, booleans, null, Tensors, Float32Arrays, and lists and objects';
    throw new TypeError(`${who}: ${where} expected ${ways} of them, got ${describe(value)}`);
  };
  return { value: visit(tree, []), leaves };
}

/**
 * Puts the leaves of a tree from a file in their places.
 *
 * @throws RangeError if the tree is not as `pack` makes it
 */
export function unpack(
  who: string,
  prefix: string,
  packed: unknown,
  tensors: Readonly<Record<string, Tensor>>,
): unknown {
  const { value, leaves } = (packed ?? {}) as Packed;
  const wrong = () => new RangeError(`${who}: ${prefix} is not as saveCheckpoint writes it`);
  if (!Array.isArray(leaves)) throw wrong();
  const root = { value };
  for (const leaf of leaves) {
    if (!Array.isArray(leaf) || !Array.isArray(leaf[0]) || leaf[0].length > DEEPEST) throw wrong();
    const [path, kind] = leaf as unknown as Leaf;
    const keys = ['value', ...path];
    let at: Record<string | number, unknown> = root;
    for (const [depth, key] of keys.entries()) {
      // Only own properties: no key of a file leads to a prototype.
      const fits = typeof key === 'string' || typeof key === 'number';
      if (!fits || !Object.hasOwn(at, key)) throw wrong();
      if (depth === keys.length - 1) {
        if (at[key] !== null) throw wrong();
        at[key] = leafOf(kind, [prefix, ...path].join('.'), tensors) ?? fail(wrong);
      } else {
        const next = at[key];
        if (typeof next !== 'object' || next === null || next instanceof Tensor) throw wrong();
        at = next as typeof at;
      }
    }
  }
  return root.value;
}

function leafOf(kind: unknown, name: string, tensors: Readonly<Record<string, Tensor>>) {
  if (kind === TENSOR || kind === ARRAY) {
    const tensor = Object.hasOwn(tensors, name) ? tensors[name]! : undefined;
    return kind === TENSOR ? tensor : tensor?.toArray();
  }
  return typeof kind === 'string' && Object.hasOwn(NUMBERS, kind) ? NUMBERS[kind] : undefined;
}

function fail(error: () => Error): never {
  throw error();
}
