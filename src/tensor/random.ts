import { Block, type Pointer, View } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger } from './check.ts';
import { optionsOf } from './options.ts';
import type { Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** A generator's state, in plain numbers, so that it can be stored as JSON. */
export interface GeneratorState {
  /** The stream's key. */
  readonly seed: number;
  /** The next unused block of four 32-bit words. */
  readonly counter: number;
}

/** A range of float32 numbers in linear memory. */
interface Range {
  readonly ptr: Pointer;
  readonly length: number;
}

/** Truncated: at two standard deviations from the mean. */
type Distribution = 'uniform' | 'normal' | 'truncatedNormal';

let scratchBlock: Block | undefined;

/** @internal Bytes of scratch of dropout: the words of a call of `philox`. */
export const DROPOUT_SCRATCH = 128;
/** @internal Bytes of scratch of every random kernel (assembly/random/random.ts). */
export const RANDOM_SCRATCH = 768;

/** @internal Scratch that all random kernels share; they keep nothing in it between calls. */
export function randomScratch(): Pointer {
  return (scratchBlock ??= new Block(RANDOM_SCRATCH)).ptr;
}

/**
 * A random number generator: Philox4x32-10 (Salmon et al., SC 2011). Number i of a draw depends only on
 * the seed, the counter before the draw, and i, so it is the same in every runtime. A draw of n words
 * always advances the counter by ⌈n/4⌉ blocks.
 *
 * ```ts
 * const generator = new Generator(1);
 * const order = generator.permutation(60000);
 * ```
 *
 * @throws RangeError if `seed` is not a whole number from 0 to 2⁵³ − 1
 */
export class Generator {
  private seed: number;
  private counter = 0;

  constructor(seed = 0) {
    checkSeed('Generator', 'seed', seed);
    this.seed = seed;
  }

  /** The seed and the counter. Assign a stored state to continue from it. */
  get state(): GeneratorState {
    return { seed: this.seed, counter: this.counter };
  }

  set state(state: GeneratorState) {
    const { seed, counter } = state ?? {};
    checkSeed('Generator.state', 'seed', seed);
    checkSeed('Generator.state', 'counter', counter);
    this.seed = seed;
    this.counter = counter;
  }

  /** Starts over with another seed. */
  manualSeed(seed: number): this {
    this.state = { seed, counter: 0 };
    return this;
  }

  /** A random permutation of 0 … n − 1; all are equally likely. */
  permutation(n: number): Int32Array {
    checkInteger('Generator.permutation', 'n', n, 0);
    const block = new Block(n * 4);
    try {
      const order = block.i32;
      for (let i = 0; i < n; i++) order[i] = i;
      const { seed, counter, scratch } = this.drawWithScratch(2 * n);
      kernels().shuffle(block.ptr, seed, counter, n, scratch);
      return block.i32.slice(0, n);
    } finally {
      block.release();
    }
  }

  /**
   * @internal Reserves `words` 32-bit words of the stream. A kernel computes them from the state that is
   * returned, and can compute them again later: dropout does so for its mask in backward.
   */
  draw(words: number): GeneratorState {
    const { state } = this;
    this.counter += Math.ceil(words / 4);
    return state;
  }

  /** As `draw`, with scratch. If there is no memory for it, nothing has been drawn. */
  private drawWithScratch(words: number): GeneratorState & { readonly scratch: Pointer } {
    const scratch = randomScratch();
    return { ...this.draw(words), scratch };
  }

  /**
   * Numbers from a normal distribution.
   *
   * @param options.mean default 0
   * @param options.std the standard deviation, default 1
   */
  normal(shape: Shape, ...rest: [options?: { mean?: number; std?: number } | undefined]): Tensor {
    const { mean, std } = optionsOf('Generator.normal', rest, { mean: 0, std: 1 });
    return this.drawn('normal', shape, mean, std);
  }

  /**
   * Numbers that are uniform in [low, high).
   *
   * @param options.low default 0
   * @param options.high default 1
   */
  uniform(shape: Shape, ...rest: [options?: { low?: number; high?: number } | undefined]): Tensor {
    const { low, high } = optionsOf('Generator.uniform', rest, { low: 0, high: 1 });
    return this.drawn('uniform', shape, low, high);
  }

  /**
   * Whole numbers from low to high − 1, all equally likely to within 2⁻²⁴.
   *
   * @param high at most 2²⁴ above low
   * @param options.low default 0
   * @throws RangeError if there is no whole number in the range, or more than 2²⁴
   */
  integers(shape: Shape, high: number, ...rest: [options?: { low?: number } | undefined]): Tensor {
    const who = 'Generator.integers';
    const { low } = optionsOf(who, rest, { low: 0 });
    checkInteger(who, 'low', low, -0x1000000);
    checkInteger(who, 'high', high, low + 1, Math.min(low, 0) + 0x1000000);
    const tensor = this.drawn('uniform', shape, 0, 1);
    const values = tensor.view();
    for (let i = 0; i < values.length; i++) values[i] = low + Math.floor(values[i]! * (high - low));
    return tensor;
  }

  private drawn(how: Distribution, shape: Shape, a: number, b: number): Tensor {
    const tensor = Tensor.zeros(shape);
    const { size } = tensor;
    const block = new Block(size * 4);
    try {
      this.fill(how, new View(block.ptr, size), a, b);
      tensor.view().set(block.f32.subarray(0, size));
    } finally {
      block.release();
    }
    return tensor;
  }

  /** @internal Fills a range: uniform in [a, b), or normal of mean a and standard deviation b. */
  fill(how: Distribution, { ptr, length }: Range, a: number, b: number): void {
    const { seed, counter, scratch } = this.drawWithScratch(length);
    const { randomUniform, randomNormal, randomTruncatedNormal } = kernels();
    const kernel =
      how === 'uniform' ? randomUniform : how === 'normal' ? randomNormal : randomTruncatedNormal;
    kernel(ptr, a, b, seed, counter, 0, length, scratch);
  }
}

function checkSeed(who: string, name: string, value: number): void {
  checkInteger(who, name, value, 0);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${who}: ${name} expected a whole number below 2⁵³, got ${value}`);
  }
}

/**
 * The generator that initialization, dropout and shuffling use by default. Its seed is 0 until
 * `manualSeed` is called, so a program draws the same numbers each time it runs. A fixed seed also works
 * in runtimes that offer no entropy at start-up.
 */
export const defaultGenerator = /* @__PURE__ */ new Generator();

/**
 * Seeds the default generator and returns it.
 *
 * @throws RangeError if `seed` is not a whole number from 0 to 2⁵³ − 1
 */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed);
}
