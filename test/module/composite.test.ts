/** Who overrides `forward` how: callers of a composite always get a recorded step. */
import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  type Input,
  Layer,
  type LayerContext,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Sequential,
  Tensor,
} from '../../src/index.ts';

const X = Tensor.from([
  [1, -2, 3],
  [4, 5, -6],
  [0.5, 0, 1],
]);
const DY = Tensor.from([
  [1, 2],
  [3, -4],
  [0, 1],
]);

class Method extends Module {
  readonly first = new Linear(3, 4, { bias: false });
  readonly bn = new BatchNorm1d(4);
  readonly last = new Linear(4, 2);

  override forward(x: Input): Tensor {
    return this.last.forward(this.bn.forward(this.first.forward(x)));
  }
}

/** As a field: JavaScript defines it after the constructor of Module has run. */
class Field extends Module {
  readonly first = new Linear(3, 4, { bias: false });
  readonly bn = new BatchNorm1d(4);
  readonly last = new Linear(4, 2);

  constructor() {
    super();
    Object.defineProperty(this, 'forward', {
      value: (x: Tensor) => this.last.forward(this.bn.forward(this.first.forward(x))),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
}

class Getter extends Module {
  readonly first = new Linear(3, 4, { bias: false });
  readonly bn = new BatchNorm1d(4);
  readonly last = new Linear(4, 2);

  // @ts-expect-error TypeScript wants a method where the base class has one; JavaScript does not mind
  override get forward() {
    return (x: Tensor) => this.last.forward(this.bn.forward(this.first.forward(x)));
  }
}

class Heir extends Method {
  #calls = 0;

  override forward(x: Input): Tensor {
    this.#calls++;
    return super.forward(x);
  }

  get calls(): number {
    return this.#calls;
  }
}

class Grandchild extends Heir {}

class HeirOfSequential extends Sequential {
  constructor() {
    super(new Linear(3, 4, { bias: false }), new Sequential(new BatchNorm1d(4), new Linear(4, 2)));
  }
}

const COMPOSITES: [string, () => Module][] = [
  ['a method', () => new Method()],
  ['a field', () => new Field()],
  ['a getter', () => new Getter()],
  ['a subclass that calls super.forward', () => new Heir()],
  ['a subclass of a subclass', () => new Grandchild()],
  ['a subclass of Sequential', () => new HeirOfSequential()],
];

/** y, dx and the parameters' gradients of one step, and a prediction. */
function stepOf(model: Module): Float32Array[] {
  const y = model.forward(X).toArray();
  const dx = model.backward(DY).toArray();
  const gradients = model.parameters().map(({ grad }) => grad!.toArray());
  return [y, dx, ...gradients, model.predict(X).toArray()];
}

describe("a composite's forward", () => {
  it.each(COMPOSITES)('is a step when called with data: %s', (_, make) => {
    manualSeed(5);
    const expected = stepOf(new Method());
    manualSeed(5);
    expect(stepOf(make())).toEqual(expected);
  });

  it.each(COMPOSITES)('connects layers inside another module: %s', (_, make) => {
    manualSeed(5);
    const expected = stepOf(new Sequential(new Method(), new ReLU()));
    manualSeed(5);
    expect(stepOf(new Sequential(make(), new ReLU()))).toEqual(expected);
  });

  it('runs once for a batch shape, and may keep private fields', () => {
    const model = new Grandchild();
    for (let i = 0; i < 3; i++) model.forward(X);
    expect(model.calls).toBe(1);
  });

  it('follows a method that is put in its place later', () => {
    manualSeed(5);
    const model = new Method();
    const { first, last } = model;
    model.forward = (x) => last.forward(first.forward(x as Input));
    expect(model.forward(X).shape).toEqual([3, 2]);
    expect(model.backward(DY).shape).toEqual([3, 3]);
    expect(model.bn.numBatchesTracked!.value).toBe(0);
  });

  it('is asked for where there is none', () => {
    class Empty extends Module {
      readonly linear = new Linear(3, 2);
    }
    expect(() => new Empty().forward(X)).toThrow(
      'Empty: expected a Module with a forward(x), got none: implement it',
    );
  });
});

describe("a user's Layer", () => {
  class Square extends Layer {
    override outputShape(shape: readonly number[]) {
      return shape;
    }

    override compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void {
      ctx.save(ctx.inputShape).set(x);
      for (let i = 0; i < x.length; i++) y[i] = x[i]! * x[i]!;
    }

    override differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext): void {
      const [x] = ctx.saved;
      if (dx) for (let i = 0; i < dx.length; i++) dx[i] = 2 * x![i]! * dy[i]!;
    }
  }

  it('has the forward, backward and predict of every module, typed', () => {
    const square = new Square();
    const y: Tensor = square.forward(X);
    expect([...y.toArray()]).toEqual([1, 4, 9, 16, 25, 36, 0.25, 0, 1]);
    const dx: Tensor = square.backward(X);
    expect([...dx.toArray()].slice(0, 3)).toEqual([2, 8, 18]);
    expect(square.predict(X).shape).toEqual([3, 3]);
  });

  it('says which of its three methods is missing', () => {
    class Half extends Square {}
    Object.defineProperty(Half.prototype, 'differentiate', { value: undefined });
    expect(() => new Half().forward(X)).toThrow(
      /^Half: expected methods .*, got no differentiate: implement it$/,
    );
  });
});

describe("a composite's modules", () => {
  it('may stand in arrays, plain objects and Maps, nested at will', () => {
    class Nested extends Module {
      readonly blocks = [[new Linear(3, 3)], { inner: new Linear(3, 3) }];
      readonly heads = new Map([['digits', new Linear(3, 2)]]);

      override forward(x: Input): Tensor {
        const [[first], { inner }] = this.blocks as [[Linear], { inner: Linear }];
        return this.heads.get('digits')!.forward(inner.forward(first.forward(x)));
      }
    }
    const model = new Nested();
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      'blocks.0.0.weight',
      'blocks.0.0.bias',
      'blocks.1.inner.weight',
      'blocks.1.inner.bias',
      'heads.digits.weight',
      'heads.digits.bias',
    ]);
    expect(model.forward(X).shape).toEqual([3, 2]);
    const copy = model.clone();
    copy.heads.get('digits')!.weight.assign(Tensor.zeros([2, 3]));
    expect(copy.predict(X).toArray()).not.toEqual(model.predict(X).toArray());
    expect(copy.blocks[0]).not.toBe(model.blocks[0]);
  });

  it('may not be hidden: they would not be trained or saved', () => {
    class Hidden extends Module {
      #first = new Linear(3, 3);
      readonly last = new Linear(3, 2);

      override forward(x: Input): Tensor {
        return this.last.forward(this.#first.forward(x));
      }
    }
    expect(() => new Hidden().forward(X)).toThrow(
      'Hidden: Linear(3, 3) runs in its forward but would not be trained or saved',
    );
  });

  it('may not contain the composite itself', () => {
    class Loop extends Module {
      readonly linear = new Linear(3, 3);
      self: Module | undefined;

      override forward(x: Input): Tensor {
        return this.linear.forward((this.self ?? this.linear).forward(x));
      }
    }
    const model = new Loop();
    model.self = model;
    model.train().eval();
    expect(() => model.forward(X)).toThrow('Loop: calls itself in its own forward');
    model.dispose();
  });
});

describe('what a forward decides by this.training', () => {
  class Modal extends Module {
    readonly linear = new Linear(3, 3);
    readonly relu = new ReLU();

    override forward(x: Input): Tensor {
      const y = this.linear.forward(x);
      return this.training ? y : this.relu.forward(y);
    }
  }

  it('is decided anew for each mode, and as in evaluation by predict', () => {
    const model = new Sequential(new Modal());
    const trained = model.forward(X).toArray();
    expect(trained.some((value) => value < 0)).toBe(true);
    const clamped = trained.map((value) => Math.max(value, 0));
    expect(model.predict(X).toArray()).toEqual(clamped);
    expect(model.eval().forward(X).toArray()).toEqual(clamped);
    expect(model.train().forward(X).toArray()).toEqual(trained);
    expect(model.training).toBe(true);
  });
});

describe('inputs', () => {
  it('beyond what a layer takes are refused', () => {
    expect(() => new Linear(3, 2).predict([X, X])).toThrow(
      'Linear(3, 2): expected one input, got 2',
    );
    expect(() => new BatchNorm1d(3).forward([X, X])).toThrow('BatchNorm1d(3): expected one input');
  });

  it('are asked for', () => {
    expect(() => new Linear(3, 2).forward([])).toThrow('Linear(3, 2): expected an input, got none');
    expect(() => new Linear(3, 2).predict([])).toThrow('Linear(3, 2): expected an input, got none');
  });
});
