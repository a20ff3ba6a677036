/**
 * Raw kernels for tests: a private instance of the compiled module and an arena whose every block
 * stands between canary words, so that a kernel that writes one float too far is caught.
 *
 * KERNELS=path/to/file.wasm puts the kernels of another module (asc's `--outFile`) in place of those of the
 * same name: `npm run try` does.
 */
import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { expect } from 'vitest';
import type { Kernels, Pointer } from '../../src/generated/kernels.ts';
import { bytesOf, writeStruct } from './struct.ts';

/**
 * The canary word at word index `at`: a NaN, so that reading past an end shows as well, and another one
 * in each place, since a kernel's arithmetic may carry a NaN it read to where it stood.
 */
const canary = (at: number): number => (0x7fc0dead ^ (at & 0xffff)) >>> 0;
const GUARD_WORDS = 16;

/** Where the last page of the address space begins, which linear memory does not have. */
const END = 65_535 * 65_536;

export interface Block {
  /** Of every brand: a test says itself what stands where. */
  readonly ptr: Pointer<never>;
  readonly length: number;
  /** A fresh view: valid until memory grows. */
  readonly f32: Float32Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
}

const modules = new Map<string, WebAssembly.Module>();

/** The module of a file, compiled once. */
function compiled(path: string | URL): WebAssembly.Module {
  const known = modules.get(`${path}`) ?? new WebAssembly.Module(readFileSync(path));
  modules.set(`${path}`, known);
  return known;
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  private top = 64;
  /** Blocks are placed downward from here, or, if undefined, upward from address 64. */
  private bottom: number | undefined;
  private readonly guards: number[] = [];

  /** @param high whether blocks are placed at the end of a memory as large as it can be */
  constructor(readonly high = process.env.ARENA === 'high') {
    this.memory = new WebAssembly.Memory({ initial: high ? 65_535 : 16, maximum: 65_535 });
    const bind = (path: string) =>
      instantiateSync(compiled(path), { env: { memory: this.memory } }).exports;
    const fresh = process.env.KERNELS ? bind(process.env.KERNELS) : {};
    this.kernels = { ...bind('build/strict.wasm'), ...fresh } as unknown as Kernels;
    this.reset();
  }

  /** Gives up all blocks. */
  reset(): void {
    this.top = 64;
    this.bottom = this.high ? END : undefined;
    this.guards.length = 0;
    this.guard();
  }

  /** A block of float32 numbers, 64-byte aligned; `skew` floats off that alignment if asked. */
  f32(content: number | ArrayLike<number>, skew = 0): Block {
    const length = typeof content === 'number' ? content : content.length;
    const block = this.bytes(length * 4, skew * 4);
    if (typeof content === 'number') block.f32.fill(0);
    else block.f32.set(content);
    return block;
  }

  f64(length: number): Block {
    const block = this.bytes(length * 8, 0);
    block.f32.fill(0);
    return block;
  }

  i32(content: number | ArrayLike<number>): Block {
    const length = typeof content === 'number' ? content : content.length;
    const block = this.bytes(length * 4, 0);
    if (typeof content === 'number') block.i32.fill(0);
    else block.i32.set(content);
    return block;
  }

  /** A struct of sizes with these values. */
  struct(layout: string, values: object): Block {
    const block = this.bytes(bytesOf(layout));
    const { buffer, byteOffset, byteLength } = block.u8;
    writeStruct(new DataView(buffer, byteOffset, byteLength), layout, values);
    return block;
  }

  bytes(size: number, skew = 0): Block {
    const whole = Math.ceil(size / 4) * 4;
    if (this.bottom !== undefined) {
      this.bottom -= Math.ceil((skew + whole) / 64) * 64 + 2 * GUARD_WORDS * 4;
      this.top = this.bottom;
      this.guard();
    }
    this.top = Math.ceil(this.top / 64) * 64 + skew;
    const ptr = this.top as Pointer<never>;
    this.top += whole;
    const { memory } = this;
    const missing = this.high ? 0 : this.top + 4096 - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    this.guard();
    return {
      ptr,
      length: size >> 2,
      get f32() {
        return new Float32Array(memory.buffer, ptr, size >> 2);
      },
      get i32() {
        return new Int32Array(memory.buffer, ptr, size >> 2);
      },
      get f64() {
        return new Float64Array(memory.buffer, ptr, size >> 3);
      },
      get u8() {
        return new Uint8Array(memory.buffer, ptr, size);
      },
    };
  }

  /** Fails if any canary word was overwritten. Call it after the kernels under test. */
  checkCanaries(label = ''): void {
    const words = new Uint32Array(this.memory.buffer);
    for (const at of this.guards) {
      for (let i = 0; i < GUARD_WORDS; i++) {
        if (words[at + i] !== canary(at + i)) {
          expect.fail(
            `${label}a kernel wrote past a block: canary word at byte ${(at + i) * 4} is gone`,
          );
        }
      }
    }
  }

  private guard(): void {
    const at = this.top / 4;
    const words = new Uint32Array(this.memory.buffer, at * 4, GUARD_WORDS);
    for (let i = 0; i < GUARD_WORDS; i++) words[i] = canary(at + i);
    this.guards.push(at);
    this.top += GUARD_WORDS * 4;
  }
}
