/** What a program does in the wrong order, or from inside a step: an error that says so, and nothing is lost. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  type Input,
  Layer,
  Linear,
  Module,
  manualSeed,
  memoryUsage,
  ReLU,
  Sequential,
  SGD,
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

/** Passes x on, and calls what the test wants in the middle of the step. */
class Interrupt extends Layer {
  onCompute: (() => void) | undefined;
  onDifferentiate: (() => void) | undefined;

  override outputShape(shape: readonly number[]) {
    return shape;
  }

  override compute(x: Float32Array, y: Float32Array): void {
    this.onCompute?.();
    y.set(x);
  }

  override differentiate(dy: Float32Array, dx: Float32Array | null): void {
    this.onDifferentiate?.();
    dx?.set(dy);
  }
}

function network() {
  manualSeed(9);
  const interrupt = new Interrupt();
  const model = new Sequential(
    new Linear(3, 5, { bias: false }),
    new BatchNorm1d(5),
    interrupt,
    new ReLU(),
    new Linear(5, 2),
  );
  return { model, interrupt };
}

/** y, dx and gradients of a step, as bits. */
function stepOf(model: Module): Float32Array[] {
  const y = model.forward(X).toArray();
  const dx = model.backward(DY).toArray();
  return [y, dx, ...model.parameters().map(({ grad }) => grad!.toArray())];
}

/** Memory of others, which nobody may write. */
let bystander: Linear;
let before: Float32Array;
beforeEach(() => {
  manualSeed(4);
  bystander = new Linear(100, 100);
  before = bystander.weight.data.toArray();
});
afterEach(() => {
  expect(bystander.weight.data.toArray()).toEqual(before);
  bystander.dispose();
});

describe('a tensor of a finished forward', () => {
  class Keeper extends Module {
    readonly first = new Linear(3, 5);
    readonly last = new Linear(5, 2);
    features: Tensor | undefined;

    override forward(x: Input): Tensor {
      this.features = this.first.forward(x);
      return this.last.forward(this.features);
    }
  }

  it('cannot be given to a layer', () => {
    const model = new Keeper();
    const expected = stepOf(model);
    expect(() => model.last.forward(model.features!)).toThrow(
      'Linear(5, 2): got a tensor of another forward',
    );
    for (const parameter of model.parameters()) parameter.zeroGrad();
    expect(stepOf(model)).toEqual(expected);
  });

  it('cannot enter the next trace', () => {
    class Late extends Keeper {
      override forward(x: Input): Tensor {
        const kept = this.features;
        super.forward(x);
        return kept ? this.last.forward(kept) : super.forward(x);
      }
    }
    const model = new Late();
    model.forward(X);
    expect(() => model.forward(Tensor.zeros([4, 3]))).toThrow('got a tensor of another forward');
  });
});

describe('a model called from inside its own step', () => {
  for (const call of ['forward', 'predict'] as const) {
    it(`refuses ${call}, and goes on`, () => {
      const { model, interrupt } = network();
      const expected = stepOf(network().model);
      let said = '';
      interrupt.onCompute = () => {
        try {
          model[call](Tensor.zeros([7, 3]));
        } catch (error) {
          said = (error as Error).message;
        }
      };
      expect(stepOf(model)).toEqual(expected);
      expect(said).toMatch(
        /^Sequential: (forward|predict) was called inside the model's own forward/,
      );
    });
  }

  it('refuses backward in a forward, and forward in a backward', () => {
    const { model, interrupt } = network();
    model.forward(X);
    interrupt.onCompute = () => void model.backward(DY);
    expect(() => model.forward(X)).toThrow("backward was called inside the model's own forward");
    interrupt.onCompute = undefined;
    model.forward(X);
    interrupt.onDifferentiate = () => void model.forward(X);
    expect(() => model.backward(DY)).toThrow("forward was called inside the model's own backward");
    interrupt.onDifferentiate = undefined;
    for (const parameter of model.parameters()) parameter.zeroGrad();
    model.train();
    expect(stepOf(model)[0]!.length).toBe(6);
  });
});

