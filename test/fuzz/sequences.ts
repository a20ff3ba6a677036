/** Sequences of calls for fast-check, which shortens one that fails. */
import fc from 'fast-check';
import { Linear, memoryUsage } from '../../src/index.ts';
import { COMMANDS, type CommandName, Machine } from './machine.ts';

/** Calls of a training step come more often than the others. */
const OFTEN: readonly CommandName[] = [
  'forward',
  'forward',
  'backward',
  'loss',
  'loss',
  'step',
  'predict',
];

const command = fc.record({
  name: fc.constantFrom(...OFTEN, ...OFTEN, ...COMMANDS),
  seed: fc.nat(9999),
});

const sequence = fc.record({
  net: fc.array(fc.nat(99_999), { minLength: 20, maxLength: 60, size: 'max' }),
  commands: fc.array(command, { minLength: 4, maxLength: 16, size: 'max' }),
});

/** Runs a sequence, and holds that it leaves no memory behind. */
export function runSequence({
  net,
  commands,
}: {
  net: number[];
  commands: { name: CommandName; seed: number }[];
}): void {
  const base = memoryUsage().used;
  const machine = new Machine(net);
  const said: string[] = [];
  try {
    for (const one of commands) {
      said.push(one.name);
      machine.do(one);
    }
  } catch (error) {
    const { stack, message } = error as Error;
    throw new Error(`${message}\n${said.join(', ')}\n${machine.describe()}\n${stack}`);
  } finally {
    machine.end();
  }
  const left = memoryUsage().used - base;
  if (left !== 0)
    throw new Error(`${left} bytes are not released\n${said.join(', ')}\n${machine.describe()}`);
}

/**
 * Runs `count` random sequences. FUZZ_SEED gives a seed back, and FUZZ_PATH the path within it that a
 * failure prints; FUZZ_COUNT runs another number.
 */
export function runSequences(count: number, seed: number): void {
  const { FUZZ_SEED, FUZZ_PATH, FUZZ_COUNT } = process.env;
  const chosen = Number(FUZZ_SEED ?? seed);
  const numRuns = Number(FUZZ_COUNT ?? count);
  console.log(`${numRuns} sequences of FUZZ_SEED=${chosen}`);
  new Linear(1, 1).dispose(); // makes what is allocated once: the generator's scratch
  fc.assert(fc.property(sequence, runSequence), {
    seed: chosen,
    numRuns,
    ...(FUZZ_PATH !== undefined && { path: FUZZ_PATH }),
  });
}
