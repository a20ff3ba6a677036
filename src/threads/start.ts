/** Starts a pool and moves the kernels to memory that threads share. */
import type { CoreKernels } from '../generated/kernels.ts';
import { CORE_WASM } from '../runtime/binaries.ts';
import { type Engine, engine, providedPacked, rebind, started } from '../runtime/engine.ts';
import { unpack } from '../runtime/unpack.ts';
import { Pool } from './pool.ts';
import { forSharedMemory } from './sharedmodule.ts';
import { ofNode, spawner, start, type Thread, type ThreadSource } from './spawn.ts';

/** What a thread gets when it starts. */
export interface Start {
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  /** Its number; the caller is thread 0. */
  readonly thread: number;
  /** How many threads there are. */
  readonly threads: number;
  /** Milliseconds that it spins before it sleeps. */
  readonly spin: number;
}

const PAGE = 65_536;
/** The least maximum of a memory that is tried, 16 MiB. */
const LEAST = 256;
/** Milliseconds that a thread may take to start. */
const PATIENCE = 20_000;
/** Milliseconds that threads spin for the next call. */
const SPIN = 0.2;
/** The same, if there are more threads than cores. */
const CROWDED = 0.005;

export interface Running {
  readonly count: number;
  readonly reason: string | undefined;
  readonly maximum: number;
  close(): void;
}

/** The memory that threads share, from the first `begin` that succeeds on. */
let memory: WebAssembly.Memory | undefined;
let pages = 0;

/** How many threads this machine runs at once. */
export async function cores(): Promise<number> {
  if (globalThis.navigator?.hardwareConcurrency) return navigator.hardwareConcurrency;
  try {
    return (await ofNode('node:os')).availableParallelism();
  } catch {
    return 1;
  }
}

/**
 * Why this runtime has no threads, or undefined.
 */
function obstacle(): string | undefined {
  if (typeof SharedArrayBuffer !== 'undefined') return undefined;
  if (globalThis.crossOriginIsolated !== false) return 'this runtime has no SharedArrayBuffer';
  return (
    'the page is not cross-origin isolated: serve it with the headers Cross-Origin-Opener-Policy: ' +
    'same-origin and Cross-Origin-Embedder-Policy: require-corp'
  );
}

/** One thread, and why. */
export function alone(reason?: string): Running {
  return { count: 1, reason, maximum: pages * PAGE, close: () => {} };
}

export async function begin(
  count: number,
  available: number,
  maximum: number,
  source?: ThreadSource,
): Promise<Running> {
  if (count === 1) return alone();
  const refused = obstacle();
  if (refused) return alone(refused);
  const threads: Thread[] = [];
  const endAll = () => {
    for (const thread of threads) thread.end();
    threads.length = 0;
  };
  let candidate = memory;
  let most = pages;
  if (!candidate) {
    most = Math.ceil(maximum / PAGE);
    while (!(candidate = sharedMemory(used(), most)) && most / 2 >= Math.max(LEAST, used())) {
      most = Math.ceil(most / 2);
    }
  }
  if (!candidate) return alone('no shared memory could be had');
  const crowded = count > available;
  const spin = crowded ? CROWDED : SPIN;
  const pool = new Pool(candidate, spin);
  const gone = (reason: string, thread: Thread) => {
    threads.splice(threads.indexOf(thread), 1);
    pool.count = threads.length + 1;
    running.reason = `a thread ended: ${reason}`;
  };
  const running = {
    get count() {
      return pool.count;
    },
    reason: undefined as string | undefined,
    maximum: most * PAGE,
    close() {
      pool.close();
      endAll();
    },
  };
  pool.onLost = running.close;
  try {
    const { make, close } = await spawner(source);
    try {
      const starts = Array.from({ length: count - 1 }, async (_, i) => {
        const message: Start = {
          memory: candidate,
          control: pool.control,
          thread: i + 1,
          threads: count,
          spin,
        };
        const thread: Thread = await start(make, message, PATIENCE, (r) => gone(r, thread));
        threads.push(thread);
      });
      await Promise.all(starts);
    } finally {
      close();
    }
    move(candidate, pool);
  } catch (cause) {
    running.close();
    return alone(`threads did not start: ${(cause as Error).message}`);
  }
  memory = candidate;
  pages = most;
  pool.count = threads.length + 1;
  return running;
}

/** Pages of linear memory now. */
function used(): number {
  return started() ? engine().memory.buffer.byteLength / PAGE : 1;
}

function sharedMemory(initial: number, maximum: number): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial, maximum: Math.max(maximum, initial), shared: true });
  } catch {
    return undefined;
  }
}

/** Copies linear memory to the same addresses of a shared one, and binds the kernels to that. */
function move(shared: WebAssembly.Memory, pool: Pool): void {
  const packed = providedPacked();
  const core = forSharedMemory(unpack(packed ?? CORE_WASM));
  if (started() && engine().memory !== shared) {
    const bytes = new Uint8Array(engine().memory.buffer);
    const missing = bytes.length - shared.buffer.byteLength;
    if (missing > 0) shared.grow(missing / PAGE); // it has grown while the threads started
    new Uint8Array(shared.buffer).set(bytes);
  }
  const next = (exports: unknown): Engine => ({
    exports: exports as CoreKernels,
    memory: shared,
    whole: packed !== undefined,
    load: (text) => pool.bind(forSharedMemory(unpack(text))),
  });
  // The pool allocates what it passes to its threads, in the memory that is bound.
  const before = started() ? engine() : undefined;
  try {
    rebind(next({}));
    rebind(next(pool.bind(core)));
  } catch (error) {
    rebind(before as Engine);
    throw error;
  }
}
