/**
 * WebAssembly's types for users whose TypeScript may not know them: they come with the DOM's, and where
 * only Node's are loaded the names are absent.
 */

/** A `WebAssembly.Module`, or any object where that type is unknown. */
export type WasmModule = Known<'Module'>;

/** A `WebAssembly.Memory`, or an object with its buffer. */
export type WasmMemory = Known<'Memory', { readonly buffer: ArrayBuffer }>;

type Known<Name extends string, Else = object> = typeof globalThis extends {
  WebAssembly: { [name in Name]: { prototype: infer Type } };
}
  ? Type
  : Else;
