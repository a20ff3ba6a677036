/**
 * Runs the AssemblyScript compiler on asconfig.json's targets.
 *
 *   tsx scripts/kernels.ts assembly/batchnorm/rows.ts /tmp/bn.wasm    one file by itself, while at work on it
 */
import asc from 'assemblyscript/asc';
import InlineTag from './inline.js';

export async function compileKernels(...args: string[]): Promise<void> {
  await compile('--config', 'asconfig.json', ...args);
}

/** Compiles assembly/unpack.ts, a module of its own, for size. */
export async function compileUnpacker(outFile: string): Promise<void> {
  const bare = ['--runtime', 'stub', '--importMemory', '--noExportMemory', '--initialMemory', '0'];
  const small = ['--optimizeLevel', '3', '--shrinkLevel', '2', '--noAssert', '--use', 'abort='];
  await compile('assembly/unpack.ts', '--config', 'none', '--outFile', outFile, ...bare, ...small);
}

async function compile(...args: string[]): Promise<void> {
  const { error, stdout, stderr } = await asc.main(args, { transforms: [new InlineTag()] });
  const said = stdout.toString() + stderr.toString();
  if (said) process.stderr.write(said);
  if (error) throw error;
}

if (import.meta.filename === process.argv[1]) {
  const [entry, outFile] = process.argv.slice(2);
  await compileKernels(entry!, '--outFile', outFile!, '--textFile', `${outFile}.wat`);
}
