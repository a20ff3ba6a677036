/** A layer that a model uses twice runs as often and in the order that its author wrote, fused or not. */
import { describe, expect, it } from 'vitest';
import {
  Add,
  BatchNorm1d,
  Dropout,
  type Input,
  LayerNorm,
  Linear,
  Module,
  manualSeed,
  ReLU,
  SpectralNorm,
  Tensor,
  WeightNorm,
} from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

const WIDTH = 6;

/** Draws which layers run on which tensors: each step reads one or two of the tensors before it. */
class Drawn extends Module {
  readonly layers: Module[] = [
    new Linear(WIDTH, WIDTH),
    new BatchNorm1d(WIDTH),
    new SpectralNorm(new Linear(WIDTH, WIDTH)),
    new WeightNorm(new Linear(WIDTH, WIDTH, { bias: false })),
    new ReLU(),
    new ReLU(),
    new LayerNorm(WIDTH),
    new Dropout(0.25),
  ];
  readonly add = new Add();
  private readonly program: readonly (readonly [layer: number, from: number, and: number])[];

  constructor(seed: number) {
    super();
    const random = new TestRandom(seed);

    this.program = Array.from({ length: 12 }, (_, i) => [
      random.integer(this.layers.length + 1),
      Math.max(0, i - random.integer(3)),
      random.integer(i + 1),
    ]);
  }

  override forward(x: Input): Tensor {
    const values = [x];
    for (const [layer, from, and] of this.program) {
      const used = this.layers[layer];
      values.push(
        used ? used.forward(values[from]!) : this.add.forward([values[from]!, values[and]!]),
      );
    }
    return this.add.forward(values.slice(-3));
  }
}

/** Lets no layer take over a ReLU. */
function apart<M extends Module>(model: M): M {
  for (const [, layer] of model.namedModules()) {
    Object.defineProperty(layer, 'reluEpilogue', { value: undefined });
  }
  return model;
}

/** All bits that two training steps, the state and a prediction have. */
function bitsOf(make: () => Module): Record<string, number[]> {
  manualSeed(5);
  const model = make();
  const random = new TestRandom(11);
  const draw = () => ({ data: random.normals(8 * WIDTH), shape: [8, WIDTH] });
  const found: Record<string, Tensor> = {};
  for (const step of [1, 2]) {
    found[`y ${step}`] = model.forward(draw()).clone();
    found[`dx ${step}`] = model.backward(draw()).clone();
    for (const [name, { grad }] of model.namedParameters()) {
      if (grad) found[`d ${name} ${step}`] = grad.clone();
    }
  }
  Object.assign(found, model.stateDict(), { prediction: model.predict(draw()) });
  model.dispose();
  const bits = (tensor: Tensor) => [...new Int32Array(tensor.toArray().buffer)];
  return Object.fromEntries(Object.entries(found).map(([name, of]) => [name, bits(of)]));
}

describe('a network that uses layers twice', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'gives the same bits fused: %i',
    (seed) => {
      expect(bitsOf(() => new Drawn(seed))).toEqual(bitsOf(() => apart(new Drawn(seed))));
    },
  );

  /** p = layer(a); q = layer(b), where a comes later in what consumes them. */
  class Twice extends Module {
    readonly relus = [new ReLU(), new ReLU()];
    readonly add = new Add();
    constructor(readonly layer: Module) {
      super();
    }
    override forward([a, b]: Tensor[]): Tensor {
      const p = this.layer.forward(a!);
      const q = this.layer.forward(b!);
      return this.add.forward([this.relus[1]!.forward(q), this.relus[0]!.forward(p)]);
    }
  }
  const a = Tensor.from([[1], [3], [4], [8]]);
  const b = Tensor.from([[10], [-30], [5], [21]]);

  it.each([
    ['batch norm', () => new BatchNorm1d(1)],
    ['spectral norm', () => new SpectralNorm(new Linear(1, 3))],
  ])('leaves the state and the output that layer by layer give: %s', (_, make) => {
    manualSeed(2);
    const layer = make();
    manualSeed(2);
    const model = new Twice(make());
    const p = layer.forward(a).toArray();
    const q = layer.forward(b).toArray();
    const want = p.map((value, i) => Math.max(value, 0) + Math.max(q[i]!, 0));
    expect(model.forward([a, b]).toArray()).toEqual(want);
    expect(Object.values(model.stateDict())).toEqual(Object.values(layer.stateDict()));
  });
});
