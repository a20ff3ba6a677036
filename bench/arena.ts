/** The kernels, and the bare loops they are compared with, on one linear memory. */
import type { Kernels, Pointer } from '../src/generated/kernels.ts';
import { bytesOf, type Layout, writeStruct } from '../src/memory/struct.ts';

/** assembly/limits.ts and assembly/limits-memory.ts. */
export interface Loops {
  mulAdd(steps: number, m: number, s: number): number;
  addChain(steps: number, x: number, y: number): number;
  readSum(x: Pointer, size: number): number;
  scale(y: Pointer, x: Pointer, a: number, size: number): void;
  sum(z: Pointer, x: Pointer, y: Pointer, size: number): void;
  copy(y: Pointer, x: Pointer, size: number): void;
}

/** The null pointer: an argument that is left out. */
export const ABSENT = 0 as Pointer;

/** A kernel module with a memory of its own, whose blocks are allocated and freed as on a stack. */
export class Arena {
  private top = 64;

  constructor(
    readonly memory: WebAssembly.Memory,
    readonly kernels: Kernels,
    readonly loops: Loops,
  ) {}

  /** The top of the stack; `release` frees all blocks above it. */
  mark(): number {
    return this.top;
  }

  release(mark: number): void {
    this.top = mark;
  }

  /** A block of `count` floats: numbers in [−0.5, 0.5) made from `seed`, or zeros without a seed. */
  floats(count: number, seed?: number): Pointer {
    const pointer = this.bytes(count * 4);
    const view = this.view(pointer, count);
    if (seed === undefined) view.fill(0);
    else fillUniform(view, seed);
    return pointer;
  }

  /** A block. Gaps keep blocks from lying a multiple of 4 KiB apart, which a cache of few ways handles badly. */
  bytes(size: number): Pointer {
    const pointer = this.top as Pointer;
    this.top += ((size + 63) & ~63) + 5 * 64;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
    return pointer;
  }

  /** A struct of sizes with these values. */
  struct<T, Name extends string>(layout: Layout<T, Name>, values: T): Pointer<Name> {
    const pointer = this.bytes(bytesOf(layout));
    writeStruct(new DataView(this.memory.buffer, pointer), layout, values);
    return pointer as Pointer<Name>;
  }

  labels(count: number, classes: number): Pointer {
    const pointer = this.bytes(count * 4);
    const view = new Int32Array(this.memory.buffer, pointer, count);
    for (let i = 0; i < count; i++) view[i] = i % classes;
    return pointer;
  }

  /** A view on a block, valid until memory grows. */
  view(pointer: Pointer, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, count);
  }
}

/**
 * Fills with numbers in [−0.5, 0.5), multiples of 2⁻²³, that every library can compute with 64-bit integers:
 * u ← (1664525·u + 1013904223) mod 2³² from u = seed; the number is made of the upper 23 bits of u.
 */
export function fillUniform(view: Float32Array, seed: number): Float32Array {
  let state = seed;
  for (let i = 0; i < view.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    view[i] = (state >>> 9) / 8388608 - 0.5;
  }
  return view;
}
