/** (k) Moving averages against batch statistics at inference. */
import { accuracy, type Module } from 'evenkeel';
import { lineChart } from '../../shared/charts.ts';
import type { Data } from '../../train/images.ts';
import { type Experiment, type Point, product, type Result } from '../experiment.ts';
import { batchNorms, convolutional, dense } from '../networks.ts';
import { grouped, interval, percentText } from '../statistics.ts';
import { testBatches, train } from '../training.ts';
import { measuredOf, numbers } from './shared.ts';

const SIZES = [2, 4, 8, 16, 32, 64, 128, 500];

const seriesOf = ({ run }: Result) => run.network as string;

export const inference: Experiment = {
  key: 'k',
  title: 'Moving averages at inference',
  claim:
    'At inference the moving averages of the statistics serve a single sample as well as a large batch; a small batch’s own statistics do not.',
  method:
    'The dense and the convolutional network with batch norm, ReLU, Adam, learning rate 0.003. Then the 2,000 test images in batches of 2 to 500, normalized by each batch’s own statistics, and one by one with the moving averages. Also both accuracies early in the training, when the averages lag behind.',
  runs: ({ seeds, steps, some }) =>
    product({
      network: ['dense', 'convolutional'],
      steps: [steps(1000)],
      sizes: [some(SIZES).join(' ')],
      seed: seeds,
    }),
  measure({ network, steps, sizes, seed }, data, tell) {
    const make = network === 'dense' ? dense : convolutional;
    using model = make({ norm: 'batch norm', seed });
    const lag: Record<'running' | 'own', Point[]> = { running: [], own: [] };
    const at = (step: number): void => {
      if (step === 0 || step > 100 || step % 5 !== 0) return;
      lag.running.push({ x: step, y: withRunning(model, data) });
      lag.own.push({ x: step, y: withOwn(model, data, 500) });
      model.train();
    };
    const trained = train(model, data, { lr: 0.003, steps: steps as number, seed, tell, at });
    const bySize = (sizes as string)
      .split(' ')
      .map(Number)
      .map((size) => ({ x: size, y: withOwn(model, data, size) }));
    const single = withRunning(model, data, 1);
    const measured = measuredOf(trained);
    const early = lag.running[0]!.y - lag.own[0]!.y;
    return {
      numbers: { ...measured.numbers, single, running: withRunning(model, data), early },
      curves: { ...measured.curves, bySize, lagRunning: lag.running, lagOwn: lag.own },
    };
  },
  table(results) {
    const sizes = results[0]!.measured.curves!.bySize!.map(({ x }) => x);
    return {
      head: ['network', 'moving averages, one by one', ...sizes.map((size) => `own, ${size}`)],
      rows: [...grouped(results, seriesOf)].map(([name, group]) => [
        name,
        percentText(numbers(group, 'single')),
        ...sizes.map((_, i) => {
          const values = group.map((result) => result.measured.curves!.bySize![i]!.y);
          return `${(100 * interval(values).mean).toFixed(1)} %`;
        }),
      ]),
    };
  },
  figures: (results) => [
    {
      name: 'inference-size',
      caption:
        'Test accuracy with each batch’s own statistics, by batch size; the level lines are the moving averages, one sample at a time.',
      svg: lineChart(
        [...grouped(results, seriesOf)].flatMap(([name, group]) =>
          group.flatMap(({ measured, run }) => [
            ...measured.curves!.bySize!.map((p) => ({
              ...p,
              series: `${name}, own`,
              run: run.seed,
            })),
            ...[2, 500].map((x) => ({
              ...{ x, y: measured.numbers!.single! },
              series: `${name}, moving averages`,
              run: run.seed,
            })),
          ]),
        ),
        {
          x: { label: 'batch size', type: 'log', base: 2, tickFormat: 'd' },
          y: { label: 'test accuracy', tickFormat: '%' },
        },
      ),
    },
    {
      name: 'inference-lag',
      caption: 'Early in the training of the dense network the moving averages lag behind.',
      svg: lineChart(
        results
          .filter(({ run }) => run.network === 'dense')
          .flatMap(({ measured, run }) =>
            (
              [
                ['moving averages', measured.curves!.lagRunning!],
                ['the batch’s own', measured.curves!.lagOwn!],
              ] as const
            ).flatMap(([series, points]) => points.map((p) => ({ ...p, series, run: run.seed }))),
          ),
        {
          x: { label: 'step' },
          y: { label: 'test accuracy', domain: [0, 1], tickFormat: '%' },
        },
      ),
    },
  ],
  judge(results) {
    const sentences: string[] = [];
    const good = [...grouped(results, seriesOf)].map(([name, group]) => {
      const single = interval(numbers(group, 'single')).mean;
      const same = numbers(group, 'single').every(
        (value, i) => value === numbers(group, 'running')[i],
      );
      const own = (i: number) =>
        interval(group.map((result) => result.measured.curves!.bySize!.at(i)!.y)).mean;
      sentences.push(
        `${name}: ${(100 * single).toFixed(1)} % one by one with the moving averages, ` +
          `${(100 * own(-1)).toFixed(1)} % with the statistics of batches of 500, ` +
          `${(100 * own(0)).toFixed(1)} % with those of batches of 2`,
      );
      return same && single > own(-1) - 0.01 && own(0) < single - 0.01;
    });
    const count = good.filter(Boolean).length;
    return {
      holds: count === good.length ? 'holds' : count > 0 ? 'holds in part' : 'does not hold',
      because: `${sentences.join('. ')}.`,
    };
  },
};

function withRunning(model: Module, data: Data, size = 500): number {
  let correct = 0;
  for (const { inputs, targets } of testBatches(data, size)) {
    correct += accuracy(model.predict(inputs), targets as Int32Array) * inputs.shape[0]!;
  }
  return Math.round(correct) / data.test.targets.length;
}

/** Accuracy if each batch is normalized by its own statistics; the moving averages stay as they are. */
function withOwn(model: Module, data: Data, size: number): number {
  const norms = batchNorms(model);
  const momenta = norms.map((norm) => norm.momentum);
  for (const norm of norms) norm.momentum = 0;
  model.train();
  let correct = 0;
  for (const { inputs, targets } of testBatches(data, size)) {
    correct += accuracy(model.forward(inputs), targets as Int32Array) * inputs.shape[0]!;
  }
  for (const [i, norm] of norms.entries()) norm.momentum = momenta[i]!;
  return Math.round(correct) / data.test.targets.length;
}