describe('dispose from inside a step', () => {
  it('lets the step end on memory that nobody else gets meanwhile', () => {
    const { model, interrupt } = network();
    const others: Linear[] = [];
    interrupt.onCompute = () => {
      model.dispose();
      for (let i = 0; i < 20; i++) others.push(new Linear(30, 30));
    };
    manualSeed(1);
    const expected = Array.from({ length: 20 }, () => new Linear(30, 30));
    manualSeed(1);
    expect(() => model.forward(X)).toThrow("dispose() was called inside the model's own forward");
    expect(others.map(({ weight }) => weight.data.toArray())).toEqual(
      expected.map(({ weight }) => weight.data.toArray()),
    );
    interrupt.onCompute = undefined;
    expect(() => model.forward(X)).toThrow('used after dispose()');
    for (const linear of [...others, ...expected]) linear.dispose();
  });

  it('is refused while the forward of a composite is traced', () => {
    class Disposing extends Module {
      readonly first = new Linear(3, 5);
      readonly last = new Linear(5, 2);
      victim: Module | undefined;

      override forward(x: Input): Tensor {
        const y = this.last.forward(this.first.forward(x));
        this.victim?.dispose();
        return y;
      }
    }
    for (const which of ['first', 'self'] as const) {
      const { used } = memoryUsage();
      const model = new Disposing();
      const others: Linear[] = [];
      const victim = which === 'self' ? model : model.first;
      model.victim = { dispose: () => victim.dispose() } as Module;
      expect(() => model.forward(X)).toThrow('Disposing: used after dispose()');
      for (let i = 0; i < 3; i++) others.push(new Linear(3, 5));
      const before = others.map(({ weight }) => weight.data.toArray());
      expect(() => model.predict(X)).toThrow('Disposing: used after dispose()');
      expect(others.map(({ weight }) => weight.data.toArray())).toEqual(before);
      for (const linear of others) linear.dispose();
      model.dispose();
      expect(memoryUsage().used).toBe(used);
    }
  });

  it('gives all memory back', () => {
    const { used } = memoryUsage();
    const { model, interrupt } = network();
    interrupt.onDifferentiate = () => model.dispose();
    model.forward(X);
    expect(() => model.backward(DY)).toThrow(
      "dispose() was called inside the model's own backward",
    );
    expect(memoryUsage().used).toBe(used);
  });
});

describe('a step that fails half-way', () => {
  it('makes older results stale, leaves no backward, and can be tried again', () => {
    const { model, interrupt } = network();
    const expected = stepOf(network().model);
    const old = model.forward(X);
    interrupt.onCompute = () => {
      throw new Error('half-way');
    };
    expect(() => model.forward(X)).toThrow('half-way');
    expect(() => old.toArray()).toThrow('was overwritten');
    expect(() => model.backward(DY)).toThrow(
      'Sequential: the last step ended with an error: call forward again first',
    );
    interrupt.onCompute = undefined;
    expect(stepOf(model).slice(0, 2)).toEqual(expected.slice(0, 2));
  });

  it('leaves no second backward after a backward that failed', () => {
    const { model, interrupt } = network();
    model.forward(X);
    interrupt.onDifferentiate = () => {
      throw new Error('half-way');
    };
    expect(() => model.backward(DY)).toThrow('half-way');
    expect(() => model.backward(DY)).toThrow('the last step ended with an error');
  });

  it('keeps a pending backward where the forward is refused before it begins', () => {
    const { model } = network();
    model.forward(X);
    expect(() => model.forward(Tensor.zeros([3, 4]))).toThrow(RangeError);
    expect(model.backward(DY).shape).toEqual([3, 3]);
  });
});

describe('between forward and backward', () => {
  it('a parameter that begins to be trained gets no gradient of this forward', () => {
    const { model } = network();
    const first = model.at<Linear>(0);
    first.weight.requiresGrad = false;
    model.forward(X);
    first.weight.requiresGrad = true;
    model.backward(DY);
    expect(first.weight.touched).toBe(false);
    model.forward(X);
    model.backward(DY);
    expect(first.weight.touched).toBe(true);
  });

  it('changed weights are refused', () => {
    const { model } = network();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    model.forward(X);
    model.backward(DY);
    model.forward(X);
    optimizer.step();
    expect(() => model.backward(DY)).toThrow('a parameter was changed after the forward');
    model.forward(X);
    expect(model.backward(DY).shape).toEqual([3, 3]);
  });

  class Pair extends Module {
    first = new Linear(3, 5);
    last = new Linear(5, 2);

    override forward(x: Input): Tensor {
      return this.last.forward(this.first.forward(x));
    }
  }

  it('an exchanged layer gets its gradient, and the layer in its place none', () => {
    const model = new Pair();
    const { first } = model;
    const expected = stepOf(model);
    for (const parameter of model.parameters()) parameter.zeroGrad();
    model.forward(X);
    model.first = new Linear(3, 5);
    model.predict(X);
    expect(model.backward(DY).toArray()).toEqual(expected[1]);
    expect(first.weight.grad!.toArray()).toEqual(expected[2]);
    expect(model.first.weight.grad).toBeNull();
  });

  it('an exchanged layer that is disposed of is refused, and takes no memory', () => {
    const model = new Pair();
    const { used } = memoryUsage();
    model.forward(X);
    const workspace = memoryUsage().used - used;
    const { first } = model;
    model.first = new Linear(3, 5);
    first.dispose();
    expect(() => model.backward(DY)).toThrow('Pair: used after dispose()');
    expect(memoryUsage().used).toBe(used + workspace);
  });

  it('an input gradient of a layer that was disposed of since is refused', () => {
    const model = new Pair();
    model.first.freeze();
    model.forward(X);
    const dx = model.backward(DY);
    model.first.dispose();
    expect(() => dx.toArray()).toThrow('Pair: used after dispose()');
  });
});
