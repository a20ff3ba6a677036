/**
 * Runs the AssemblyScript compiler with asc's own arguments and our transform:
 *
 *   node scripts/asc.js assembly/relu.ts --outFile relu.wasm
 *
 * This file and split.js are JavaScript, so that Node runs them without tsx: tsx takes 7 s to load Binaryen,
 * whose JavaScript has 13 MB, and Node takes 0.5 s.
 */
import asc from 'assemblyscript/asc';
import InlineTag from './inline.js';

const { error, stdout, stderr } = await asc.main(process.argv.slice(2), {
  transforms: [new InlineTag()],
});
process.stderr.write(stdout.toString() + stderr.toString());
if (error) process.exitCode = 1;
