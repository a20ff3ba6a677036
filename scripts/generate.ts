/** Writes the files of src/generated from the compiled kernels and the signatures in their sources. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { LISTS, MODULES } from './modules.ts';
import { pack } from './pack.ts';

const HEADER = '// Made by scripts/generate.ts from the compiled kernels. Do not edit.\n';

/** What scripts/signatures.js reads in the sources. */
export interface Sources {
  readonly functions: Readonly<
    Record<string, { parameters: readonly [name: string, type: string][]; result: string }>
  >;
  readonly structs: Readonly<Record<string, readonly [name: string, type: string][]>>;
}

const NUMBERS = ['i32', 'u32', 'f32', 'f64', 'bool'];

/** The names that an export list in assembly/ gives. */
export function listed(file: string): Set<string> {
  const names = new Set<string>();
  for (const [, list] of readFileSync(file, 'utf8').matchAll(/export \{([^}]*)\}/g)) {
    for (const name of list!.split(',')) if (name.trim()) names.add(name.trim());
  }
  return names;
}

/**
 * The kernels' signatures with branded pointers, so that swapping a pointer and a size does not compile: a
 * `usize` becomes `Pointer`; an alias of `usize` and a struct become a pointer of that name, which no other
 * pointer can be assigned to. The structs' layouts follow.
 */
export function signatures(
  { functions, structs }: Sources,
  lists: readonly ReadonlySet<string>[],
): string {
  const typeOf = (type: string) => {
    if (NUMBERS.includes(type)) return 'number';
    return type === 'usize' ? 'Pointer' : `Pointer<'${type}'>`;
  };
  const linesOf = (names: ReadonlySet<string>) =>
    [...names].map((name) => {
      const { parameters, result } = functions[name]!;
      const typed = parameters.map(([parameter, type]) => `${parameter}: ${typeOf(type)}`);
      return `  ${name}(${typed.join(', ')}): ${result === 'void' ? result : 'number'};`;
    });
  const taken = new Set(
    lists.flatMap((names) =>
      [...names].flatMap((name) => functions[name]!.parameters.map(([, type]) => type)),
    ),
  );
  const interfaces = MODULES.map(
    (module, i) => `
/** What ${module.of} exports: assembly/${module.list}.ts. */
export interface ${interfaceOf(module)} {
${linesOf(lists[i]!).join('\n')}
}
`,
  );
  const layouts = Object.entries(structs)
    .filter(([name]) => taken.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, fields]) => {
      const packed = fields.map(([field, type]) => (type === 'i32' ? field : `${field}:${type}`));
      return `
export interface ${name} {
${fields.map(([field]) => `  readonly ${field}: number;`).join('\n')}
}
export const ${name}: Layout<${name}, '${name}'> =
  '${packed.join(' ')}';
`;
    });
  return `${HEADER}
/** A byte address in linear memory; 0 means "absent". Name says what is there, if that matters. */
export type Pointer<Name extends string = string> = number & { readonly __pointer: Name };

/**
 * A struct's fields in order, separated by spaces: \`name\` for an i32, \`name:f32\` and \`name:f64\` for floats.
 * T has the fields' values, and Name is the brand of a pointer to the struct.
 */
export type Layout<T, Name extends string> = string & { readonly of?: T; readonly name?: Name };

${interfaces.join('')}
export interface Kernels extends ${MODULES.map(interfaceOf).join(', ')} {}
${layouts.join('')}`;
}

/** The file src/generated/kernels.ts, from the sources as scripts/signatures.js read them. */
export function kernelsModule(sources: Sources): string {
  return signatures(sources, LISTS.map(listed));
}

/** The name of a module's interface. */
function interfaceOf({ name }: { name: string }): string {
  return `${name[0]!.toUpperCase()}${name.slice(1)}Kernels`;
}

/** A module packed into text, for a bundle that needs no second file; `after` is the file of one that precedes it. */
export function packedModule(file: string, after?: string): string {
  const before = after === undefined ? undefined : pack(readFileSync(after));
  const { text, size } = pack(readFileSync(file), before);
  const imported =
    after && `import { ${constant(after)} } from './${basename(after, '.wasm')}.ts';\n`;
  return `${HEADER}import type { Packed } from '../runtime/unpack.ts';
${imported ?? ''}
export const ${constant(file)}: Packed = {
  size: ${size},
${after ? `  after: ${constant(after)},\n` : ''}  text: '${text}',
};
`;
}

/** The name of a packed module: `CORE_WASM`. */
function constant(file: string): string {
  return `${basename(file, '.wasm').toUpperCase()}_WASM`;
}

/** The unpacker itself, in hexadecimal digits, in which gzip finds what repeats: 0.15 kB less than base64. */
export function plainModule(name: string, bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('hex');
  return `${HEADER}export const ${name}: string =\n  '${text}';\n`;
}

/** A text under a name. */
export function textModule(name: string, text: string): string {
  return `${HEADER}export const ${name}: string =\n  ${JSON.stringify(text)};\n`;
}

/** What tells these kernels from those of another version: a digest of their signatures. */
export function stampOf(sources: Sources): string {
  return createHash('sha256').update(kernelsModule(sources)).digest('hex').slice(0, 12);
}

export function stampModule(stamp: string): string {
  return `${HEADER}export const STAMP: string = '${stamp}';\n`;
}

/** The module followed by a custom section `evenkeel` that holds the stamp, for `useModule`. */
export function stamped(bytes: Uint8Array, stamp: string): Uint8Array {
  const name = Buffer.from('evenkeel');
  const content = Buffer.concat([Buffer.from([name.length]), name, Buffer.from(stamp)]);
  return Buffer.concat([bytes, Buffer.from([0, content.length]), content]);
}
