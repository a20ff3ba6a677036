/**
 * Cuts the compiled module of all kernels: the same functions, compiled once, but only those with the names
 * given and what they call. So what few networks need need not be downloaded by all.
 *
 *   node scripts/split.js all.wasm part.wasm reluForward reluBackward
 */
import { readFileSync, writeFileSync } from 'node:fs';
import binaryen from 'assemblyscript/binaryen';

const [all, part, ...names] = process.argv.slice(2);
const bytes = readFileSync(all);
const module = binaryen.readBinary(bytes);
for (const { name } of WebAssembly.Module.exports(new WebAssembly.Module(bytes))) {
  if (!names.includes(name)) module.removeExport(name);
}
module.runPasses(['remove-unused-module-elements', 'reorder-functions']);
writeFileSync(part, module.emitBinary());
