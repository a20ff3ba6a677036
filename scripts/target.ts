/** Compiles one target of the kernels and packs it into src/generated: build.ts runs one process each. */
import { readFileSync, writeFileSync } from 'node:fs';
import { packedModule, signatures, stampModule, stampOf } from './generate.ts';
import { compileKernels } from './kernels.ts';

/** Where each target's bytes go, and under which name. */
const PLACES: Record<string, [file: string, name: string]> = {
  strict: ['wasm', 'WASM'],
  relaxed: ['relaxed', 'RELAXED_WASM'],
};

const target = process.argv[2]!;
const [file, name] = PLACES[target]!;
await compileKernels('--target', target);
const bytes = readFileSync(`build/${target}.wasm`);
writeFileSync(`src/generated/${file}.ts`, packedModule(name, bytes));
if (target === 'strict') {
  const declarations = readFileSync('build/strict.d.ts', 'utf8');
  writeFileSync('src/generated/kernels.ts', signatures(declarations));
  writeFileSync('src/generated/stamp.ts', stampModule(stampOf(declarations)));
}
