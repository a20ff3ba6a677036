/** Compiles the bare loops, and links them and a build of the kernels to an arena, in Node. */
import { mkdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { instantiateSync } from '@assemblyscript/loader';
import { compileKernels } from '../scripts/kernels.ts';
import type { Kernels } from '../src/generated/kernels.ts';
import { Arena, type Loops } from './arena.ts';

/** The modules of bare loops: build/NAME.wasm of assembly/NAME.ts. */
export async function compileLoops(): Promise<string[]> {
  mkdirSync('build', { recursive: true });
  const names = ['limits', 'limits-memory'];
  for (const name of names) {
    await compileKernels(`assembly/${name}.ts`, '--outFile', `build/${name}.wasm`);
  }
  return names;
}

/**
 * An arena with the strict or the relaxed build, which layers then use too. The variable KERNELS names a
 * module of one kernel file; its kernels replace those of the build.
 */
export async function openArena(build: 'strict' | 'relaxed' = 'strict'): Promise<Arena> {
  if (build === 'relaxed') (await import('evenkeel/relaxed')).useRelaxed();
  // Only the optimizing compiler, so that a kernel is warm from its first call.
  setFlagsFromString('--no-liftoff');
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });
  const bind = (path: string) => {
    const module = new WebAssembly.Module(readFileSync(path));
    return instantiateSync(module, { env: { memory } }).exports as unknown;
  };
  const loops = (await compileLoops()).map((name) => bind(`build/${name}.wasm`) as object);
  const fresh = process.env.KERNELS ? bind(process.env.KERNELS) : {};
  const kernels = Object.assign({}, bind(`build/${build}.wasm`), fresh) as Kernels;
  return new Arena(memory, kernels, Object.assign({}, ...loops) as Loops);
}
