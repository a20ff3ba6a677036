/** A pool of threads that share linear memory, and the division of kernel calls among them. */
import type { Kernels } from '../generated/kernels.ts';
import { aligned, Block } from '../memory/memory.ts';
import {
  ARGUMENTS,
  BYTES,
  CALLER,
  claim,
  edgeOf,
  FAILED,
  FIRST,
  FROM,
  KERNEL,
  type Kernel,
  LAST,
  MODULES,
  MOST_MODULES,
  OPEN,
  PENDING,
  preferred,
  runShare,
  SCRATCH,
  SHARES,
  SLEEPERS,
  STEP,
  STOP,
  STRIDE,
} from './control.ts';
import { type Arguments, SPLITS, type Split } from './splits.ts';

/** Which calls are divided, and when a thread counts as lost. Tests replace the limits. */
export const LIMITS = {
  /** The least time of a call that is divided, in nanoseconds, by the estimates of splits.ts. */
  call: 8000,
  /** The least time of a share. */
  share: 3000,
  /** The least time of a share if there are more of them than threads. */
  small: 20_000,
  /** Milliseconds after which a thread is lost, beyond a hundred times what its share should take. */
  lost: 10_000,
};

/** Shares of a thread, if they are small, and the most shares of a call: bits of a word. */
const SEVERAL = 4;
const MOST_SHARES = 31;
/** Milliseconds of one sleep of the caller. */
const NAP = 100;

/** A block of linear memory. */
interface Area {
  readonly ptr: number;
  readonly bytes: number;
  release(): void;
}

export class Pool implements Arguments {
  readonly control = new SharedArrayBuffer(BYTES);
  /** The arguments of the call that is being looked at. */
  readonly values = new Float64Array(9);
  /** How many threads there are, the caller's among them. */
  count = 1;
  /** What is to be done if a thread is lost in the middle of a call. */
  onLost: () => void = () => {};
  /** Called for each call that is divided. */
  observe: (() => void) | undefined;
  private readonly words = new Int32Array(this.control);
  private readonly call = new Float64Array(this.control);
  private readonly kernels: Partial<Kernels> = {};
  private readonly modules: Area[] = [];
  private known = 0;
  private closed = false;
  private scratch: Area | undefined;
  private integers: Int32Array;
  private readonly mayBlock = mayBlock();

