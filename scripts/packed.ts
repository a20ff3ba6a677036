/**
 * Writes a module under a name as packed text, for src/generated:
 *
 *   tsx scripts/packed.ts core.wasm CORE_WASM core.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { packedModule } from './generate.ts';

const [file, name, outFile] = process.argv.slice(2);
writeFileSync(outFile!, packedModule(name!, readFileSync(file!)));
