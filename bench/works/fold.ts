/** Inference of whole networks: as trained (batch norm and ReLU in one pass), and folded. */
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  fold,
  Linear,
  type Module,
  manualSeed,
  ReLU,
  Residual,
  Sequential,
} from 'evenkeel';
import { fillUniform } from '../arena.ts';
import { type Bench, type NamedItem, type Prepared, ratios } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';

/** A layer as JSON, from which the drivers of bench/peers build the same network. */
type Layer =
  | { op: 'linear'; inputs: number; outputs: number; bias: boolean }
  | {
      op: 'conv';
      inputs: number;
      outputs: number;
      kernel: number;
      stride: number;
      /** Padding before and after. */
      padding: [number, number];
      groups: number;
    }
  | { op: 'norm'; channels: number; image: boolean }
  | { op: 'relu' | 'flatten' }
  | { op: 'residual'; layers: Layer[] };

const relu: Layer = { op: 'relu' };

/** A convolution and its batch norm. */
function convNorm(
  [inputs, outputs]: [number, number],
  kernel: number,
  padding: number | [number, number],
  { stride = 1, groups = 1 } = {},
): Layer[] {
  const pair = typeof padding === 'number' ? ([padding, padding] as [number, number]) : padding;
  return [
    { op: 'conv', inputs, outputs, kernel, stride, padding: pair, groups },
    { op: 'norm', channels: outputs, image: true },
  ];
}

function dense(inputs: number, outputs: number): Layer[] {
  return [
    { op: 'linear', inputs, outputs, bias: false },
    { op: 'norm', channels: outputs, image: false },
    relu,
  ];
}

const block: Layer = {
  op: 'residual',
  layers: [...convNorm([32, 32], 3, 1), relu, ...convNorm([32, 32], 3, 1)],
};

interface Network {
  name: string;
  input: number[];
  layers: Layer[];
}

/** The networks of examples/train, a residual network's middle, and a depthwise separable block. */
const NETWORKS: Network[] = [
  {
    name: 'mlp',
    input: [784],
    layers: [
      ...dense(784, 200),
      ...dense(200, 100),
      ...dense(100, 60),
      ...dense(60, 30),
      { op: 'linear', inputs: 30, outputs: 10, bias: true },
    ],
  },
  {
    name: 'cnn',
    input: [1, 28, 28],
    layers: [
      ...convNorm([1, 24], 6, [2, 3]),
      relu,
      ...convNorm([24, 48], 5, 2, { stride: 2 }),
      relu,
      ...convNorm([48, 64], 4, 1, { stride: 2 }),
      relu,
      { op: 'flatten' },
      ...dense(3136, 200),
      { op: 'linear', inputs: 200, outputs: 10, bias: true },
    ],
  },
  { name: 'residual', input: [32, 16, 16], layers: [block, relu, block, relu] },
  {
    name: 'separable',
    input: [64, 28, 28],
    layers: [...convNorm([64, 64], 3, 1, { groups: 64 }), relu, ...convNorm([64, 64], 1, 0)],
  },
];

function moduleOf(layer: Layer): Module {
  switch (layer.op) {
    case 'linear':
      return new Linear(layer.inputs, layer.outputs, { bias: layer.bias });
    case 'conv': {
      const { inputs, outputs, kernel, stride, groups } = layer;
      const [before, after] = layer.padding;
      const padding = before === after ? before : 'same';
      return new Conv2d(inputs, outputs, kernel, { stride, padding, groups, bias: false });
    }
    case 'norm':
      return new (layer.image ? BatchNorm2d : BatchNorm1d)(layer.channels);
    case 'relu':
      return new ReLU();
    case 'flatten':
      return new Flatten();
    case 'residual':
      return new Residual(new Sequential(...layer.layers.map(moduleOf)));
  }
}

/** The network, with weights and running statistics that every driver can compute. */
function build(layers: readonly Layer[]): Module {
  manualSeed(1);
  const model = new Sequential(...layers.map(moduleOf));
  let seed = 100;
  for (const [name, parameter] of model.namedParameters()) {
    const { size, shape } = parameter;
    const data = fillUniform(new Float32Array(size), 0);
    if (shape.length > 1) {
      const bound = 1 / Math.sqrt(size / shape[0]!);
      const weight = fillUniform(data, seed++).map((u) => 2 * u * bound);
      parameter.assign({ data: weight, shape });
    } else if (name.endsWith('bias')) {
      parameter.assign({ data: data.fill(0), shape });
    }
  }
  seed = 200;
  for (const [name, buffer] of model.namedBuffers()) {
    const { size, shape } = buffer;
    const data = fillUniform(new Float32Array(size), seed++);
    buffer.assign({ data: name.endsWith('var') ? data.map((u) => u + 1) : data, shape });
  }
  return model;
}

function inputOf(shape: readonly number[]) {
  const data = fillUniform(new Float32Array(shape.reduce((a, b) => a * b)), 1);
  return { data, shape };
}

/** Milliseconds a `predict`. */
function measureFold(effort: Effort): Measured[] {
  return NETWORKS.flatMap(({ name, input, layers }) =>
    [1, 32].flatMap((n) => {
      using model = build(layers);
      using network = fold(model);
      const x = inputOf([n, ...input]);
      const times = timeRounds(
        {
          unfolded: { run: () => void model.predict(x) },
          folded: { run: () => void network.predict(x) },
        },
        effort,
      );
      const base = { shape: `${name}, batch ${n}`, unit: 'ms' as const };
      const ratio = statistic(times.folded.map((ms, round) => ms / times.unfolded[round]!));
      return [
        { ...base, work: 'unfolded', value: statistic(times.unfolded) },
        {
          ...base,
          work: 'folded',
          value: statistic(times.folded),
          ratio: { of: '× unfolded', ...ratio },
        },
      ];
    }),
  );
}

function prepare({ work, of }: NamedItem): Prepared {
  const model = build(of.layers as Layer[]);
  const network = work === 'folded' ? fold(model) : model;
  const x = inputOf(of.input as number[]);
  return {
    run: () => void network.predict(x),
    outputs: () => network.predict(x).toArray(),
    dispose() {
      model.dispose();
      if (network !== model) network.dispose();
    },
  };
}

const bench: Bench = {
  subject: 'Networks',
  measure: (_, effort) => measureFold(effort),
  contest: {
    items: NETWORKS.flatMap(({ name, input, layers }) =>
      [1, 32].flatMap((n) =>
        ['unfolded', 'folded'].map((work) => ({
          work,
          shape: `${name}, batch ${n}`,
          unit: 'ms' as const,
          count: 1,
          of: { layers, input: [n, ...input] },
          tolerance: 1e-4,
        })),
      ),
    ),
    prepare: (_, item) => prepare(item),
  },
  goals: [
    {
      name: 'inference of a folded network, × the unfolded one',
      ...{ must: 1, aim: 0.9, unit: '×' },
      why: 'equal within the noise: unfolded, batch norm and ReLU are one pass, beside a convolution that takes twenty times as long. Folding saves that pass',
      of: ({ strict }) => ratios(strict, 'folded'),
    },
  ],
};
export default bench;
