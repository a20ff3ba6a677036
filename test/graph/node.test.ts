/** What an operation may say of its use: integer inputs, inputs without a gradient, structs of sizes. */
import { describe, expect, it } from 'vitest';
import type { Use } from '../../src/graph/node.ts';
import {
  Add,
  Flatten,
  type Input,
  Linear,
  Module,
  memoryUsage,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import type { Pointer } from '../../src/memory/memory.ts';
import { type Layout, type Struct, withStruct } from '../../src/memory/struct.ts';
import { Leaf } from '../../src/module/leaf.ts';
import { engine } from '../../src/runtime/engine.ts';
import type { Shape } from '../../src/tensor/shape.ts';

/** y[n] = table[indices[n]]: indices are integers and have no gradient. */
class Lookup extends Leaf<{ rows: number }> {
  override get maxInputs(): number {
    return 2;
  }

  connect(use: Use<{ rows: number }>, indices: Shape, table: Shape): Shape {
    use.takesIntegers(0);
    use.memo = { rows: indices[0]! };
    use.keeps({ input: true });
    return [indices[0]!, table[1]!];
  }

  run(use: Use<{ rows: number }>): void {
    const [indices, table] = use.inputs.map(({ slot }) => slot);
    const width = table!.shape[1]!;
    for (let n = 0; n < use.memo.rows; n++) {
      const at = indices!.i32[n]! * width;
      use.output.slot.f32.set(table!.f32.subarray(at, at + width), n * width);
    }
  }

  runBackward(use: Use<{ rows: number }>): void {
    const target = use.targets[1]?.slot;
    if (!target || !use.inputGradient(1)) return;
    const [indices] = use.inputs.map(({ slot }) => slot);
    const width = target.shape[1]!;
    target.f32.fill(0);
    for (let n = 0; n < use.memo.rows; n++) {
      for (let j = 0; j < width; j++) {
        target.f32[indices!.i32[n]! * width + j]! += use.output.gradient!.f32[n * width + j]!;
      }
    }
  }
}

class Embedded extends Module {
  readonly table = new Linear(2, 2, { bias: false });
  readonly lookup = new Lookup();
  readonly add = new Add();

  override forward([indices, rows]: Input[]): Tensor {
    return this.lookup.forward([indices!, this.table.forward(rows!)]);
  }
}

const INDICES = { data: [2, 0, 2], shape: [3] };
const ROWS = Tensor.from([
  [1, 0],
  [0, 1],
  [3, 4],
]);

describe('an integer input', () => {
  it('reaches the operation as 32-bit integers, and has no gradient', () => {
    const model = new Embedded();
    model.table.weight.assign({ data: [1, 0, 0, 1], shape: [2, 2] });
    const y = model.forward([INDICES, ROWS]);
    expect([...y.toArray()]).toEqual([3, 4, 1, 0, 3, 4]);
    const dy = Tensor.from([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const [dIndices, dRows] = model.backward<Tensor[]>(dy);
    expect([...dIndices!.toArray()]).toEqual([0, 0, 0]);
    expect([...dRows!.toArray()]).toEqual([3, 4, 0, 0, 6, 8]);
    expect([...model.table.weight.grad!.toArray()]).toEqual([21, 24, 28, 32]);
  });

  it('holds integers that float32 cannot', () => {
    const large = 16_777_217;
    class Echo extends Leaf {
      seen = 0;
      connect(use: Use, shape: Shape): Shape {
        use.takesIntegers(0);
        return shape;
      }
      run(use: Use): void {
        this.seen = use.inputs[0]!.slot.i32[0]!;
      }
      runBackward(): void {}
    }
    const echo = new Echo();
    echo.predict({ data: [large], shape: [1] });
    expect(echo.seen).toBe(large);
  });

  it('cannot be what another layer reads or makes as float32, in either order', () => {
    class FloatFirst extends Embedded {
      override forward([indices, rows]: Input[]): Tensor {
        return this.lookup.forward([this.add.forward([indices!, indices!]), rows!]);
      }
    }
    class IntegerFirst extends Embedded {
      override forward([indices, rows]: Input[]): Tensor {
        this.lookup.forward([indices!, rows!]);
        return this.add.forward([indices!, indices!]);
      }
    }
    class Returned extends Embedded {
      override forward([indices, rows]: Input[]): Tensor {
        this.lookup.forward([indices!, rows!]);
        return indices as Tensor;
      }
    }
    expect(() => new FloatFirst().forward([INDICES, ROWS])).toThrow(
      'Lookup: input 0 expected integers, got floating-point numbers',
    );
    expect(() => new IntegerFirst().forward([INDICES, ROWS])).toThrow(
      'Add(): input 0 expected floating-point numbers, got the integers that another layer reads',
    );
    expect(() => new Returned().forward([INDICES, ROWS])).toThrow(
      'Returned: forward returned its integer input',
    );
  });

  it('may pass through layers that only change its shape', () => {
    class Flattened extends Embedded {
      readonly flatten = new Flatten(0);
      override forward([indices, rows]: Input[]): Tensor {
        return this.lookup.forward([this.flatten.forward(indices!), rows!]);
      }
    }
    const model = new Flattened();
    const y = model.predict([{ data: [2, 0], shape: [1, 2] }, ROWS]);
    expect([...y.toArray()]).toEqual([3, 4, 1, 0]);
  });

  it('must hold whole numbers of 32 bits', () => {
    for (const value of [0.5, Number.NaN, 2 ** 31]) {
      expect(() => new Embedded().forward([{ data: [value, 0, 0], shape: [3] }, ROWS])).toThrow(
        `Embedded: input 0 expected whole numbers of 32 bits, got ${value} at [0]`,
      );
    }
  });
});

describe('a struct of sizes', () => {
  interface Sizes {
    readonly rows: number;
    readonly eps: number;
    readonly count: number;
    readonly momentum: number;
  }
  const Sizes: Layout<Sizes, 'Sizes'> = 'rows eps:f64 count momentum:f32';
  const VALUES = { rows: -7, eps: 1e-5, count: 2 ** 31 - 1, momentum: 0.1 };

  const read = (ptr: Pointer) => {
    const view = new DataView(engine().memory.buffer, ptr);
    return [
      view.getInt32(0, true),
      view.getFloat64(8, true),
      view.getInt32(16, true),
      view.getFloat32(20, true),
    ];
  };

  it('stands in memory as AssemblyScript lays out a class, for a call', () => {
    const { used } = memoryUsage();
    expect(withStruct(Sizes, VALUES, read)).toEqual([-7, 1e-5, 2 ** 31 - 1, Math.fround(0.1)]);
    expect(memoryUsage().used).toBe(used);
  });

  it('refuses a size that an i32 cannot hold, and leaves nothing behind', () => {
    const { used } = memoryUsage();
    expect(() => withStruct(Sizes, { ...VALUES, count: 2 ** 31 }, read)).toThrow(
      'count expected a whole number below 2³¹, got 2147483648',
    );
    expect(memoryUsage().used).toBe(used);
  });

  it('is placed once a plan, and given back with it', () => {
    class Sized extends Leaf<Struct<Sizes, 'Sizes'>> {
      readonly seen: number[] = [];
      connect(use: Use<Struct<Sizes, 'Sizes'>>, shape: Shape): Shape {
        use.memo = use.struct(Sizes, { ...VALUES, rows: shape[0]! });
        return shape;
      }
      run({ memo }: Use<Struct<Sizes, 'Sizes'>>): void {
        this.seen.push(read(memo.ptr)[0]!);
      }
      runBackward(): void {}
    }
    const before = memoryUsage().used;
    const sized = new Sized();
    const model = new Sequential(sized);
    for (let rows = 1; rows <= 20; rows++) model.forward(Tensor.zeros([rows]));
    const full = memoryUsage().used;
    for (let rows = 1; rows <= 20; rows++) model.forward(Tensor.zeros([rows]));
    expect(memoryUsage().used).toBe(full);
    expect(sized.seen).toEqual([...sized.seen.keys()].map((i) => (i % 20) + 1));
    model.dispose();
    expect(memoryUsage().used).toBe(before);
  });
});
