import { describe, expect, it } from 'vitest';
import {
  Add,
  BatchNorm1d,
  Concat,
  GraphModule,
  graphOf,
  type Input,
  Linear,
  Module,
  ReLU,
  Sequential,
  type Tensor,
} from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(5);

/** Uses `fc` twice, has two inputs, and has a layer called x0. */
class Twice extends Module {
  x0 = new Linear(3, 4);
  fc = new Linear(4, 4);
  tail = new Sequential(new BatchNorm1d(4), new ReLU());
  sum = new Add();
  both = new Concat();

  override forward(inputs: Input | readonly Input[]): Tensor {
    const [a, b] = inputs as Tensor[];
    const h = this.fc.forward(this.x0.forward(a!));
    const twice = this.fc.forward(this.tail.forward(h));
    return this.both.forward([this.sum.forward([twice, h]), b!]);
  }
}

const shapes = [
  [5, 3],
  [5, 2],
];

describe('graphOf', () => {
  it('names every call, also the second of a layer, and gives shapes', () => {
    const { inputs, steps, output } = graphOf(new Twice(), shapes);
    expect(inputs).toEqual(['x0_', 'x1']);
    expect(steps.map(({ name, inputs }) => [name, ...inputs])).toEqual([
      ['x0', 'x0_'],
      ['fc', 'x0'],
      ['tail.0', 'fc'],
      ['tail.1', 'tail.0'],
      ['fc#2', 'tail.1'],
      ['sum', 'fc#2', 'fc'],
      ['both', 'sum', 'x1'],
    ]);
    expect(steps.at(-1)).toMatchObject({
      inputShapes: [
        [5, 4],
        [5, 2],
      ],
      shape: [5, 6],
    });
    expect(output).toBe('both');
  });

  it('is a GraphModule with the same bits and state', () => {
    const model = new Twice();
    const { steps, inputs, output } = graphOf(model, shapes);
    const graph = new GraphModule(steps, { inputs, output });
    expect(Object.keys(graph.stateDict()).sort()).toEqual(Object.keys(model.stateDict()).sort());
    const x = shapes.map((shape) => ({ data: random.normals(shape[0]! * shape[1]!), shape }));
    const dy = { data: random.normals(30), shape: [5, 6] };
    const run = (network: Module) => {
      network.zeroGrad();
      const y = network.forward(x).toArray();
      const dx = network.backward<Tensor[]>(dy).map((each) => each.toArray());
      return { y, dx, gradients: model.parameters().map(({ grad }) => grad!.toArray()) };
    };
    expect(run(graph)).toEqual(run(model));
  });
});

describe('GraphModule', () => {
  const fc = () => new Linear(3, 3);

  it('gives the last step, another step, or an input', () => {
    const steps = [
      { name: 'a', layer: fc(), inputs: ['x'] },
      { name: 'b', layer: fc(), inputs: ['a'] },
    ];
    const x = { data: random.normals(6), shape: [2, 3] };
    const [a, b] = steps.map(({ layer }) => layer) as [Linear, Linear];
    const first = a.predict(x);
    expect(new GraphModule(steps).predict(x)).toEqual(b.predict(first));
    expect(new GraphModule(steps, { output: 'a' }).predict(x)).toEqual(first);
  });

  it.each([
    [
      'a name twice',
      [
        ['a', ['x']],
        ['a', ['x']],
      ],
      {},
      /GraphModule.*a expected the layer of a/,
    ],
    ['the name of an input', [['x', ['x']]], {}, /each name once, got x twice/],
    [
      'a name of later',
      [
        ['a', ['b']],
        ['b', ['a']],
      ],
      {},
      /a expected inputs that earlier steps made/,
    ],
    ['no input', [['a', []]], {}, /steps\[0\]\.inputs/],
    [
      'an output that is none',
      [['a', ['x']]],
      { output: 'c' },
      /output expected the name of a step/,
    ],
  ] as const)('refuses %s', (_, steps, ends, message) => {
    const list = steps.map(([name, inputs]) => ({ name, layer: fc(), inputs }));
    expect(() => new GraphModule(list, ends)).toThrow(message);
  });

  it('refuses another number of inputs', () => {
    const graph = new GraphModule([{ name: 'a', layer: fc(), inputs: ['x'] }]);
    const x = { data: random.normals(3), shape: [1, 3] };
    expect(() => graph.forward([x, x])).toThrow('GraphModule: expected 1 inputs (x), got 2');
  });
});
