/** Operations on tensors in composites: as lists of steps, folded, and as ONNX files. */
import { describe, expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import { toLayersModel } from '../../src/keras/index.ts';
import { toONNX } from '../../src/onnx/index.ts';
import { toJSON } from '../../src/state/index.ts';
import { expectClose, randomInput } from '../onnx/compare.ts';
import { runOnnx } from '../onnx/runtime.ts';
import { TestRandom } from '../support/random.ts';
import { Calling, OPERATIONS, scaled } from './operations.ts';

const shape = [2, 3, 6];

describe('the operation', () => {
  it.each(Object.entries(OPERATIONS))(
    '%s is a step of a list, and nodes in ONNX',
    async (_, then) => {
      const model = new E.Sequential({ block: new Calling(then) });
      const random = new TestRandom(5);
      const { steps, inputs, output } = E.graphOf(model, shape);
      const graph = new E.GraphModule(steps, { inputs, output });
      const bytes = toONNX(model, { inputShape: shape });
      for (const n of [2, 5]) {
        const x = randomInput([n, 3, 6], random);
        const y = model.predict(x).clone();
        expect(graph.predict(x).toArray()).toEqual(y.toArray());
        expectClose(await runOnnx(bytes, [x]), y);
      }
      expect(Object.keys(graph.stateDict())).toEqual(Object.keys(model.stateDict()));
    },
  );

  it('has the name of the composite that called it, the second one a number', () => {
    const model = new E.Sequential({ block: new Calling(OPERATIONS.twice!), last: new E.ReLU() });
    const { steps, inputs, output } = E.graphOf(model, shape);
    const names = steps.map(({ name }) => name);
    expect(names).toEqual([
      ...['block.linear', 'block.mul', 'block.mul_2', 'block.mean', 'block.mul_3', 'block.add'],
      'last',
    ]);
    expect(
      E.graphOf(new E.GraphModule(steps, { inputs, output }), shape).steps.map(({ name }) => name),
    ).toEqual(names);
  });

  it('stays in what fold gives', () => {
    class Gate extends E.Module {
      conv = new E.Conv2d(2, 4, 3);
      bn = new E.BatchNorm2d(4);
      override forward(x: E.Input): E.Tensor {
        const y = this.bn.forward(this.conv.forward(x));
        return E.mul(y, E.sigmoid(E.mean(y, [2, 3], { keepdim: true })));
      }
    }
    const model = new Gate();
    const x = randomInput([3, 2, 6, 6], new TestRandom(6));
    model.forward(x);
    model.eval();
    const network = E.fold(model, [3, 2, 6, 6]);
    expect(network.folded).toEqual([{ layer: 'bn', into: 'conv' }]);
    expectClose(network.predict(x), model.predict(x));
    expect(E.summary(model, [3, 2, 6, 6])).toContain('sigmoid');
  });
});

describe('what cannot be written is refused with its place:', () => {
  const gate = () => new E.Sequential({ block: new Calling(OPERATIONS.mul!) });

  it('a Parameter of a composite, in a list of layers; ONNX has it under its key', async () => {
    const model = new E.Sequential({ block: scaled() });
    const message = /block\.parameter.*: a list of layers has no place for the Parameter \[1,6\]/;
    expect(() => E.graphOf(model, shape)).toThrow(message);
    expect(() => E.fold(model, shape)).toThrow(message);
    const bytes = toONNX(model, { inputShape: shape });
    const x = randomInput(shape, new TestRandom(7));
    expectClose(await runOnnx(bytes, [x]), model.predict(x));
    expect(new TextDecoder('latin1').decode(bytes)).toContain('block.scale');
  });

  it('random draws', () => {
    const model = new E.Sequential({ block: new Calling((x) => E.add(x, E.randn([3, 6]))) });
    expect(() => E.graphOf(model, shape)).toThrow(
      'graphOf: block.randn: a list of layers has no place for the random draw randn: make it an input',
    );
  });

  it('any operation, in a description or a layers model', () => {
    expect(() => toJSON(gate(), { shape })).toThrow(
      /^toJSON: block\.mul: a description has no operations on tensors, such as mul: register/,
    );
    expect(() => toLayersModel(gate(), { inputShape: shape })).toThrow(/block\.mul/);
  });
});
