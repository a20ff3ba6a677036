import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator, aligned } from '../../src/memory/allocator.ts';

const GIB = 2 ** 30;

function limited(limit = 4 * GIB): Allocator {
  return new Allocator(64, (end) => {
    if (end > limit) throw new RangeError(`no room up to ${end}`);
  });
}

describe('the allocator', () => {
  it('hands out aligned ranges that never overlap, and gets all of them back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 5000 }), release: fc.nat(20) })),
        (steps) => {
          const allocator = limited();
          const live: { start: number; bytes: number }[] = [];
          for (const { bytes, release } of steps) {
            const start = allocator.allocate(bytes);
            expect(start % 64).toBe(0);
            expect(start).toBeGreaterThan(0);
            for (const other of live) {
              const apart =
                start + Math.max(bytes, 1) <= other.start ||
                other.start + Math.max(other.bytes, 1) <= start;
              expect(apart).toBe(true);
            }
            live.push({ start, bytes });
            if (release < live.length) {
              const [gone] = live.splice(release, 1);
              allocator.release(gone!.start, gone!.bytes);
            }
          }
          for (const { start, bytes } of live) allocator.release(start, bytes);
          expect(allocator.used).toBe(0);
        },
      ),
    );
  });

  it('reuses what was released, joined with its neighbours', () => {
    const allocator = limited();
    const ranges = [100, 200, 300].map((bytes) => [allocator.allocate(bytes), bytes] as const);
    const after = allocator.allocate(64);
    for (const [start, bytes] of [ranges[0]!, ranges[2]!, ranges[1]!]) {
      allocator.release(start, bytes);
    }
    expect(allocator.allocate(aligned(100) + aligned(200) + aligned(300))).toBe(ranges[0]![0]);
    expect(after).toBe(ranges[2]![0] + aligned(300));
  });

  it('prefers the tightest gap', () => {
    const allocator = limited();
    const [large, , small] = [640, 64, 128, 64].map((bytes) => allocator.allocate(bytes));
    allocator.release(large!, 640);
    allocator.release(small!, 128);
    expect(allocator.allocate(100)).toBe(small);
  });

  it('works past 2 GiB, up to the end, and is as before after a refusal', () => {
    const allocator = limited();
    const low = allocator.allocate(2 * GIB);
    const high = allocator.allocate(2 * GIB - 128);
    expect(high).toBe(low + 2 * GIB);
    expect(high).toBeGreaterThan(2 ** 31);
    expect(() => allocator.allocate(128)).toThrow(RangeError);
    expect(allocator.allocate(64)).toBe(4 * GIB - 64);
    allocator.release(high, 2 * GIB - 128);
    expect(allocator.allocate(GIB)).toBe(high);
  });

  it('extends the last free range instead of leaving it behind', () => {
    const allocator = limited(64 + 3 * 1024);
    const first = allocator.allocate(1024);
    const last = allocator.allocate(1024);
    allocator.release(last, 1024);
    expect(allocator.allocate(2048)).toBe(last);
    expect(first).toBe(64);
  });

  it('takes a range back just as it was', () => {
    const allocator = limited(64 + 4096);
    allocator.allocate(512);
    const start = allocator.allocate(1024);
    allocator.allocate(512);
    const { used } = allocator;
    allocator.release(start, 1024);
    expect(() => allocator.allocate(8192)).toThrow(RangeError);
    allocator.retake(start, 1024);
    expect(allocator.used).toBe(used);
    expect(allocator.allocate(1024)).toBe(64 + 2048);
  });
});
