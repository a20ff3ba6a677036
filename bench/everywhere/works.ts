/**
 * The central works as a program for any runtime. It is told what to run and how often, and answers with
 * times by its own clock. Where that clock stands still or is coarse (workerd), the asking side uses its own.
 */
import { BatchNorm1d } from 'evenkeel';
import { Block, kernels, memory } from 'evenkeel/kernels';
import limits from '../../build/limits.wasm';
import limitsMemory from '../../build/limits-memory.wasm';
import type { Pointer } from '../../src/generated/kernels.ts';
import { Arena, type Loops } from '../arena.ts';
import type { Entry } from '../measure.ts';
import type { Loop, Scene } from '../scene.ts';
import { batchNormScene } from '../works/batchnorm.ts';
import { gemmScene } from '../works/gemm.ts';
import { stepper } from '../works/step.ts';

/** An arena in the memory that the package's kernels share with the layers. */
class SharedArena extends Arena {
  private blocks: Block[] = [];

  override bytes(size: number): Pointer {
    const block = new Block(size + 5 * 64);
    this.blocks.push(block);
    return block.ptr;
  }

  override release(): void {
    for (const block of this.blocks.splice(0)) block.release();
  }
}

function open(): SharedArena {
  const bind = (module: WebAssembly.Module) =>
    new WebAssembly.Instance(module, { env: { memory: memory() } }).exports;
  const loops = { ...bind(limits), ...bind(limitsMemory) } as unknown as Loops;
  return new SharedArena(memory() as WebAssembly.Memory, kernels(), loops);
}

const batchNorm = { layout: 'rows', n: 1024, c: 512, s: 1, name: 'rows [1024, 512]' } as const;
const images = { layout: 'NCHW', n: 16, c: 64, s: 28 * 28, name: 'NCHW [16, 64, 28, 28]' } as const;

const SCENES: Record<string, (arena: Arena) => Scene> = {
  rows: (arena) => batchNormScene(arena, batchNorm),
  images: (arena) => batchNormScene(arena, images),
  gemm: (arena) => gemmScene(arena, { form: 'NN', m: 512, n: 512, k: 512 }),
};

/** What is timed in a scene: its works and the bare loops beside them. */
const WORKS: Record<string, readonly (Loop | 'forward' | 'backward' | 'product')[]> = {
  rows: ['forward', 'backward', 'copy', 'R', 'S', 'S₂'],
  images: ['forward', 'backward', 'copy', 'R', 'S', 'S₂'],
  gemm: ['product', 'P', 'clock'],
};

/** A request for times is answered with a list of milliseconds. */
export type Request =
  | { ask: 'first' | 'nothing' }
  | { ask: 'prepare'; scene: string }
  | { ask: 'time'; work: string; runs: number; slices: number };

let arena: SharedArena | undefined;
let dispose = (): void => {};
let prepared: Record<string, () => void> = {};

export default async function answer(request: Request): Promise<unknown> {
  if (request.ask === 'first') return [firstResult()];
  if (request.ask === 'prepare') return prepare(request.scene);
  if (request.ask === 'time') {
    const { work, runs, slices } = request;
    return Array.from({ length: slices }, () => elapsed(prepared[work]!, runs));
  }
  return null;
}

/** Milliseconds from the first line that needs a kernel to a layer's first result. */
function firstResult(): number {
  const data = Float32Array.from({ length: 12800 }, (_, i) => i % 7);
  return elapsed(() => {
    new BatchNorm1d(100).forward({ data, shape: [128, 100] }).toArray();
  }, 1);
}

/** Prepares a scene; returns the elements or flop of each work. */
function prepare(name: string): Record<string, number> {
  dispose();
  if (name === 'mlp' || name === 'cnn') {
    const stepping = stepper(name);
    dispose = stepping.dispose;
    prepared = { step: stepping.step };
    return { step: 1 };
  }
  arena ??= open();
  const { loops, works } = SCENES[name]!(arena);
  dispose = () => arena!.release();
  const all: Record<string, Entry> = { ...loops, ...works };
  const entries = WORKS[name]!.map((work) => [work, all[work]!] as const);
  prepared = Object.fromEntries(entries.map(([work, { run }]) => [work, run]));
  for (const [, { reset }] of entries) reset?.();
  return Object.fromEntries(entries.map(([work]) => [work, works[work]?.count ?? 0]));
}

function elapsed(run: () => void, runs: number): number {
  const start = performance.now();
  for (let i = 0; i < runs; i++) run();
  return performance.now() - start;
}
