/** Operators that become operations on tensors: arithmetic of tensors of several shapes, and functions of one. */
import { expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import { fromONNX, toONNX } from '../../src/onnx/index.ts';
import type { Draft } from '../../src/onnx/schema.ts';
import { INT64 } from '../../src/onnx/tensors.ts';
import { decode, encode } from '../../src/onnx/wire.ts';
import { TestRandom } from '../support/random.ts';
import { expectClose, randomInput } from './compare.ts';

class Calling extends E.Module {
  constructor(readonly then: (...x: E.Tensor[]) => E.Tensor) {
    super();
  }

  override forward(x: E.Tensor | readonly E.Tensor[]): E.Tensor {
    return this.then(...[x as E.Tensor | E.Tensor[]].flat());
  }
}

const random = new TestRandom(12);
const table = randomInput([3, 4], random);
const column = randomInput([3, 1], random);

const CASES: Readonly<Record<string, (a: E.Tensor, b: E.Tensor) => E.Tensor>> = {
  'sums of tensors that broadcast': (a, b) => E.add(a, b),
  differences: (a, b) => E.sub(b, a),
  'products, the smaller first': (a, b) => E.mul(b, a),
  'products that make both larger': (a, b) => E.mul(b, E.slice(a, 2, 1, 2)),
  quotients: (a, b) => E.div(a, E.add(E.exp(b), 1)),
  'the same tensor twice': (a, b) => E.sub(E.mul(a, a), b),
  'numbers that are not one for each channel': (a, b) => E.mul(E.add(a, table), E.sub(column, b)),
  'a number by a tensor': (a, b) => E.div(2, E.add(E.abs(E.add(a, b)), 1)),
  'functions of one tensor': (a, b) => E.sqrt(E.add(E.exp(E.neg(a)), E.square(E.log(E.exp(b))))),
  parts: (a, b) => E.add(E.slice(a, 1, -2), E.slice(E.slice(b, 1, 0, 1), 2, 0, 4)),
  'products of matrices': (a, b) => E.matmul(a, E.transpose(E.add(a, b), 1, 2)),
  'a product with stacked matrices': (a, b) => E.matmul(E.add(a, b), E.reshape(table, [1, 4, 3])),
};

it.each(Object.entries(CASES))('%s', (_, then) => {
  const model = new Calling(then);
  const inputShape = [
    [2, 3, 4],
    [2, 1, 4],
  ];
  const again = fromONNX(toONNX(model, { inputShape }));
  for (const samples of [2, 5]) {
    const x = [randomInput([samples, 3, 4], random), randomInput([samples, 1, 4], random)];
    expectClose(again.predict(x), model.predict(x));
    const dy = randomInput(again.forward(x).shape, random);
    const dx = again.backward<E.Tensor[]>(dy).map((each) => each.clone());
    model.forward(x);
    for (const [i, each] of model.backward<E.Tensor[]>(dy).entries()) expectClose(dx[i]!, each);
  }
});

it('the quotient of whole numbers is refused: it would be whole', () => {
  const inputShape = [
    [2, 3],
    [2, 3],
  ];
  const bytes = toONNX(new Calling((a, b) => E.div(a, b)), { inputShape });
  const { graph, ...file } = decode('Model', bytes);
  const input = graph!.input.map((each) => ({
    ...each,
    type: { tensorType: { ...each.type!.tensorType!, elemType: INT64 } },
  }));
  const whole = encode('Model', { ...file, graph: { ...graph!, input } } as Draft<'Model'>);
  expect(() => fromONNX(whole)).toThrow('whose quotient is whole');
});

it('Add and Mul of tensors of the same shape are layers', () => {
  const gate = new Calling((a, b) => E.mul(E.add(a, b), b));
  const inputShape = [
    [2, 3],
    [2, 3],
  ];
  const { steps } = E.graphOf(fromONNX(toONNX(gate, { inputShape })), inputShape);
  expect(steps.map(({ layer }) => layer.constructor)).toEqual([E.Add, E.Multiply]);
});
