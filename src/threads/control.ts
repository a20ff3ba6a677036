/**
 * The block that the caller and the threads share beside linear memory, a SharedArrayBuffer: whose share of a
 * kernel's range is open, how many are unfinished, and the call itself. Words that different threads write
 * stand 128 bytes apart, so that they do not share a cache line.
 */

/** Int32: a bit for each share that nobody has claimed yet. Threads sleep on it. */
export const OPEN = 0;
/** Int32: shares that are not finished. The caller sleeps on it. */
export const PENDING = 32;
/** Int32: how many threads sleep on OPEN, or are about to. */
export const SLEEPERS = 64;
/** Int32: 1 while the caller sleeps on PENDING, or is about to. */
export const CALLER = 96;
/** Int32: 1 asks all threads to end. */
export const STOP = 128;
/** Int32: 1 if a share could not be computed. */
export const FAILED = 129;
/** Int32: how many modules there are; their addresses follow. */
export const MODULES = 160;
/** The most modules: core, extra and inspect, or relaxed. */
export const MOST_MODULES = 8;

/** Float64: the call. From CALL on: */
export const CALL = 128;
/** the kernel's number among all that can be divided, */
export const KERNEL = CALL;
/** the place of `from` among its arguments, `to` being the next and its own scratch the one after, */
export const FROM = CALL + 1;
/** the range, */
export const FIRST = CALL + 2;
export const LAST = CALL + 3;
/** at whose multiples from FIRST on it is cut, */
export const STEP = CALL + 4;
/** into how many shares, */
export const SHARES = CALL + 5;
/** the address of the scratch of share 1, or 0 if scratch is not replaced, and the bytes from one to the next, */
export const SCRATCH = CALL + 6;
export const STRIDE = CALL + 7;
/** and the nine arguments of the whole call. */
export const ARGUMENTS = CALL + 8;

/** Bytes of the block. */
export const BYTES: number = (ARGUMENTS + 16) * 8;

type Nine = [number, number, number, number, number, number, number, number, number];
/** A kernel as it is called here: it ignores the arguments that it does not have. */
export type Kernel = (...values: Nine) => number;

/** The first element of a share of the call's range, or with share + 1 the end of it. */
export function edgeOf(call: Float64Array, share: number): number {
  const first = call[FIRST]!;
  const last = call[LAST]!;
  const step = call[STEP]!;
  const blocks = Math.ceil((last - first) / step);
  return Math.min(last, first + step * Math.floor((blocks * share) / call[SHARES]!));
}

/** Runs one share of the call. `x` is room for nine arguments. */
export function runShare(kernel: Kernel, call: Float64Array, share: number, x: Float64Array): void {
  for (let i = 0; i < 9; i++) x[i] = call[ARGUMENTS + i]!;
  const at = call[FROM]!;
  x[at] = edgeOf(call, share);
  x[at + 1] = edgeOf(call, share + 1);
  if (share > 0 && call[SCRATCH]! > 0) {
    x[at + 2] = call[SCRATCH]! + (share - 1) * call[STRIDE]!;
  }
  kernel(x[0]!, x[1]!, x[2]!, x[3]!, x[4]!, x[5]!, x[6]!, x[7]!, x[8]!);
}

/**
 * The shares that a thread prefers, as bits: neighbours, so that it works on the same memory call after call.
 */
export function preferred(call: Float64Array, thread: number, threads: number): number {
  const shares = call[SHARES]!;
  const first = Math.floor((shares * thread) / threads);
  const end = Math.floor((shares * (thread + 1)) / threads);
  return (1 << end) - (1 << first);
}

/**
 * Claims a share: one of `own`, bits, if it is open, else any. Returns its number, or −1 if none is open. Who claims a
 * share may read the call: the caller does not change it before all shares are finished.
 */
export function claim(words: Int32Array, own: number): number {
  for (;;) {
    const open = Atomics.load(words, OPEN);
    if (open === 0) return -1;
    const wanted = open & own || open;
    const bit = wanted & -wanted;
    if (Atomics.compareExchange(words, OPEN, open, open & ~bit) === open) {
      return 31 - Math.clz32(bit);
    }
  }
}
