/**
 * A best-fit allocator for linear memory. It keeps a list of free ranges in address order, and merges a
 * released range with its neighbours. It works on addresses and never touches the memory, so that tests
 * can run it past 2 GiB without having that much.
 */
export const ALIGNMENT = 64;

/** `bytes` rounded up to the alignment. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/**
 * How much more than needed a memory of `total` bytes grows: an eighth, at most 64 MiB. Each growth costs
 * up to a millisecond, so that growing page by page would cost more than what is allocated.
 */
export function slack(total: number): number {
  return Math.min(total / 8, 0x4000000);
}

interface Range {
  start: number;
  size: number;
}

export class Allocator {
  private readonly free: Range[] = [];
  private end: number;

  /**
   * @param start the first address to allocate; above 0, because a pointer of 0 means "absent"
   * @param extend grows the memory up to an address, or throws
   */
  constructor(
    start: number,
    private readonly extend: (end: number) => void,
  ) {
    this.end = aligned(start);
  }

  /**
   * Allocates an aligned range of at least `bytes` bytes and returns its address. If `extend` throws, so
   * does this method, and the allocator is unchanged.
   */
  allocate(bytes: number): number {
    const size = aligned(Math.max(bytes, 1));
    let best: Range | undefined;
    for (const range of this.free) {
      if (range.size >= size && (!best || range.size < best.size)) best = range;
    }
    if (best) {
      const { start } = best;
      best.start += size;
      best.size -= size;
      if (best.size === 0) this.free.splice(this.free.indexOf(best), 1);
      return start;
    }
    const last = this.free.at(-1);
    const start = last && last.start + last.size === this.end ? last.start : this.end;
    this.extend(start + size);
    if (start !== this.end) this.free.pop();
    this.end = start + size;
    return start;
  }

  /** Frees the range that `allocate(bytes)` returned. */
  release(start: number, bytes: number): void {
    const size = aligned(Math.max(bytes, 1));
    let at = this.free.findIndex((range) => range.start > start);
    if (at < 0) at = this.free.length;
    const range = { start, size };
    const before = this.free[at - 1];
    const after = this.free[at];
    if (after?.start === start + size) {
      range.size += after.size;
      this.free.splice(at, 1);
    }
    if (before && before.start + before.size === start) before.size += range.size;
    else this.free.splice(at, 0, range);
  }

  /** Undoes a `release`, if nothing was allocated since. The range's bytes are still as they were. */
  retake(start: number, bytes: number): void {
    const size = aligned(Math.max(bytes, 1));
    const at = this.free.findIndex((r) => r.start <= start && start + size <= r.start + r.size);
    const range = this.free[at]!;
    const rest = { start: start + size, size: range.start + range.size - start - size };
    range.size = start - range.start;
    this.free.splice(at, 1, ...[range, rest].filter((r) => r.size > 0));
  }

  /** Bytes that are allocated now. */
  get used(): number {
    return this.free.reduce((sum, { size }) => sum - size, this.end) - ALIGNMENT;
  }
}
