/** Counts what a call allocates: typed arrays, other memory outside the heap, the heap, and linear memory. */
import { memoryUsage } from '../../../src/index.ts';

/** On the heap, a read has objects and texts in addition to its arrays; a collection may end at any time. */
const HEAP = 64 << 20;

export class AllocationCount {
  constructor(
    readonly arrays: number,
    readonly outside: number,
    readonly heap: number,
    readonly linear: number,
  ) {}

  /** The largest of the counts, which overlap. The heap counts beyond 64 MiB. */
  get bytes(): number {
    return Math.max(this.arrays, this.outside, this.heap - HEAP, this.linear);
  }

  toString(): string {
    const { arrays, outside, heap, linear } = this;
    return `${arrays} in typed arrays, ${outside} outside the heap, ${heap} on it, ${linear} linear`;
  }
}

const TYPES = [
  ...['ArrayBuffer', 'SharedArrayBuffer', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'],
  ...['Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array'],
  ...['BigInt64Array', 'BigUint64Array'],
];

type Constructor = new (...args: unknown[]) => object;

/**
 * What `body` allocates. Typed arrays are counted as they are made, because a collection may free them
 * before the call ends; what the engine itself allocates is seen in the difference only.
 */
export async function countAllocations(body: () => Promise<void>): Promise<AllocationCount> {
  const globals = globalThis as unknown as Record<string, Constructor>;
  const originals = new Map(TYPES.map((name) => [name, globals[name]!]));
  let arrays = 0;
  const construct = (type: Constructor, args: unknown[], self: Constructor): object => {
    const made = Reflect.construct(type, args, self) as ArrayBufferView | ArrayBufferLike;
    // A view on a buffer allocates nothing.
    if (!(ArrayBuffer.isView(made) && made.buffer === args[0])) arrays += made.byteLength;
    return made;
  };
  const linearBefore = memoryUsage().total;
  const before = process.memoryUsage();
  try {
    for (const [name, type] of originals) {
      globals[name] = new Proxy(type, { construct });
    }
    await body();
  } finally {
    for (const [name, type] of originals) globals[name] = type;
  }
  const after = process.memoryUsage();
  const linear = memoryUsage().total - linearBefore;
  return new AllocationCount(
    arrays,
    after.arrayBuffers - before.arrayBuffers,
    after.heapUsed - before.heapUsed,
    linear,
  );
}
