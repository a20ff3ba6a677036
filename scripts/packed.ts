/**
 * Writes a module as packed text, for src/generated; the second module, if there is one, is unpacked before it:
 *
 *   tsx scripts/packed.ts build/extra.wasm extra.ts build/core.wasm
 */
import { writeFileSync } from 'node:fs';
import { packedModule } from './generate.ts';

const [file, outFile, after] = process.argv.slice(2);
writeFileSync(outFile!, packedModule(file!, after));
