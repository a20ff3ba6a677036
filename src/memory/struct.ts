/**
 * Structs of sizes, which kernels take by pointer instead of a dozen arguments. Each is declared as a
 * class in assembly/ (for example `ConvShape`), and the build writes its layout to
 * src/generated/kernels.ts.
 */
import type { Layout } from '../generated/kernels.ts';
import { engine } from '../runtime/engine.ts';
import { Block, NULL, type Pointer, releaseWithOwner } from './memory.ts';

export type { Layout };

/** A struct that a plan writes to linear memory once, before its first step. */
export class Struct<T, Name extends string = string> {
  /** The address of the struct; 0 until the plan has placed it. */
  ptr = NULL as Pointer<Name>;

  constructor(
    readonly layout: Layout<T, Name>,
    readonly values: T,
  ) {}
}

/** The fields with their types and offsets in bytes, and the struct's size in bytes, a multiple of 8. */
interface Fields {
  readonly fields: readonly [name: string, type: string, at: number][];
  readonly bytes: number;
}

/** The layouts that were read before: an operation on tensors that computes at once writes several structs. */
const known = new Map<string, Fields>();

function fieldsOf(layout: string): Fields {
  const found = known.get(layout);
  if (found) return found;
  let end = 0;
  const fields = layout.split(' ').map((field): [string, string, number] => {
    const [name, type = 'i32'] = field.split(':');
    const width = type === 'f64' ? 8 : 4;
    const at = Math.ceil(end / width) * width;
    end = at + width;
    return [name!, type, at];
  });
  const read = { fields, bytes: Math.ceil(end / 8) * 8 };
  known.set(layout, read);
  return read;
}

/** The size of a struct in bytes. */
export function bytesOf(layout: string): number {
  return fieldsOf(layout).bytes;
}

/**
 * Writes a struct at the start of `view`.
 *
 * @throws RangeError if an i32 field's value does not fit into an i32
 */
export function writeStruct<T>(view: DataView, layout: Layout<T, string>, values: T): void {
  for (const [name, type, at] of fieldsOf(layout).fields) {
    const value = Number(values[name as keyof T]);
    if (type === 'f64') view.setFloat64(at, value, true);
    else if (type === 'f32') view.setFloat32(at, value, true);
    else if (value === (value | 0)) view.setInt32(at, value, true);
    else throw new RangeError(`${name} expected a whole number below 2³¹, got ${value}`);
  }
}

/** Writes a struct at an address. */
export function writeStructAt<T, Name extends string>(
  ptr: Pointer,
  layout: Layout<T, Name>,
  values: T,
): Pointer<Name> {
  writeStruct(new DataView(engine().memory.buffer, ptr), layout, values);
  return ptr as Pointer<Name>;
}

/** Writes a struct at an address, which is from now on the struct's. */
export function placeStruct(struct: Struct<unknown>, ptr: Pointer): void {
  struct.ptr = writeStructAt(ptr, struct.layout, struct.values);
}

/** Writes structs one after another to a new block, which is released with `owner`. */
export function placeStructs(
  owner: object,
  structs: readonly Struct<unknown>[],
): Block | undefined {
  const bytes = structs.reduce((sum, { layout }) => sum + bytesOf(layout), 0);
  if (bytes === 0) return undefined;
  const block = new Block(bytes);
  releaseWithOwner(owner, block);
  let at: number = block.ptr;
  for (const struct of structs) {
    placeStruct(struct, at as Pointer);
    at += bytesOf(struct.layout);
  }
  return block;
}

/** Calls `ask` with a pointer to a struct that is in memory only during the call. */
export function withStruct<T, Name extends string, R>(
  layout: Layout<T, Name>,
  values: T,
  ask: (ptr: Pointer<Name>) => R,
): R {
  const block = new Block(bytesOf(layout));
  try {
    return ask(writeStructAt(block.ptr, layout, values));
  } finally {
    block.release();
  }
}
