/**
 * Times work items interleaved with the bare mul+add loop (assembly/limits.ts), round by round, so
 * that a noisy machine disturbs both alike; prints medians and the share of the loop.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { compileKernels } from '../scripts/kernels.ts';
import type { Kernels, Pointer } from '../src/generated/kernels.ts';

export interface WorkItem {
  name: string;
  flop: number;
  run(): void;
}

/** The kernels on a memory of their own, with a bump allocator that never frees. */
export class Bench {
  readonly memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });
  readonly kernels: Kernels;
  private top = 64;

  constructor(path = process.env.KERNELS ?? new URL('../build/strict.wasm', import.meta.url)) {
    const module = new WebAssembly.Module(readFileSync(path));
    const { exports } = instantiateSync(module, { env: { memory: this.memory } });
    this.kernels = exports as unknown as Kernels;
  }

  /** Room for `count` floats, filled with numbers in [−0.5, 0.5). */
  floats(count: number): Pointer {
    const pointer = this.bytes(count * 4);
    const view = new Float32Array(this.memory.buffer, pointer, count);
    let state = count;
    for (let i = 0; i < count; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      view[i] = state / 4294967296 - 0.5;
    }
    return pointer;
  }

  bytes(size: number): Pointer {
    const pointer = this.top as Pointer;
    this.top += (size + 63) & ~63;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
    return pointer;
  }
}

/** Runs each item about `milliseconds` a round, the bare loop between items. */
export async function measure(
  items: WorkItem[],
  { rounds = 7, milliseconds = 40 } = {},
): Promise<void> {
  const mulAdd = await bareLoop();
  const STEPS = 200_000;
  const peak = () => (96 * STEPS) / time(() => mulAdd(STEPS, 0.5, 1), milliseconds / 4);
  for (const { run } of items) run();
  peak();
  const rates = items.map(() => [] as number[]);
  const shares = items.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    items.forEach(({ flop, run }, i) => {
      const before = peak();
      const rate = flop / time(run, milliseconds);
      rates[i]!.push(rate);
      shares[i]!.push(rate / ((before + peak()) / 2));
    });
  }
  console.log('GFLOP/s   share of the bare mul+add loop');
  items.forEach(({ name }, i) => {
    const rate = median(rates[i]!) / 1e6;
    const share = 100 * median(shares[i]!);
    console.log(`${rate.toFixed(1).padStart(7)}   ${share.toFixed(0).padStart(3)} %   ${name}`);
  });
}

async function bareLoop(): Promise<(steps: number, m: number, s: number) => number> {
  mkdirSync('build', { recursive: true });
  await compileKernels('assembly/limits.ts', '--outFile', 'build/limits.wasm');
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(readFileSync('build/limits.wasm'));
  const { exports } = instantiateSync(module, { env: { memory } });
  return exports.mulAdd as unknown as (steps: number, m: number, s: number) => number;
}

/** Milliseconds of one run. */
function time(run: () => void, milliseconds: number): number {
  const start = performance.now();
  let runs = 0;
  let elapsed: number;
  do {
    run();
    runs++;
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return elapsed / runs;
}

function median(values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1]!;
}
