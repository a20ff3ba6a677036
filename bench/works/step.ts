/** Training steps, batch 100, Adam, of the two networks that the examples train. */
import { Adam, CrossEntropyLoss, manualSeed, memoryUsage } from 'evenkeel';
import { cnn, mlp } from '../../examples/train/network.ts';
import { fillUniform } from '../arena.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Row } from '../scene.ts';
import { BATCH } from './shapes.ts';

export const NETWORKS = ['mlp', 'cnn'] as const;
export type Network = (typeof NETWORKS)[number];

export interface Stepper {
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

/** Milliseconds a step, and the linear memory that is taken while it runs. */
export function measureSteps({ rounds, milliseconds }: Effort): Row[] {
  return NETWORKS.flatMap((network) => {
    const before = memoryUsage();
    const { step, dispose } = stepper(network);
    const effort = { rounds, milliseconds: 4 * milliseconds };
    const times = timeRounds({ step: { run: step } }, effort).step;
    const bytes = memoryUsage().used - before.used;
    dispose();
    const shape = `${network} + batch norm, batch ${BATCH}, Adam`;
    const base = { group: 'step', shape };
    return [
      { ...base, work: 'step', unit: 'ms' as const, value: statistic(times) },
      { ...base, work: 'memory', unit: 'MB' as const, value: statistic([bytes / 1e6]) },
    ];
  });
}
