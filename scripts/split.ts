/**
 * Cuts the compiled module of all kernels in two, so that what few networks need need not be downloaded by
 * all: the same functions, compiled once, each module with the exports of its list and what those call.
 */
import { readFileSync } from 'node:fs';
import binaryen from 'assemblyscript/binaryen';

/** The names that an export list in assembly/ gives. */
export function listed(file: string): Set<string> {
  const names = new Set<string>();
  for (const [, list] of readFileSync(file, 'utf8').matchAll(/export \{([^}]*)\}/g)) {
    for (const name of list!.split(',')) if (name.trim()) names.add(name.trim());
  }
  return names;
}

/** The module that exports `names` alone. */
export function only(names: ReadonlySet<string>, bytes: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(bytes);
  for (const { name } of WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(bytes)))) {
    if (!names.has(name)) module.removeExport(name);
  }
  module.runPasses(['remove-unused-module-elements', 'reorder-functions']);
  const cut = module.emitBinary();
  module.dispose();
  return cut;
}
