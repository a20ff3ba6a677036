/**
 * What watching costs: ten training steps with `watch(model, { every: 10 })`, of which one is watched, × ten
 * without. Both are measured in turn, in the same round.
 */
import { watch } from 'evenkeel/inspect';
import { type Bench, ratios } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';
import { stepper } from './step.ts';

const NETWORKS = ['mlp', 'cnn'] as const;
const EVERY = 10;

function measureWatch({ rounds, milliseconds }: Effort): Measured[] {
  return NETWORKS.map((network) => {
    const [plain, watched] = [stepper(network), stepper(network)];
    const watcher = watch(watched.model, { every: EVERY });
    const tenOf = (step: () => number) => ({
      run() {
        for (let i = 0; i < EVERY; i++) step();
      },
    });
    const times = timeRounds(
      { plain: tenOf(plain.step), watched: tenOf(watched.step) },
      { rounds, milliseconds: 16 * milliseconds },
    );
    watcher.stop();
    for (const { dispose } of [plain, watched]) dispose();
    return {
      work: 'ten steps, one of them watched',
      shape: `${network} + batch norm, batch 100, Adam`,
      unit: 'ms' as const,
      value: statistic(times.watched),
      ratio: { of: '× without', ...statistic(times.plain.map((ms, i) => ms / times.watched[i]!)) },
    };
  });
}

const bench: Bench = {
  subject: 'Networks',
  shown: [], // the goal says it
  measure: (_, effort) => measureWatch(effort),
  goals: [
    {
      name: 'throughput when every tenth step is watched, × without',
      ...{ must: 0.95, aim: 0.98, unit: '×', more: true },
      why: 'a step of the CNN costs 50 times as much as what is measured; a step of the perceptron takes 1.6 ms, and measuring its 140,000 activations and 3 × 160,000 weights, gradients and updates most of another',
      of: ({ strict }) => ratios(strict, 'ten steps, one of them watched'),
    },
  ],
};
export default bench;
