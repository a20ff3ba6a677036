/** Compiles one target of the kernels and packs it into src/generated: build.ts runs one process each. */
import { readFileSync, writeFileSync } from 'node:fs';
import { packedModule, signatures, stampModule, stampOf } from './generate.ts';
import { compileKernels } from './kernels.ts';
import { listed, only } from './split.ts';

/**
 * The relaxed kernels are a choice of their own and stay whole; the strict ones, which every bundle has,
 * are cut in two.
 */
const target = process.argv[2]!;
await compileKernels('--target', target);
const bytes = readFileSync(`build/${target}.wasm`);
if (target === 'relaxed') {
  writeFileSync('src/generated/relaxed.ts', packedModule('RELAXED_WASM', bytes));
} else {
  for (const [part, list] of [
    ['core', 'index'],
    ['extra', 'extra'],
  ] as const) {
    const cut = only(listed(`assembly/${list}.ts`), bytes);
    writeFileSync(`build/${part}.wasm`, cut);
    writeFileSync(`src/generated/${part}.ts`, packedModule(`${part.toUpperCase()}_WASM`, cut));
  }
  const declarations = readFileSync('build/strict.d.ts', 'utf8');
  writeFileSync('src/generated/kernels.ts', signatures(declarations, listed('assembly/extra.ts')));
  writeFileSync('src/generated/stamp.ts', stampModule(stampOf(declarations)));
}
