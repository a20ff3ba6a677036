/** Kernels whose calls are divided as by `useThreads`, however small; the caller runs all shares itself. */
import type { Kernels } from '../../src/generated/kernels.ts';
import { LIMITS, Pool } from '../../src/threads/pool.ts';
import { SPLITS } from '../../src/threads/splits.ts';
import type { Arena } from './kernels.ts';

/** A quiet NaN: shares must not read what is in their scratch before. */
const POISON = 0x7ff9a5a5;

/**
 * @param threads how many shares a call has at most
 * @returns the kernels, and how many calls were divided
 */
export function divided(arena: Arena, threads: number): { kernels: Kernels; calls(): number } {
  Object.assign(LIMITS, { call: 0, share: 0, small: 0 });
  let calls = 0;
  const pool = new Pool(arena.memory, 0, (bytes) => {
    const block = arena.bytes(bytes);
    new Uint32Array(arena.memory.buffer, block.ptr, bytes >> 2).fill(POISON);
    return { ptr: block.ptr, bytes, release() {} };
  });
  pool.count = threads;
  pool.observe = () => calls++;
  // The loader's functions do not tell how many arguments a kernel has.
  const bare = Object.entries(arena.kernels).map(([name, kernel]) => [
    name,
    (kernel as { original?: unknown } | undefined)?.original ?? kernel,
  ]);
  const names = Object.keys(arena.kernels).filter((name) => name in SPLITS);
  const kernels = pool.divideAll(Object.fromEntries(bare), names);
  return { kernels: kernels as unknown as Kernels, calls: () => calls };
}
