/**
 * Cuts the compiled module of all kernels into parts. The functions are compiled once; each part has those
 * on its list and the functions that they call. So kernels that only some networks need are not downloaded
 * by all.
 *
 *   node scripts/split.js all.wasm relu.wasm reluForward,reluBackward add.wasm addForward
 */
import { readFileSync, writeFileSync } from 'node:fs';
import binaryen from 'assemblyscript/binaryen';

const [all, ...parts] = process.argv.slice(2);
const bytes = readFileSync(all);
for (let i = 0; i < parts.length; i += 2) {
  const names = parts[i + 1].split(',');
  const module = binaryen.readBinary(bytes);
  for (const { name } of WebAssembly.Module.exports(new WebAssembly.Module(bytes))) {
    if (!names.includes(name)) module.removeExport(name);
  }
  module.runPasses(['remove-unused-module-elements']);
  writeFileSync(parts[i], module.emitBinary());
  module.dispose();
}
