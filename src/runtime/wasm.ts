/**
 * WebAssembly's types, for declarations that must also compile in projects without them: TypeScript has
 * them in the DOM's types, but Node's types alone lack the names.
 */

/** `WebAssembly.Module`, or `object` if that type is unknown. */
export type WasmModule = Known<'Module'>;

/** `WebAssembly.Memory`, or an object with a buffer if that type is unknown. */
export type WasmMemory = Known<'Memory', { readonly buffer: ArrayBuffer }>;

type Known<Name extends string, Else = object> = typeof globalThis extends {
  WebAssembly: { [name in Name]: { prototype: infer Type } };
}
  ? Type
  : Else;
