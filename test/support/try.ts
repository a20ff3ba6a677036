/**
 * `npm run try` has compiled some kernels anew, into the file KERNELS: layers, losses and optimizers run on
 * them too. Functions of the same name take the place of those of the last build, on the same memory.
 */
import { readFileSync } from 'node:fs';
import { bindToSharedMemory, kernels } from '../../src/runtime/engine.ts';
import { extra } from '../../src/runtime/extra.ts';

const fresh = bindToSharedMemory(new WebAssembly.Module(readFileSync(process.env.KERNELS!)));
Object.assign(kernels(), fresh);
Object.assign(extra(), fresh);
