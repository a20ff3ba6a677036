/** Training steps with Adam: of the two networks that the examples train, and of two ResNets. */
import { Adam, CrossEntropyLoss, type Module, manualSeed, memoryUsage } from 'evenkeel';
import { ResNet18, ResNet20 } from '../../examples/networks/resnet.ts';
import { cnn, mlp } from '../../examples/train/network.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import { fillUniform } from '../arena.ts';
import {
  againstTorch,
  type Bench,
  type Item,
  type NamedItem,
  type Prepared,
  values,
} from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';

/** What is trained, and the shape of its batches. */
const TRAINED = {
  mlp: { name: 'mlp + batch norm, batch 100', make: mlp, input: [100, 784] },
  cnn: { name: 'cnn + batch norm, batch 100', make: cnn, input: [100, 1, 28, 28] },
  resnet20: {
    name: 'ResNet-20, [64, 3, 32, 32]',
    make: () => new ResNet20(3),
    input: [64, 3, 32, 32],
  },
  resnet18: {
    name: 'ResNet-18, [4, 3, 224, 224]',
    make: () => new ResNet18(),
    input: [4, 3, 224, 224],
  },
} as const;
export type Network = keyof typeof TRAINED;
export const NETWORKS = Object.keys(TRAINED) as Network[];

export interface Stepper {
  readonly model: Module;
  /** One step; returns the loss before it. */
  step(): number;
  dispose(): void;
}

export function stepper(network: Network): Stepper {
  const { make, input } = TRAINED[network];
  return training(make(), input, input[0]);
}

/** Steps of a classifier, from weights that every library can make; biases are 0. */
export function training(model: Module, input: readonly number[], batch: number): Stepper {
  manualSeed(1);
  let seed = 100;
  for (const [name, parameter] of model.namedParameters()) {
    const { size, shape } = parameter;
    if (shape.length > 1) {
      const bound = 1 / Math.sqrt(size / shape[0]!);
      const data = fillUniform(new Float32Array(size), seed++).map((u) => 2 * u * bound);
      parameter.assign({ data, shape });
    } else if (name.includes('bias')) {
      parameter.assign({ data: new Float32Array(size), shape });
    }
  }
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const inputs = {
    data: fillUniform(new Float32Array(sizeOf(input)), 1).map((u) => u + 0.5),
    shape: input,
  };
  const targets = Int32Array.from({ length: batch }, (_, i) => i % 10);
  return {
    model,
    step() {
      const value = loss.forward(model.forward(inputs), targets);
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
      return value;
    },
    dispose() {
      model.dispose();
      optimizer.dispose();
    },
  };
}

export const shapeOf = (network: Network) => `${TRAINED[network].name}, Adam`;

/** Milliseconds a step, and the linear memory in use while it runs. */
function measureSteps({ rounds, milliseconds }: Effort): Measured[] {
  return NETWORKS.flatMap((network) => {
    const before = memoryUsage();
    const { step, dispose } = stepper(network);
    const effort = { rounds, milliseconds: 4 * milliseconds };
    const times = timeRounds({ step: { run: step } }, effort).step;
    const bytes = memoryUsage().used - before.used;
    dispose();
    const base = { shape: shapeOf(network) };
    return [
      { ...base, work: 'step', unit: 'ms' as const, value: statistic(times) },
      { ...base, work: 'memory', unit: 'MB' as const, value: statistic([bytes / 1e6]) },
    ];
  });
}

export function itemOf(network: Network): Item {
  return {
    work: 'step',
    shape: shapeOf(network),
    unit: 'ms',
    count: 1,
    of: { network, input: TRAINED[network].input },
    tolerance: 1e-3, // the third loss has the rounding of two steps
  };
}

function prepare({ of }: NamedItem): Prepared {
  return contestant(stepper(of.network as Network));
}

/** The results to agree with are the losses of three steps. */
export function contestant({ step, dispose }: Stepper): Prepared {
  return { run: () => void step(), outputs: () => [step(), step(), step()], dispose };
}

const bench: Bench = {
  subject: 'Networks',
  relaxed: true,
  measure: (_, effort) => measureSteps(effort),
  contest: {
    items: NETWORKS.map(itemOf),
    prepare: (_, item) => prepare(item),
  },
  goals: [
    {
      name: 'training step of the MLP, × PyTorch',
      ...{ must: 1.2, aim: 1.05, unit: '×' },
      why: '1.4 of 1.6 ms are matrix products, 79 MFLOP at 57 GFLOP/s, close to what 128-bit lanes can do. With AVX-512, PyTorch takes half of that, and the rest between its calls. Runs gave 1.16 to 1.25',
      of: (found) => againstTorch(found, ['step'], ({ shape }) => shape.startsWith('mlp')),
    },
    {
      name: 'training step of the CNN, × PyTorch',
      ...{ must: 2, aim: 1.6, unit: '×' },
      why: 'arithmetic: 5.5 GFLOP of convolutions run at 86 to 100 % of P, which 128-bit lanes limit to half of what AVX-512 gives PyTorch',
      of: (found) => againstTorch(found, ['step'], ({ shape }) => shape.startsWith('cnn')),
    },
    {
      name: 'training step of the CNN, relaxed build, Node 24, × PyTorch',
      ...{ must: 1.7, aim: 1.45, unit: '×' },
      of: (found) => againstTorch(found, ['step, relaxed'], ({ shape }) => shape.startsWith('cnn')),
    },
    {
      name: 'training step of ResNet-20, × PyTorch',
      ...{ must: 1.5, aim: 1.5, unit: '×' },
      of: (found) => againstTorch(found, ['step'], ({ shape }) => shape.startsWith('ResNet-20')),
    },
    {
      name: 'linear memory of the CNN step',
      ...{ must: 64, aim: 48, unit: 'MB' },
      of: ({ strict }) => values(strict, 'memory', 'cnn'),
    },
  ],
};
export default bench;
