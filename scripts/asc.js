/**
 * Runs the AssemblyScript compiler with asc's own arguments and our transform:
 *
 *   node scripts/asc.js assembly/relu.ts --outFile relu.wasm
 *
 * This file, inline.js and split.js are JavaScript, so that Node runs them without tsx: tsx takes 7 s to load
 * Binaryen, whose JavaScript has 13 MB, and Node takes 0.5 s.
 */
import { setFlagsFromString } from 'node:v8';

// The compiler is itself WebAssembly. It does not run long enough to repay V8's optimizing compiler:
// without it, all kernels take 5.9 s of processor time instead of 7.2 s.
setFlagsFromString('--liftoff-only');
const { default: asc } = await import('assemblyscript/asc');
const { default: InlineTag } = await import('./inline.js');

const { error, stdout, stderr } = await asc.main(process.argv.slice(2), {
  transforms: [new InlineTag()],
});
process.stderr.write(stdout.toString() + stderr.toString());
if (error) process.exitCode = 1;
