/** Gives mutated files to a reader. Each must be read, or be refused with an error of ours that changes nothing. */

import { TestRandom } from '../../support/random.ts';
import { type AllocationCount, countAllocations } from './allocations.ts';
import { mutated } from './mutate.ts';
import type { FileReader } from './reader.ts';

/** No read may take longer, in milliseconds: a hundred times what the slowest takes on a slow machine. */
const SLOW = 5000;
/** No message may be longer: it would repeat the file. */
const LONG = 1000;
/** What a read may allocate whatever the file's size, in bytes. */
const BASE = 1 << 20;

/** How many mutated files were read and how many refused. */
export interface Outcome {
  read: number;
  refused: number;
}

/**
 * Reads the seeds, which must be read, and `count` mutated files. A file follows from the seed and its number
 * alone: `FUZZ_SEED=7 FUZZ_FILE=412` runs one again.
 *
 * @throws Error that says which file and what was done to it
 */
export async function runFiles(reader: FileReader, count: number, seed: number): Promise<Outcome> {
  const seeds = await reader.seeds();
  const model: Known = { state: reader.untouched?.() };
  for (const [i, file] of seeds.entries()) {
    const fault = await faultOf(reader, file, true, model);
    if (fault) throw new Error(`${reader.name}: seed file ${i}: ${fault}`);
  }
  const first = Number(process.env.FUZZ_FILE ?? 0);
  const last = process.env.FUZZ_FILE ? first + 1 : count;
  const given = Number(process.env.FUZZ_SEED ?? seed);
  const outcome = { read: 0, refused: 0 };
  for (let i = first; i < last; i++) {
    const random = new TestRandom(Math.imul(given, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b));
    const [file, steps] = makeFile(reader, seeds, random);
    const fault = await faultOf(reader, file, false, model, outcome);
    if (!fault) continue;
    throw new Error(
      `${reader.name}: ${fault}\n  the file: ${steps.join('; ')}\n` +
        `  again: FUZZ_SEED=${given} FUZZ_FILE=${i} npx vitest run test/fuzz/files -t ${reader.name}`,
    );
  }
  return outcome;
}

function makeFile(
  { inside }: FileReader,
  seeds: readonly Uint8Array<ArrayBuffer>[],
  random: TestRandom,
): [Uint8Array<ArrayBuffer>, string[]] {
  const file = seeds[random.integer(seeds.length)]!;
  if (!inside || random.integer(2)) return mutated(file, random, seeds);
  const [part, steps] = mutated(inside.open(file), random, seeds.map(inside.open));
  return [inside.close(part, file), ['inside', ...steps]];
}

/** The state of the model that is loaded into, as text: made anew only after it may have changed. */
interface Known {
  state: string | undefined;
}

/** What is wrong with how a reader treats a file; undefined if nothing is. */
async function faultOf(
  reader: FileReader,
  file: Uint8Array<ArrayBuffer>,
  valid: boolean,
  model: Known,
  outcome?: Outcome,
): Promise<string | undefined> {
  const prototypes = builtIns();
  const copy = file.slice();
  const started = performance.now();
  let result: unknown;
  let error: unknown;
  let thrown = false;
  let allocations: AllocationCount | undefined;
  try {
    allocations = await countAllocations(async () => {
      try {
        result = await reader.read(file);
      } catch (caught) {
        error = caught;
        thrown = true;
      }
    });
    const took = performance.now() - started;
    const most = BASE + reader.bytesPerByte * file.length;
    if (builtIns() !== prototypes) return 'a prototype was changed';
    if (took > SLOW) return `took ${Math.round(took)} ms`;
    if (allocations.bytes > most) {
      return `allocated ${allocations.bytes} bytes for ${file.length}: ${allocations}`;
    }
    if (Buffer.compare(file, copy) !== 0) return 'the file was changed';
    if (!thrown) {
      if (outcome) outcome.read++;
      reader.check?.(result as never, file);
      model.state = reader.untouched?.();
      return undefined;
    }
    if (outcome) outcome.refused++;
    if (model.state !== reader.untouched?.()) return `the model was changed, then: ${error}`;
    if (valid) return `expected it to be read, got ${error}`;
    return faultOfError(reader, error);
  } finally {
    (result as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
  }
}

function faultOfError({ name, errors }: FileReader, error: unknown): string | undefined {
  if (!(error instanceof TypeError || error instanceof RangeError)) {
    return `expected a TypeError or RangeError, got ${(error as Error)?.stack ?? error}`;
  }
  const { message } = error;
  if (errors ? !errors.test(message) : !message.startsWith(name)) {
    return `expected a message that names the place, got ${error.stack}`;
  }
  if (message.length > LONG) return `a message of ${message.length}: ${message.slice(0, 200)}`;
  return undefined;
}

/** What the built-in prototypes have, as text. */
function builtIns(): string {
  const prototypes = [Object, Array, Function, String, Number, Map, Uint8Array, Error, Promise];
  return prototypes.map(({ prototype }) => Reflect.ownKeys(prototype).length).join();
}