  /**
   * @param patience milliseconds for which the caller spins before it sleeps
   * @param take allocates in that memory
   */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly patience: number,
    private readonly take: (bytes: number) => Area = (bytes) => new Block(bytes),
  ) {
    this.integers = new Int32Array(memory.buffer);
  }

  field(argument: number, i: number): number {
    return this.integers[(this.values[argument]! >>> 2) + i]!;
  }

  /** Instantiates a module of kernels, and divides the calls of those that can be divided. */
  bind(bytes: Uint8Array<ArrayBuffer>): Record<string, unknown> {
    const { memory } = this;
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const names = Object.keys(exports).filter((name) => name in SPLITS);
    return this.pass(bytes, names) ? this.divideAll(exports, names) : exports;
  }

  /** The exports of a module, with the kernels of these names, numbered in their order, divided. */
  divideAll(exports: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
    Object.assign(this.kernels, exports);
    const divided = names.map((name) => {
      const split = SPLITS[name as keyof Kernels]!;
      return [name, this.divide(exports[name] as Kernel, split, this.known++)];
    });
    return { ...exports, ...Object.fromEntries(divided) };
  }

  /** Leaves a module where the threads find it. Returns whether there was room. */
  private pass(bytes: Uint8Array, names: readonly string[]): boolean {
    const count = this.modules.length;
    if (this.closed || count === MOST_MODULES || names.length === 0) return false;
    const letters = names.join(' ');
    const block = this.allocate(8 + bytes.length + letters.length);
    if (!block) return false;
    this.modules.push(block);
    new Int32Array(this.memory.buffer, block.ptr).set([bytes.length, letters.length]);
    const target = new Uint8Array(this.memory.buffer, block.ptr + 8);
    target.set(bytes);
    for (let i = 0; i < letters.length; i++) target[bytes.length + i] = letters.charCodeAt(i);
    this.words[MODULES + 1 + count] = block.ptr;
    Atomics.store(this.words, MODULES, count + 1);
    return true;
  }

  private allocate(bytes: number): Area | undefined {
    try {
      return this.take(bytes);
    } catch {
      return undefined; // linear memory is full: without threads the step may still run
    }
  }

  /** The kernel with its calls divided. They run whole if that is faster, or if there is one thread. */
  private divide(kernel: Kernel, split: Split, index: number): Kernel {
    const from = kernel.length - (split.scratch ? 3 : 2);
    const { values } = this;
    return (a, b, c, d, e, f, g, h, i) => {
      if (this.count > 1) {
        values[0] = a;
        values[1] = b;
        values[2] = c;
        values[3] = d;
        values[4] = e;
        values[5] = f;
        values[6] = g;
        values[7] = h;
        values[8] = i;
        if (this.plan(split, index, from)) return this.run(kernel, split, from);
      }
      return kernel(a, b, c, d, e, f, g, h, i);
    };
  }

  /** Decides how the call in `values` is divided, and writes that down. Returns whether it is. */
  private plan(split: Split, index: number, from: number): boolean {
    const { values, call, memory } = this;
    if (this.integers.buffer !== memory.buffer) this.integers = new Int32Array(memory.buffer);
    const first = values[from]!;
    const last = values[from + 1]!;
    const units = last - first;
    const time = units * sizeOf(split.time, this);
    if (!(time >= LIMITS.call)) return false;
    const step = sizeOf(split.step, this);
    const blocks = Math.ceil(units / step);
    const shares = Math.min(blocks, this.sharesOf(time, split.repeats));
    if (shares < 2) return false;
    call[SCRATCH] = 0;
    if (split.scratch) {
      const most = Math.ceil(blocks / shares) * step;
      const bytes = split.scratch(this, this.kernels as Kernels, Math.min(most, units));
      const stride = aligned(bytes) + 128; // not in one cache line
      if (!this.reserve(stride * (shares - 1))) return false;
      call[SCRATCH] = this.scratch!.ptr;
      call[STRIDE] = stride;
    }
    call[KERNEL] = index;
    call[FROM] = from;
    call[FIRST] = first;
    call[LAST] = last;
    call[STEP] = step;
    call[SHARES] = shares;
    for (let i = 0; i < 9; i++) call[ARGUMENTS + i] = values[i]!;
    return true;
  }

  /**
   * How many shares a call of that time has: one for each thread; or several, if that costs nothing, so that
   * nobody waits long for a thread that another program interrupts.
   */
  private sharesOf(time: number, repeats = false): number {
    const least = Math.min(this.count, Math.floor(time / LIMITS.share));
    if (repeats || least < this.count) return least;
    const most = Math.min(MOST_SHARES, SEVERAL * this.count);
    return Math.max(least, Math.min(most, Math.floor(time / LIMITS.small)));
  }

  private reserve(bytes: number): boolean {
    if (this.scratch && this.scratch.bytes >= bytes) return true;
    const block = this.allocate(bytes);
    if (!block) return false;
    this.scratch?.release();
    this.scratch = block;
    return true;
  }

  /** Runs the planned call: share 0 here, and those that no thread has claimed. */
  private run(kernel: Kernel, split: Split, from: number): number {
    const { words, call, values } = this;
    const shares = call[SHARES]!;
    this.observe?.();
    // The caller's patience ends a hundred times later than the call should.
    const time = (call[LAST]! - call[FIRST]!) * sizeOf(split.time, this) * 1e-4;
    const totals = split.totals?.(this) ?? 0;
    Atomics.store(words, PENDING, shares - 1);
    Atomics.store(words, OPEN, ((1 << shares) - 1) & ~1);
    if (Atomics.load(words, SLEEPERS) > 0) Atomics.notify(words, OPEN, this.count - 1);
    try {
      runShare(kernel, call, 0, values);
      const own = preferred(call, 0, this.count);
      for (let share = claim(words, own); share > 0; share = claim(words, own)) {
        runShare(kernel, call, share, values);
        Atomics.sub(words, PENDING, 1);
      }
    } finally {
      this.wait(time);
    }
    if (totals > 0) this.collect(totals, from);
    return 0;
  }

  /** Waits until the threads have finished their shares. */
  private wait(time: number): void {
    const { words } = this;
    // After an error here shares may be open.
    for (let share = claim(words, 0); share > 0; share = claim(words, 0)) {
      Atomics.sub(words, PENDING, 1);
    }
    let spun = 0;
    let last = 0;
    let left = Atomics.load(words, PENDING);
    for (let i = 1; left > 0; i++, left = Atomics.load(words, PENDING)) {
      if (i & 63) continue;
      const now = performance.now();
      // A page that was suspended counts as one nap.
      if (last) spun += Math.min(now - last, NAP);
      last = now;
      if (spun > LIMITS.lost + time) this.lost();
      if (!this.mayBlock || spun < this.patience) continue;
      Atomics.store(words, CALLER, 1);
      Atomics.wait(words, PENDING, left, NAP);
      Atomics.store(words, CALLER, 0);
      i |= 63; // looks at the clock next time, too
    }
    if (Atomics.exchange(words, FAILED, 0) === 1) {
      throw new Error(
        'useThreads: a thread could not run its share of a kernel, perhaps because it had no memory left: ' +
          'the step is not complete; use fewer threads',
      );
    }
  }

  private lost(): never {
    this.onLost();
    throw new Error(
      'useThreads: a thread was ended in the middle of a kernel: the step is not complete, and from now on ' +
        'there is one thread; load the last checkpoint, and call useThreads again',
    );
  }

  /** Copies the totals of the other shares, [2, C] f64 with C = c rounded up to 16, to the call's scratch. */
  private collect(c: number, from: number): void {
    const { call } = this;
    const bytes = new Uint8Array(this.memory.buffer);
    const target = call[ARGUMENTS + from + 2]!;
    const row = ((c + 15) & ~15) * 8;
    for (let share = 1; share < call[SHARES]!; share++) {
      const start = edgeOf(call, share) * 8;
      const end = edgeOf(call, share + 1) * 8;
      const own = call[SCRATCH]! + (share - 1) * call[STRIDE]!;
      for (const at of [0, row]) {
        bytes.copyWithin(target + at + start, own + at + start, own + at + end);
      }
    }
  }

  /** Ends the threads' loops, and gives back what the pool took. Divided kernels then run whole. */
  close(): void {
    this.count = 1;
    if (this.closed) return;
    this.closed = true;
    Atomics.store(this.words, STOP, 1);
    Atomics.notify(this.words, OPEN);
    this.scratch?.release();
    for (const block of this.modules) block.release();
    this.scratch = undefined;
    this.modules.length = 0;
  }
}

function sizeOf(size: Split['time'], call: Arguments): number {
  return typeof size === 'number' ? size : size(call);
}

/** Whether this thread may sleep; a page's own may not. */
function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
