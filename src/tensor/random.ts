import { Block, type Pointer } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger } from './check.ts';

/** Where a generator stands; plain numbers, so that it can be stored as JSON. */
export interface GeneratorState {
  /** The stream's key. */
  readonly seed: number;
  /** The next unused block of four 32-bit words. */
  readonly counter: number;
}

/** A stretch of float32 numbers in linear memory. */
interface Place {
  readonly ptr: Pointer;
  readonly length: number;
}

/** The kernels' sixteen words; nothing is kept in them from call to call. */
let scratchBlock: Block | undefined;

/** @internal Scratch of 16 words, for every kernel that draws. */
export function randomScratch(): Pointer {
  return (scratchBlock ??= new Block(64)).ptr;
}

/**
 * A stream of random numbers: Philox4x32-10 (Salmon et al., SC 2011). Number i of a draw is a function
 * of the seed, the counter before the draw and i alone, so it is the same in every runtime, and a draw
 * moves the counter by ⌈n/4⌉ blocks whatever the numbers turn out to be.
 *
 * ```ts
 * const generator = new Generator(1);
 * const order = generator.permutation(60000);
 * ```
 *
 * @throws RangeError unless `seed` is a whole number from 0 to 2⁵³ − 1
 */
export class Generator {
  private seed: number;
  private counter = 0;

  constructor(seed = 0) {
    checkSeed('Generator', 'seed', seed);
    this.seed = seed;
  }

  /** The seed and the counter; assign a stored one to continue from there. */
  get state(): GeneratorState {
    return { seed: this.seed, counter: this.counter };
  }

  set state({ seed, counter }: GeneratorState) {
    checkSeed('Generator.state', 'seed', seed);
    checkSeed('Generator.state', 'counter', counter);
    this.seed = seed;
    this.counter = counter;
  }

  /** Starts the stream of another seed. */
  manualSeed(seed: number): this {
    this.state = { seed, counter: 0 };
    return this;
  }

  /** A random order of 0 … n − 1, every one equally likely. */
  permutation(n: number): Int32Array {
    checkInteger('Generator.permutation', 'n', n, 0);
    const block = new Block(n * 4);
    try {
      const order = block.i32;
      for (let i = 0; i < n; i++) order[i] = i;
      const { seed, counter } = this.draw(2 * n);
      kernels().shuffle(block.ptr, seed, counter, n, randomScratch());
      return block.i32.slice(0, n);
    } finally {
      block.release();
    }
  }

  /**
   * @internal Claims `words` 32-bit words of the stream, for a kernel to draw now or (a dropout mask)
   * again later.
   */
  draw(words: number): GeneratorState {
    const { state } = this;
    this.counter += Math.ceil(words / 4);
    return state;
  }

  /** @internal place[i] uniform in [low, high). */
  uniform({ ptr, length }: Place, low: number, high: number): void {
    const { seed, counter } = this.draw(length);
    kernels().randomUniform(ptr, low, high, seed, counter, 0, length, randomScratch());
  }

  /** @internal place[i] normal. */
  normal({ ptr, length }: Place, mean: number, sd: number): void {
    const { seed, counter } = this.draw(length);
    kernels().randomNormal(ptr, mean, sd, seed, counter, 0, length, randomScratch());
  }

  /** @internal place[i] normal, given that it is within two `sd` of `mean`. */
  truncatedNormal({ ptr, length }: Place, mean: number, sd: number): void {
    const { seed, counter } = this.draw(length);
    kernels().randomTruncatedNormal(ptr, mean, sd, seed, counter, 0, length, randomScratch());
  }
}

function checkSeed(who: string, name: string, value: number): void {
  checkInteger(who, name, value, 0);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${who}: ${name} expected a whole number below 2⁵³, got ${value}`);
  }
}

/**
 * The generator that initialisation, dropout and shuffling use unless given another. Its seed is 0
 * until `manualSeed` is called: a program gives the same numbers each time it runs, in runtimes too
 * that have no entropy to offer at start-up.
 */
export const defaultGenerator = /* @__PURE__ */ new Generator();

/**
 * Seeds the default generator and returns it.
 *
 * @throws RangeError unless `seed` is a whole number from 0 to 2⁵³ − 1
 */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
