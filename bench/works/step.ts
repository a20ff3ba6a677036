/** Training steps, batch 100, Adam, of the two networks that the examples train. */
import { Adam, CrossEntropyLoss, type Module, manualSeed, memoryUsage } from 'evenkeel';
import { cnn, mlp } from '../../examples/train/network.ts';
import { fillUniform } from '../arena.ts';
import { againstTorch, type Bench, type NamedItem, type Prepared, values } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';

const BATCH = 100;
const NETWORKS = ['mlp', 'cnn'] as const;
type Network = (typeof NETWORKS)[number];

export interface Stepper {
  readonly model: Module;
  /** One step; returns the loss before it. */
  step(): number;
  dispose(): void;
}

export function stepper(network: Network): Stepper {
  manualSeed(1);
  const model = network === 'mlp' ? mlp() : cnn();
  let seed = 100;
  for (const [, parameter] of model.namedParameters()) {
    if (parameter.shape.length < 2) continue;
    const bound = 1 / Math.sqrt(parameter.size / parameter.shape[0]!);
    const data = fillUniform(new Float32Array(parameter.size), seed++).map((u) => 2 * u * bound);
    parameter.assign({ data, shape: parameter.shape });
  }
  model
    .namedParameters()
    .at(-1)![1]
    .assign({ data: new Float32Array(10), shape: [10] });
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const inputs = {
    data: fillUniform(new Float32Array(BATCH * 784), 1).map((u) => u + 0.5),
    shape: network === 'mlp' ? [BATCH, 784] : [BATCH, 1, 28, 28],
  };
  const targets = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
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

const shapeOf = (network: Network) => `${network} + batch norm, batch ${BATCH}, Adam`;

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

/** The results to agree with are the losses of three steps. */
function prepare({ of }: NamedItem): Prepared {
  const { step, dispose } = stepper(of.network as Network);
  return { run: () => void step(), outputs: () => [step(), step(), step()], dispose };
}

const bench: Bench = {
  subject: 'Networks',
  relaxed: true,
  measure: (_, effort) => measureSteps(effort),
  contest: {
    items: NETWORKS.map((network) => ({
      work: 'step',
      shape: shapeOf(network),
      unit: 'ms',
      count: 1,
      of: { network },
      tolerance: 1e-3, // the third loss has the rounding of two steps
    })),
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
      name: 'linear memory of the CNN step',
      ...{ must: 64, aim: 48, unit: 'MB' },
      of: ({ strict }) => values(strict, 'memory', 'cnn'),
    },
  ],
};
export default bench;
