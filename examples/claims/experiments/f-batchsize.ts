/** (f) Small batches hurt. */
import { lineChart } from '../../shared/charts.ts';
import { type Experiment, product, type Result } from '../experiment.ts';
import { convolutional, type Norm } from '../networks.ts';
import { grouped, interval } from '../statistics.ts';
import { train } from '../training.ts';
import { measuredOf, numbers } from './shared.ts';

const SIZES = [2, 4, 8, 16, 32, 128, 512];
const NORMS: Norm[] = ['none', 'batch norm', 'ghost', 'renorm', 'group norm'];
const NAMES: Partial<Record<Norm, string>> = { none: 'without', ghost: 'ghost batch norm of 16' };

const seriesOf = ({ run }: Result) => NAMES[run.norm as Norm] ?? (run.norm as string);

export const batchSize: Experiment = {
  key: 'f',
  title: 'Small batches hurt',
  claim:
    'Batch norm gets worse when batches are small; group norm does not, and renormalization helps.',
  method:
    'The convolutional network, ReLU. Each training sees the same number of images, 10,000, in batches of 2 to 512; SGD with momentum 0.9, learning rate 0.04 · batch/128, at most 0.08.',
  runs: ({ seeds, some, name }) =>
    product({
      norm: NORMS,
      batch: some(SIZES),
      images: [name === 'full' ? 10_000 : 2000],
      seed: seeds,
    }),
  measure({ norm, batch, images, seed }, data, tell) {
    using model = convolutional({ norm: norm as Norm, seed });
    const size = batch as number;
    const steps = Math.floor((images as number) / size);
    const lr = Math.min(0.08, (0.04 * size) / 128);
    const recipe = { optimizer: 'momentum', lr, batch: size, steps, seed, tell } as const;
    return measuredOf(train(model, data, { ...recipe, probeEvery: Math.ceil(steps / 4) }));
  },
  table(results) {
    const sizes = [...new Set(results.map(({ run }) => run.batch as number))];
    return {
      head: ['test accuracy, batches of', ...sizes.map(String)],
      rows: [...grouped(results, seriesOf)].map(([name, group]) => [
        name,
        ...sizes.map((size) => {
          const values = numbers(
            group.filter(({ run }) => run.batch === size),
            'accuracy',
          );
          return `${(100 * interval(values).mean).toFixed(1)} %`;
        }),
      ]),
    };
  },
  figures: (results) => [
    {
      name: 'batch-size',
      caption: 'Test accuracy after 10,000 images, by batch size.',
      svg: lineChart(
        results.map((result) => ({
          x: result.run.batch as number,
          y: result.measured.numbers!.accuracy!,
          series: seriesOf(result),
          run: result.run.seed,
        })),
        {
          x: { label: 'batch size', type: 'log', base: 2, tickFormat: 'd' },
          y: { label: 'test accuracy', tickFormat: '%' },
          dots: true,
        },
      ),
    },
  ],
  judge(results) {
    const accuracy = (norm: Norm, size: number) =>
      interval(
        numbers(
          results.filter(({ run }) => run.norm === norm && run.batch === size),
          'accuracy',
        ),
      ).mean;
    const sizes = [...new Set(results.map(({ run }) => run.batch as number))];
    const least = sizes[0]!;
    const most = Math.max(...sizes.filter((size) => size <= 128));
    const drop = (norm: Norm) => accuracy(norm, most) - accuracy(norm, least);
    const relative = (norm: Norm) => drop(norm) - drop('none');
    const hurts = relative('batch norm') > 0.01;
    const group = drop('group norm') < drop('batch norm');
    const renorm = drop('renorm') < drop('batch norm');
    const count = Number(hurts) + Number(group) + Number(renorm);
    const text = (norm: Norm) =>
      `${drop(norm) > 0 ? '−' : '+'}${Math.abs(100 * drop(norm)).toFixed(1)}`;
    return {
      holds: count === 3 ? 'holds' : count > 0 ? 'holds in part' : 'does not hold',
      because:
        `From batches of ${most} to batches of ${least} the accuracy changes by ${text('batch norm')} points ` +
        `with batch norm, ${text('renorm')} with renormalization, ${text('group norm')} with group norm and ` +
        `${text('none')} without normalization.`,
    };
  },
};
