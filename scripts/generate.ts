/** Turns what asc wrote into the files of src/generated. */

const HEADER = '// Made by scripts/generate.ts from the compiled kernels. Do not edit.\n';

/** A kernel's parameter, as asc's raw bindings list it: `@param x \`usize\``. */
const PARAMETER = /@param (\w+) `(\w+)`/g;
const KERNEL = /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*export function (\w+)\([^)]*\): (\w+);/g;

/**
 * The kernels' signatures with branded pointers: a `usize` becomes `Pointer`, so that swapping a
 * pointer and a size does not compile.
 */
export function signatures(declarations: string): string {
  const lines: string[] = [];
  for (const [, comment, name, result] of declarations.matchAll(KERNEL)) {
    const parameters = [...comment!.matchAll(PARAMETER)].map(
      ([, parameter, type]) => `${parameter}: ${type === 'usize' ? 'Pointer' : 'number'}`,
    );
    lines.push(`  ${name}(${parameters.join(', ')}): ${result};`);
  }
  return `${HEADER}
/** A byte address in linear memory; 0 means "absent". */
export type Pointer = number & { readonly __pointer: unique symbol };

export interface Kernels {
${lines.join('\n')}
}
`;
}

/** The wasm bytes as base64 under a name, for a bundle that needs no second file. */
export function wasmModule(name: string, bytes: Uint8Array): string {
  return `${HEADER}
export const ${name}: string =
  '${Buffer.from(bytes).toString('base64')}';
`;
}
