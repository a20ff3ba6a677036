import { describe, expect, it } from 'vitest';
import { AvgPool2d, Flatten, type Module, Sequential, Tensor, Unflatten } from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(1);
const x = { data: random.normals(2 * 3 * 4 * 5), shape: [2, 3, 4, 5] };

describe('Flatten and Unflatten', () => {
  it('give the same numbers another shape, both ways', () => {
    const cases: [Module, number[]][] = [
      [new Flatten(), [2, 60]],
      [new Flatten(0), [120]],
      [new Flatten(2), [2, 3, 20]],
      [new Flatten(-2), [2, 3, 20]],
      [new Flatten(1, 2), [2, 12, 5]],
      [new Flatten(1, -2), [2, 12, 5]],
      [new Unflatten(2, [2, 2]), [2, 3, 2, 2, 5]],
      [new Unflatten(-1, [5, 1]), [2, 3, 4, 5, 1]],
    ];
    for (const [layer, shape] of cases) {
      const y = layer.forward(x);
      expect(y.shape).toEqual(shape);
      expect(y.toArray()).toEqual(x.data);
      const dy = random.normals(120);
      const dx = layer.backward(Tensor.from(dy, shape));
      expect(dx.shape).toEqual(x.shape);
      expect(dx.toArray()).toEqual(dy);
    }
  });

  it('stand inside a model', () => {
    const pool = new AvgPool2d(2);
    const model = new Sequential(
      new AvgPool2d(2),
      new Flatten(),
      new Unflatten(1, [3, 2, 2]),
      new Flatten(2),
      new Flatten(),
    );
    const y = model.forward(x).toArray();
    expect(y).toEqual(pool.forward(x).toArray());
    const dy = random.normals(24);
    expect(model.backward(Tensor.from(dy, [2, 12])).toArray()).toEqual(
      pool.backward(Tensor.from(dy, [2, 3, 2, 2])).toArray(),
    );
  });

  it('name what is wrong', () => {
    const fails = (what: () => unknown, message: string) => {
      expect(what).toThrow(message);
      expect(what).toThrow(RangeError);
    };
    fails(
      () => new Flatten().forward(Tensor.from([1, 2])),
      'Flatten(): input expected to have axes 1 to -1, got [2]',
    );
    fails(() => new Flatten(0.5), 'Flatten: startDim expected a whole number');
    fails(
      () => new Unflatten(1, [2, 2]).forward(x),
      'Unflatten(1, [2, 2]): axis 1 expected 4 long, got input [2, 3, 4, 5]',
    );
  });
});
