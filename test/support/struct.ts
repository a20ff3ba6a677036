/** Structs of sizes in the memory of tests. */

/** Where the fields of an `@unmanaged` class of AssemblyScript stand. */
export interface Layout {
  /** Bytes of the whole struct. */
  readonly size: number;
  readonly fields: {
    readonly [name: string]: { readonly offset: number; readonly type: 'i32' | 'f32' | 'f64' };
  };
}

/** A struct that kernelCase is to place. */
export interface Struct {
  readonly layout: Layout;
  readonly values: Readonly<Record<string, number>>;
}

/** Describes a struct of a case: `structs: { shape: struct(ConvShape, { channels: 3, … }) }`. */
export function struct(layout: Layout, values: Readonly<Record<string, number>>): Struct {
  return { layout, values };
}

/** Writes every field. Fields that are missing or unknown are errors of the test. */
export function writeStruct(
  view: DataView,
  { fields }: Layout,
  values: Readonly<Record<string, number>>,
): void {
  const unknown = Object.keys(values).find((name) => !(name in fields));
  if (unknown) throw new Error(`struct: no field is named ${unknown}`);
  for (const [name, { offset, type }] of Object.entries(fields)) {
    const value = values[name];
    if (value === undefined) throw new Error(`struct: ${name} has no value`);
    if (type === 'i32') view.setInt32(offset, value, true);
    else if (type === 'f32') view.setFloat32(offset, value, true);
    else view.setFloat64(offset, value, true);
  }
}
