import { describe, expect, it } from 'vitest';
import {
  Add,
  Concat,
  type Input,
  Layer,
  type LayerContext,
  Linear,
  Module,
  memoryUsage,
  Parameter,
  Residual,
  Sequential,
  Tensor,
} from '../../src/index.ts';

/** y = w·x², with a gradient for w: enough to see what a plan does. */
class Square extends Layer {
  weight: Parameter;

  constructor(weight = 1) {
    super();
    this.weight = new Parameter(Tensor.from([weight]));
  }

  override outputShape(shape: readonly number[]) {
    return shape;
  }

  override compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void {
    ctx.save(ctx.inputShape).set(x);
    const w = ctx.values(this.weight)[0]!;
    for (let i = 0; i < x.length; i++) y[i] = w * x[i]! * x[i]!;
  }

  override differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void {
    const x = ctx.saved[0]!;
    const w = ctx.values(this.weight)[0]!;
    const dw = ctx.gradient(this.weight);
    for (let i = 0; i < x.length; i++) {
      if (dw) dw[0]! += dy[i]! * x[i]! * x[i]!;
      if (dx) dx[i] = 2 * w * x[i]! * dy[i]!;
    }
  }
}

describe('a plan', () => {
  it('runs a custom layer forward and backward', () => {
    const layer: Layer = new Square(3);
    const y = layer.forward(Tensor.from([[1, 2]]));
    expect([...y.toArray()]).toEqual([3, 12]);
    const dx = layer.backward(Tensor.from([[1, 10]]));
    expect([...dx.toArray()]).toEqual([6, 120]);
    expect(layer.parameters()[0]!.grad!.item()).toBe(41);
    layer.forward(Tensor.from([[1, 2]]));
    layer.backward(Tensor.from([[1, 10]]));
    expect(layer.parameters()[0]!.grad!.item()).toBe(82);
  });

  it('sums gradients over branches, whichever of them may share memory', () => {
    // f(x) = a(x) + c(a(x)) + x with a = 2x², c = 3x²; and the same once more on top.
    const once = () => {
      const a = new Square(2);
      return new Residual(new Sequential(a, new Residual(new Square(3))));
    };
    const model = new Sequential(once(), once());
    const f = (x: number): number => {
      const a = 2 * x * x;
      return a + 3 * a * a + x;
    };
    const df = (x: number): number => 4 * x + 6 * (2 * x * x) * 4 * x + 1;
    const x = [0.1, -0.2, 0.3, 0.5, -0.4];
    const y = model.forward(Tensor.from(x, [1, 5])).toArray();
    const dy = [1, 2, -3, 4, 5];
    const dx = model.backward(Tensor.from(dy, [1, 5])).toArray();
    for (const [i, v] of x.entries()) {
      expect(y[i]).toBeCloseTo(f(f(v)), 5);
      expect(dx[i]).toBeCloseTo(dy[i]! * df(f(v)) * df(v), 4);
    }
  });

  it('takes several inputs and gives each its gradient', () => {
    const add = new Add();
    const sum = add.forward([Tensor.from([1, 2]), Tensor.from([3, 4]), Tensor.from([5, 6])]);
    expect([...sum.toArray()]).toEqual([9, 12]);
    const gradients = add.backward<Tensor[]>(Tensor.from([7, 8]));
    for (const gradient of gradients) expect([...gradient.toArray()]).toEqual([7, 8]);

    const concat = new Concat();
    const joined = concat.forward([
      Tensor.from([[1], [2]]),
      Tensor.from([
        [3, 4],
        [5, 6],
      ]),
    ]);
    expect(joined.shape).toEqual([2, 3]);
    expect([...joined.toArray()]).toEqual([1, 3, 4, 2, 5, 6]);
    const [da, db] = concat.backward<Tensor[]>(
      Tensor.from([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    );
    expect([...da!.toArray()]).toEqual([1, 4]);
    expect([...db!.toArray()]).toEqual([2, 3, 5, 6]);
  });

  it('gives an input that does not reach the output zeros', () => {
    class First extends Module {
      used = new Linear(2, 2);
      unused = new Linear(2, 2);
      override forward([a, b, c]: Tensor[]): Tensor {
        this.unused.forward(b!);
        void c;
        return this.used.forward(a!);
      }
    }
    const model = new First();
    const x = Tensor.from([[1, 2]]);
    model.forward([x, x, Tensor.zeros([3, 4])]);
    const [a, b, c] = model.backward<Tensor[]>(Tensor.from([[1, 1]])) as [Tensor, Tensor, Tensor];
    expect(c.shape).toEqual([3, 4]);
    expect([...c.toArray()]).toEqual(Array(12).fill(0));
    expect([...b.toArray()]).toEqual([0, 0]);
    expect([...a.toArray()].every((value) => value !== 0)).toBe(true);
    expect(model.unused.weight.grad?.toArray() ?? []).toEqual(new Float32Array(4));
  });

  it('adds a tensor to itself', () => {
    class Twice extends Module {
      add = new Add();
      override forward(x: Input): Tensor {
        return this.add.forward([x, x]);
      }
    }
    const twice = new Twice();
    expect([...twice.forward(Tensor.from([1, 2])).toArray()]).toEqual([2, 4]);
    expect([...twice.backward(Tensor.from([3, 4])).toArray()]).toEqual([6, 8]);
  });

  it('lets a layer stand at two places of a Module, each use with what it saved', () => {
    class Shared extends Module {
      square: Layer = new Square(2);
      override forward(x: Input): Tensor {
        return this.square.forward(this.square.forward(x));
      }
    }
    const shared = new Shared();
    expect(shared.forward(Tensor.from([0.5])).item()).toBeCloseTo(0.5); // 2(2x²)² = 8x⁴
    expect(shared.backward(Tensor.from([1])).item()).toBeCloseTo(4); // 32x³
    expect(shared.square.parameters()[0]!.grad!.item()).toBeCloseTo(0.75); // 3w²x⁴
  });

  it('refuses one instance at two places of a container', () => {
    const square = new Square();
    expect(() => new Sequential(square, square)).toThrow(/got the same Square twice/);
    expect(() => new Sequential(square, new Residual(square))).toThrow(/got the same Square twice/);
  });

  it('throws for stale results, and keeps what was copied', () => {
    const model = new Sequential(new Square());
    const first = model.forward(Tensor.from([2]));
    const kept = first.clone();
    model.forward(Tensor.from([3]));
    expect(() => first.toArray()).toThrow(/earlier forward/);
    expect(kept.item()).toBe(4);
  });

  it('throws for backward before forward, twice, and with another shape', () => {
    const model = new Sequential(new Square());
    expect(() => model.backward(Tensor.from([1]))).toThrow(/before forward/);
    model.forward(Tensor.from([1]));
    expect(() => model.backward(Tensor.from([1, 2]))).toThrow(/expected the gradient of the last/);
    model.backward(Tensor.from([1]));
    expect(() => model.backward(Tensor.from([1]))).toThrow(/already called/);
  });

  it('throws for an input gradient read too late', () => {
    const model = new Sequential(new Square());
    model.forward(Tensor.from([1]));
    const dx = model.backward(Tensor.from([1]));
    model.parameters()[0]!.assign(Tensor.from([5]));
    expect(() => dx.toArray()).toThrow(/stale/);
    model.forward(Tensor.from([1]));
    expect(() => dx.toArray()).toThrow(/stale/);
    const later = model.backward(Tensor.from([1]));
    model.parameters()[0]!.data.set([7]);
    expect(() => later.toArray()).toThrow(/stale/);
  });

  it('gives a frozen parameter no gradient', () => {
    const [a, b] = [new Square(2), new Square(3)];
    const model = new Sequential(a, b);
    a.freeze();
    model.forward(Tensor.from([1]));
    expect(model.backward(Tensor.from([1])).item()).toBe(48); // 3(2x²)² → 48x³
    expect(a.weight.grad).toBeNull();
    expect(b.weight.grad!.item()).toBe(4);
  });

  it('follows a layer that is exchanged after the first forward', () => {
    class Net extends Module {
      body: Layer = new Square(2);
      head: Layer = new Square(3);
      override forward(x: Input): Tensor {
        return this.head.forward(this.body.forward(x));
      }
    }
    const net = new Net();
    expect(net.forward(Tensor.from([1])).item()).toBe(12);
    net.head = new Square(5);
    expect(net.predict(Tensor.from([1])).item()).toBe(20);
    expect(net.forward(Tensor.from([1])).item()).toBe(20);
    net.backward(Tensor.from([1]));
    expect(net.head.parameters()[0]!.grad!.item()).toBe(4);
  });

  it('predicts beside a pending backward', () => {
    const model = new Sequential(new Square(2), new Square(3));
    const y = model.forward(Tensor.from([1]));
    expect(model.predict(Tensor.from([2])).item()).toBe(192);
    expect(y.item()).toBe(12);
    expect(model.backward(Tensor.from([1])).item()).toBe(48);
  });

  it('refuses an absurd batch, and works on', () => {
    const model = new Sequential(new Square(2), new Square(1));
    const y = model.forward(Tensor.from([2]));
    const huge = { data: new Uint8Array(2 ** 30), shape: [2 ** 30] }; // pages that nobody touches
    expect(() => model.forward(huge)).toThrow(RangeError);
    expect(y.item()).toBe(64);
    expect(model.backward(Tensor.from([1])).item()).toBe(128);
    expect(model.forward(Tensor.from([1])).item()).toBe(4);
  });

  it('survives growth in the middle of a step', () => {
    const model = new Sequential(new Square(2), new Square(1));
    model.forward(Tensor.from([2]));
    const ballast = new Parameter(Tensor.zeros([memoryUsage().total / 4]));
    expect(model.backward(Tensor.from([1])).item()).toBe(128);
    ballast.dispose();
  });

  it('survives growth by its own first gradients, and its own result as input', () => {
    const filler: Parameter[] = [];
    const fill = () => {
      const { total, used } = memoryUsage();
      filler.push(new Parameter(Tensor.zeros([Math.floor((total - used) / 4) - 64])));
    };
    const model = new Sequential(new Square(2), new Square(1));
    const owner: Layer = new Square(3);
    const dy: Tensor = owner.forward(Tensor.from([1]));
    model.forward(Tensor.from([2]));
    fill();
    expect(model.backward(dy).item()).toBe(384);
    expect(model.forward(model.forward(Tensor.from([1]))).item()).toBe(1024);
    const y = model.forward(Tensor.from([1]));
    fill();
    const wide = model.forward({
      data: new Float32Array(100_000).fill(y.item()),
      shape: [100_000],
    });
    expect(wide.toArray().every((v) => v === 1024)).toBe(true);
    for (const parameter of filler) parameter.dispose();
  });
});

describe('state dicts', () => {
  class Net extends Module {
    first: Layer = new Square(1);
    rest = [new Sequential(new Square(2)), new Sequential({ last: new Square(3) })];
    override forward(x: Input): Tensor {
      let y = this.first.forward(x) as Tensor;
      for (const layer of this.rest) y = layer.forward(y);
      return y;
    }
  }

  it('are named by properties, indices and names', () => {
    expect(Object.keys(new Net().stateDict())).toEqual([
      'first.weight',
      'rest.0.0.weight',
      'rest.1.last.weight',
    ]);
  });

  it('load all or nothing', () => {
    const net = new Net();
    const state = net.stateDict();
    const { 'first.weight': _, ...without } = state;
    expect(() => net.loadStateDict(without)).toThrow(/missing: first.weight/);
    expect(() => net.loadStateDict({ ...state, extra: Tensor.from([1]) })).toThrow(
      /unexpected: extra/,
    );
    const misshapen = { ...state, 'first.weight': Tensor.from([9]), 'rest.0.0.weight': [[1, 2]] };
    const wide = { ...misshapen, 'rest.0.0.weight': Tensor.from([1, 2]) };
    expect(() => net.loadStateDict(wide)).toThrow(
      /nothing was loaded: rest.0.0.weight expected \[1\], got \[2\] \(pass \{ strict: false \}/,
    );
    expect(() => net.loadStateDict(misshapen as never, { strict: false })).toThrow(
      /loadStateDict: rest.0.0.weight: expected a Tensor/,
    );
    expect(net.stateDict()['first.weight']!.item()).toBe(1);
    expect(
      net.loadStateDict(
        { 'rest.1.last.weight': { data: [7], shape: [1] }, x: state['first.weight']! },
        { strict: false },
      ),
    ).toEqual({
      missing: ['first.weight', 'rest.0.0.weight'],
      unexpected: ['x'],
      mismatched: [],
    });
    expect(net.forward(Tensor.from([1])).item()).toBe(28);
    const partly = { 'first.weight': wide['first.weight'], 'rest.0.0.weight': Tensor.from([1, 2]) };
    expect(net.loadStateDict(partly, { strict: false })).toEqual({
      missing: ['rest.1.last.weight'],
      unexpected: [],
      mismatched: ['rest.0.0.weight'],
    });
    const loaded = Object.values(net.stateDict()).map((tensor) => Array.from(tensor.toArray()));
    expect(loaded).toEqual([[9], [2], [7]]);
  });
});
