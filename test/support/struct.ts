/** Structs of sizes in the memory of tests. */
import { type Layout, writeStruct as write } from '../../src/memory/struct.ts';

export { bytesOf, type Layout } from '../../src/memory/struct.ts';

/** A struct that kernelCase is to place. */
export interface Struct {
  readonly layout: string;
  readonly values: object;
}

/** Describes a struct of a case: `structs: { shape: struct(ConvShape, { channels: 3, … }) }`. */
export function struct<T extends object>(layout: Layout<T, string>, values: T): Struct {
  return { layout, values };
}

/** Writes every field. Fields that are missing or unknown are errors of the test. */
export function writeStruct(view: DataView, layout: string, values: object): void {
  const names = layout.split(' ').map((field) => field.split(':')[0]!);
  for (const name of Object.keys(values)) {
    if (!names.includes(name)) throw new Error(`struct: no field is named ${name}`);
  }
  for (const name of names) {
    if (!(name in values)) throw new Error(`struct: ${name} has no value`);
  }
  write(view, layout, values);
}
