/**
 * Linear memory as the host sees it: blocks with an address, and views of them.
 *
 * When linear memory grows, every typed array on it is detached: reading one then gives `undefined`
 * without an error. So no code keeps a typed array. It keeps a `View`, which has the address, and asks it each time.
 */
import type { Pointer } from '../generated/kernels.ts';
import { engine, started } from '../runtime/engine.ts';
import { Allocator, aligned, slack } from './allocator.ts';

export type { Pointer };
export { aligned };

/** The absent pointer. A kernel skips the work that needs it. */
export const NULL = 0 as Pointer;

/** The address `elements` 4-byte elements after `ptr`. */
export function offset<P extends Pointer>(ptr: P, elements: number): P {
  return (ptr + elements * 4) as P;
}

const PAGE = 65_536;

/** Growth beyond this size, 1 GiB, is announced once. */
const LARGE = 0x40000000;
let announced = false;

const allocator = new Allocator(64, (end) => {
  const { memory } = engine();
  const total = memory.buffer.byteLength;
  if (end <= total) return;
  const growTo = (bytes: number) => memory.grow(Math.ceil((bytes - total) / PAGE));
  try {
    try {
      growTo(end + slack(total));
    } catch {
      growTo(end);
    }
  } catch (cause) {
    throw new RangeError(
      `evenkeel: linear memory cannot grow from ${mebibytes(total)} to ` +
        `${mebibytes(end)} (the limit is 4096 MiB, the maximum of useThreads, or less in some runtimes): use smaller ` +
        'batches or a smaller model, or dispose() what you no longer need',
      { cause },
    );
  }
  if (announced || end <= LARGE) return;
  announced = true;
  console.warn(
    'evenkeel: linear memory exceeds 1 GiB: dispose() what you no longer need, or make it in a scope()',
  );
});

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1048576)} MiB`;
}

/** The size of linear memory in bytes, which never shrinks, and the number of bytes allocated now. */
export function memoryUsage(): { total: number; used: number } {
  return { total: engine().memory.buffer.byteLength, used: allocator.used };
}

/** Whether a buffer is linear memory. */
export function isLinear(buffer: unknown): boolean {
  return started() && engine().memory.buffer === buffer;
}

/** A range of linear memory. Its typed arrays are made again after memory has grown or it was moved. */
export class View<Name extends string = string> {
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

  /** Moves the view to another address; the length stays. */
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

  /** The range as float64 numbers. This view is made on each call. */
  get f64(): Float64Array {
    return new Float64Array(engine().memory.buffer, this.address, this.length >>> 1);
  }
}

/** An allocated range of linear memory. Its owner must release it. */
export class Block extends View {
  private held = true;

  /** @throws RangeError if linear memory cannot grow that far */
  constructor(readonly bytes: number) {
    super(allocator.allocate(bytes) as Pointer, bytes >>> 2);
  }

  get released(): boolean {
    return !this.held;
  }

  /** Frees the block. During a step (see `deferReleases`) the memory is freed when the step ends. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    collected?.unregister(this);
    if (runningSteps > 0) deferred.add(this);
    else allocator.release(this.ptr, this.bytes);
  }

  /**
   * Undoes a `release`, if nothing was allocated since: address and bytes are as before. The block is no
   * longer registered with an owner.
   */
  retake(): void {
    if (!deferred.delete(this)) allocator.retake(this.ptr, this.bytes);
    this.held = true;
  }
}

/** The number of steps that are running. It exceeds 1 if a user's layer runs another model. */
let runningSteps = 0;

/** The blocks that were released during a step, whose memory is freed when the last step ends. */
const deferred = new Set<Block>();

/**
 * Runs a step, and defers the freeing of blocks to its end. A user's layer may dispose of anything during
 * a step; the addresses in the plan remain valid until the step ends.
 */
export function deferReleases(step: () => void): void {
  runningSteps++;
  try {
    step();
  } finally {
    if (--runningSteps === 0 && deferred.size > 0) {
      for (const { ptr, bytes } of deferred) allocator.release(ptr, bytes);
      deferred.clear();
    }
  }
}

/**
 * Releases blocks whose owner was garbage-collected without `dispose()`. This only limits leaks:
 * finalizers do not run inside a loop that never awaits.
 */
const collected =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<{ release(): void }>((held) => held.release());

/**
 * Releases a block, or what holds one, when `owner` is garbage-collected, unless the block was released
 * before.
 */
export function releaseWithOwner(owner: object, held: { release(): void }): void {
  collected?.register(owner, held, held);
}
