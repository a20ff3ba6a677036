/** Turns what asc wrote into the files of src/generated. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pack } from './pack.ts';

const HEADER = '// Made by scripts/generate.ts from the compiled kernels. Do not edit.\n';

/** A kernel's parameter, as asc's raw bindings list it: `@param x \`usize\``. */
const PARAMETER = /@param (\w+) `(\w+)`/g;
const KERNEL = /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*export function (\w+)\([^)]*\): (\w+);/g;

/** The names that an export list in assembly/ gives. */
export function listed(file: string): Set<string> {
  const names = new Set<string>();
  for (const [, list] of readFileSync(file, 'utf8').matchAll(/export \{([^}]*)\}/g)) {
    for (const name of list!.split(',')) if (name.trim()) names.add(name.trim());
  }
  return names;
}

/**
 * The kernels' signatures with branded pointers: a `usize` becomes `Pointer`, so that swapping a
 * pointer and a size does not compile. Those of the names `extra` stand apart.
 */
export function signatures(declarations: string, extra: ReadonlySet<string>): string {
  const lines: string[] = [];
  const extraLines: string[] = [];
  for (const [, comment, name, result] of declarations.matchAll(KERNEL)) {
    const parameters = [...comment!.matchAll(PARAMETER)].map(
      ([, parameter, type]) => `${parameter}: ${type === 'usize' ? 'Pointer' : 'number'}`,
    );
    (extra.has(name!) ? extraLines : lines).push(`  ${name}(${parameters.join(', ')}): ${result};`);
  }
  return `${HEADER}
/** A byte address in linear memory; 0 means "absent". */
export type Pointer = number & { readonly __pointer: unique symbol };

/** What the module that every bundle has exports: assembly/index.ts. */
export interface CoreKernels {
${lines.join('\n')}
}

/** What the module beside it exports: assembly/extra.ts. */
export interface ExtraKernels {
${extraLines.join('\n')}
}

export interface Kernels extends CoreKernels, ExtraKernels {}
`;
}

/** A module under a name, packed into text, for a bundle that needs no second file. */
export function packedModule(name: string, bytes: Uint8Array): string {
  const { text, size } = pack(bytes);
  return `${HEADER}import type { Packed } from '../runtime/unpack.ts';

export const ${name}: Packed = {
  size: ${size},
  text: '${text}',
};
`;
}

/** The unpacker itself, as base64. */
export function plainModule(name: string, bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64');
  return `${HEADER}export const ${name}: string =\n  '${text}';\n`;
}

/** What tells these kernels from those of another version: a digest of their signatures. */
export function stampOf(declarations: string): string {
  return createHash('sha256')
    .update(signatures(declarations, new Set()))
    .digest('hex')
    .slice(0, 12);
}

export function stampModule(stamp: string): string {
  return `${HEADER}export const STAMP: string = '${stamp}';\n`;
}

/** The module with a custom section `evenkeel` behind it that holds the stamp, for `useModule`. */
export function stamped(bytes: Uint8Array, stamp: string): Uint8Array {
  const name = Buffer.from('evenkeel');
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(stamp)]);
  return Buffer.concat([bytes, Buffer.from([0, content.length]), content]);
}
