/**
 * Linear memory as the host sees it: blocks with an address, and the only views made on them.
 *
 * A pointer is the truth; a view is a convenience that memory growth detaches (an old one then reads
 * `undefined` without a word). So nobody keeps a view: they keep a `Window` and ask it each time.
 */
import type { Pointer } from '../generated/kernels.ts';
import { engine, MAX_PAGES } from '../runtime/engine.ts';
import { Allocator, aligned } from './allocator.ts';

export type { Pointer };
export { aligned };

/** The absent pointer: a kernel skips what it stands for. */
export const NULL = 0 as Pointer;

/** The address `elements` 4-byte elements after `ptr`. */
export function offset<P extends Pointer>(ptr: P, elements: number): P {
  return (ptr + elements * 4) as P;
}

const PAGE = 65_536;

const allocator = new Allocator(64, (end) => {
  const { memory } = engine();
  const missing = end - memory.buffer.byteLength;
  if (missing <= 0) return;
  try {
    if (end > MAX_PAGES * PAGE) throw new RangeError('beyond the 4 GiB that wasm32 can address');
    memory.grow(Math.ceil(missing / PAGE));
  } catch (cause) {
    throw new RangeError(
      `evenkeel: linear memory cannot grow from ${mebibytes(memory.buffer.byteLength)} to ` +
        `${mebibytes(end)} (wasm32 ends at 4096 MiB, the runtime may end earlier): use smaller ` +
        'batches or a smaller model, or dispose() models that are done',
      { cause },
    );
  }
});

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1048576)} MiB`;
}

/** Bytes of linear memory: what was ever reached, and what is handed out now. */
export function memoryUsage(): { total: number; used: number } {
  return { total: engine().memory.buffer.byteLength, used: allocator.used };
}

/** A stretch of linear memory seen as numbers. Its views are remade when memory grew or it moved. */
export class Window<Name extends string = string> {
  private floats: Float32Array | undefined;
  private integers: Int32Array | undefined;

  constructor(
    private address: Pointer<Name>,
    /** Length in 4-byte elements. */
    readonly length: number,
  ) {}

  get ptr(): Pointer<Name> {
    return this.address;
  }

  /** Lets the window stand elsewhere. */
  moveTo(address: Pointer<Name>): void {
    if (address === this.address) return;
    this.address = address;
    this.floats = this.integers = undefined;
  }

  get f32(): Float32Array {
    const { buffer } = engine().memory;
    if (this.floats?.buffer !== buffer) {
      this.floats = new Float32Array(buffer, this.address, this.length);
    }
    return this.floats;
  }

  get i32(): Int32Array {
    const { buffer } = engine().memory;
    if (this.integers?.buffer !== buffer) {
      this.integers = new Int32Array(buffer, this.address, this.length);
    }
    return this.integers;
  }

  /** As float64 numbers, half as many; a view of the moment. */
  get f64(): Float64Array {
    return new Float64Array(engine().memory.buffer, this.address, this.length >>> 1);
  }
}

/** A block of linear memory that somebody owns and must release. */
export class Block extends Window {
  private held = true;

  /** @throws RangeError where memory cannot grow that far */
  constructor(readonly bytes: number) {
    super(allocator.allocate(bytes) as Pointer, bytes >>> 2);
  }

  get released(): boolean {
    return !this.held;
  }

  /** Gives the block back; while a step runs (`whileHeld`), only once that step has ended. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    forgotten?.unregister(this);
    if (steps > 0) waiting.add(this);
    else allocator.release(this.ptr, this.bytes);
  }

  /** Undoes a `release` if nothing was allocated since: same address, same bytes, no owner. */
  retake(): void {
    if (!waiting.delete(this)) allocator.retake(this.ptr, this.bytes);
    this.held = true;
  }
}

/** Steps that run now, one inside the other, and the blocks released since the first of them began. */
let steps = 0;
const waiting = new Set<Block>();

/**
 * Runs a step. Until it ends no block is given to anybody else: whatever a user's layer disposes of in the
 * middle of it, the addresses in the plan stay good.
 */
export function whileHeld(step: () => void): void {
  steps++;
  try {
    step();
  } finally {
    if (--steps === 0 && waiting.size > 0) {
      for (const { ptr, bytes } of waiting) allocator.release(ptr, bytes);
      waiting.clear();
    }
  }
}

/**
 * Releases blocks whose owner was collected without `dispose()`. A backstop against leaks only:
 * finalizers never run inside a loop that does not await.
 */
const forgotten =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<Block>((block) => block.release());

/** Has `block` released at the latest when `owner` is collected; `release()` ends that. */
export function releaseWithOwner(owner: object, block: Block): void {
  forgotten?.register(owner, block, block);
}
