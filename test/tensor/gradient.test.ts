/** Gradients that a user sets, reads and removes, as PyTorch's `parameter.grad`. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  Adam,
  clipGradNorm,
  clipGradValue,
  gradNorm,
  type Input,
  Linear,
  memoryUsage,
  Parameter,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';

const made: { dispose(): void }[] = [];
afterEach(() => {
  for (const thing of made.splice(0)) thing.dispose();
});

function track<T extends { dispose(): void }>(thing: T): T {
  made.push(thing);
  return thing;
}

const parameter = () => track(new Parameter(Tensor.from([[1, 2, 3]])));
const sgd = (...params: Parameter[]) => track(new SGD(params, { lr: 1 }));
const valuesOf = ({ data }: Parameter) => Array.from(data.toArray());

describe('parameter.grad', () => {
  it.each<[string, unknown]>([
    ['a Tensor', Tensor.from([[4, 5, 6]])],
    ['data and shape', { data: [4, 5, 6], shape: [1, 3] }],
    ['nested arrays', [[4, 5, 6]]],
    ['flat numbers', [4, 5, 6]],
    ['a typed array', new Float64Array([4, 5, 6])],
  ])('takes %s before the first backward, and a step uses it', (_, given) => {
    const p = parameter();
    const optimizer = sgd(p);
    p.grad = given as Input;
    expect(p.grad!.shape).toEqual([1, 3]);
    optimizer.step();
    expect(valuesOf(p)).toEqual([-3, -3, -3]);
  });

  it('is copied', () => {
    const p = parameter();
    const given = new Float32Array([4, 5, 6]);
    p.grad = given;
    given.fill(9);
    expect(Array.from(p.grad!.toArray())).toEqual([4, 5, 6]);
  });

  it('counts after zeroGrad, assigned or written', () => {
    const p = parameter();
    const optimizer = sgd(p);
    p.grad = [1, 1, 1];
    optimizer.zeroGrad();
    optimizer.step();
    expect(valuesOf(p)).toEqual([1, 2, 3]); // PyTorch's grad is None there, and the step skips it
    p.grad!.set([1, 1, 1]);
    expect(gradNorm([p])).toBe(Math.sqrt(3));
    optimizer.step();
    expect(valuesOf(p)).toEqual([0, 1, 2]);
    optimizer.zeroGrad();
    p.grad = Tensor.zeros([1, 3]);
    const adam = track(new Adam([p]));
    adam.step();
    expect(adam.stateDict().state[0]!.step!.item()).toBe(1); // zeros are a gradient, too
  });

  it('null removes it, until the next backward', () => {
    const model = track(new Sequential(new Linear(2, 2), new ReLU(), new Linear(2, 1)));
    const optimizer = track(new SGD(model.parameters(), { lr: 1, momentum: 0.9 }));
    const step = () => {
      model.forward(Tensor.from([[1, 2]]));
      model.backward(Tensor.from([[1]]));
    };
    step();
    optimizer.step();
    const [first] = model.parameters() as [Parameter];
    const kept = first.grad!;
    const before = valuesOf(first);
    first.grad = null;
    expect(first.grad).toBeNull();
    expect(() => kept.toArray()).toThrow('Parameter: used after dispose() or grad = null');
    optimizer.step();
    expect(valuesOf(first)).toEqual(before);
    step();
    expect(first.grad!.shape).toEqual([2, 2]);
    const { used } = memoryUsage();
    for (let i = 0; i < 5; i++) {
      for (const p of model.parameters()) p.grad = null;
      step();
    }
    expect(memoryUsage().used).toBeLessThanOrEqual(used);
  });

  it('adds up with a backward that follows', () => {
    const layer = track(new Linear(2, 1, { bias: false }));
    layer.weight.grad = [[10, 20]];
    layer.forward(Tensor.from([[1, 2]]));
    layer.backward(Tensor.from([[1]]));
    expect(Array.from(layer.weight.grad!.toArray())).toEqual([11, 22]);
  });

  it('may be set while the parameter is frozen, and counts when it is not', () => {
    const p = parameter();
    const optimizer = sgd(p);
    p.requiresGrad = false;
    p.grad = [1, 1, 1];
    optimizer.step();
    expect(valuesOf(p)).toEqual([1, 2, 3]);
    p.requiresGrad = true;
    optimizer.step();
    expect(valuesOf(p)).toEqual([0, 1, 2]);
  });

  it('refuses what is none, and keeps the one that was there', () => {
    const p = parameter();
    const assign = (given: unknown) => () => {
      p.grad = given as Input;
    };
    const fails: [given: unknown, message: string][] = [
      [Tensor.zeros([3, 1]), 'Parameter.grad: expected [1, 3], got [3, 1]'],
      [[1, 2], 'Parameter.grad: expected [1, 3], got [2]'],
      [7, 'Parameter.grad: expected [1, 3], got []'],
      [{ data: [1, 2, 'x'], shape: [1, 3] }, 'Parameter.grad: data expected numbers'],
      [undefined, 'Parameter.grad: expected a Tensor'],
      ['abc', 'Parameter.grad: expected a Tensor'],
    ];
    for (const [given, message] of fails) {
      expect(assign(given)).toThrow(message);
      expect(p.grad).toBeNull();
    }
    p.grad = [4, 5, 6];
    for (const [given, message] of fails) expect(assign(given)).toThrow(message);
    expect(Array.from(p.grad!.toArray())).toEqual([4, 5, 6]);
    p.dispose();
    expect(assign([1, 2, 3])).toThrow('Parameter: used after dispose()');
  });
});

describe('gradients of a model', () => {
  it('zeroGrad sets all to zero, and a step then skips them', () => {
    const model = track(new Sequential(new Linear(2, 3), new Linear(3, 1)));
    const optimizer = track(new SGD(model.parameters(), { lr: 1, weightDecay: 0.5 }));
    model.zeroGrad(); // before there are any
    model.forward(Tensor.from([[1, 2]]));
    model.backward(Tensor.from([[1]]));
    const before = model.stateDict();
    model.zeroGrad();
    expect(model.parameters().flatMap(({ grad }) => [...grad!.toArray()])).toEqual(
      new Array(13).fill(0),
    );
    optimizer.step();
    expect(model.stateDict()).toEqual(before);
  });

  it('clipping: no gradients at all, an infinite limit, and a disposed parameter', () => {
    const [a, b] = [parameter(), parameter()];
    expect(clipGradNorm([], 1)).toBe(0);
    expect(clipGradNorm([a, b], 1)).toBe(0);
    a.grad = [3, 0, 4];
    b.grad = [1, 1, 1];
    b.dispose();
    expect(clipGradNorm([a, b], Infinity)).toBe(5);
    clipGradValue([a, b], Infinity);
    expect(Array.from(a.grad!.toArray())).toEqual([3, 0, 4]);
    expect(clipGradNorm([a, b], 0)).toBe(5);
    expect(Array.from(a.grad!.toArray())).toEqual([0, 0, 0]);
  });

  it('two optimizers of one parameter each take their step', () => {
    const p = parameter();
    const [first, second] = [sgd(p), sgd(p)];
    p.grad = [1, 1, 1];
    first.step();
    second.step();
    expect(valuesOf(p)).toEqual([-1, 0, 1]);
    second.zeroGrad();
    first.step();
    expect(valuesOf(p)).toEqual([-1, 0, 1]);
  });
});
