/**
 * `npm run try` has compiled some kernels anew, into the file KERNELS: layers, losses and optimizers run on
 * them too. Functions of the same name take the place of those of the last build, on the same memory.
 */
import { readFileSync } from 'node:fs';
import { common } from '../../src/runtime/common.ts';
import { bindToSharedMemory, kernels } from '../../src/runtime/engine.ts';
import { extra } from '../../src/runtime/extra.ts';
import { ops } from '../../src/runtime/ops.ts';
import { spatial } from '../../src/runtime/spatial.ts';

const fresh = bindToSharedMemory(new WebAssembly.Module(readFileSync(process.env.KERNELS!)));
for (const module of [kernels, common, extra, ops, spatial]) Object.assign(module(), fresh);
