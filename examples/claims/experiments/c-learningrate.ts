/** (c) The highest learning rate that still trains. */
import { lineChart } from '../../shared/charts.ts';
import { type Experiment, product, type Result } from '../experiment.ts';
import { type Activation, dense, type Norm } from '../networks.ts';
import { grouped } from '../statistics.ts';
import { train } from '../training.ts';
import { measuredOf, numbers } from './shared.ts';

const RATES = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
/** A network trains at a learning rate if its mean test accuracy reaches this. */
const TRAINS = 0.75;

const seriesOf = ({ run }: Result) =>
  `${run.activation}, ${run.norm === 'none' ? 'without' : 'batch norm'}`;

/** The highest rate at which a group of results trains; 0 if there is none. */
function highest(results: readonly Result[]): number {
  const rates = [...grouped(results, ({ run }) => `${run.lr}`)].filter(([, group]) => {
    const accuracies = numbers(group, 'accuracy');
    return accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length >= TRAINS;
  });
  return Math.max(0, ...rates.map(([lr]) => Number(lr)));
}

export const learningRate: Experiment = {
  key: 'c',
  title: 'Higher learning rates',
  claim: 'With batch norm a network still trains at learning rates that are too high without.',
  method: `Dense layers 784-200-100-60-30-10, batches of 100, SGD with momentum 0.9 and a constant learning rate. A network trains if its test accuracy is at least ${100 * TRAINS} % at the end.`,
  runs: ({ seeds, steps, some }) =>
    product({
      activation: ['sigmoid', 'relu'],
      norm: ['none', 'batch norm'],
      lr: some(RATES),
      steps: [steps(1000)],
      seed: seeds,
    }),
  measure({ activation, norm, lr, steps, seed }, data, tell) {
    using model = dense({ activation: activation as Activation, norm: norm as Norm, seed });
    const recipe = { optimizer: 'momentum', lr: lr as number, steps: steps as number } as const;
    return measuredOf(train(model, data, { ...recipe, seed, tell, probeEvery: steps as number }));
  },
  table(results) {
    const rates = [...new Set(results.map(({ run }) => run.lr as number))];
    return {
      head: ['test accuracy at lr', ...rates.map(String), 'highest that trains'],
      rows: [...grouped(results, seriesOf)].map(([name, group]) => [
        name,
        ...rates.map((lr) => {
          const values = numbers(
            group.filter(({ run }) => run.lr === lr),
            'accuracy',
          );
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          return `${(100 * mean).toFixed(0)} %`;
        }),
        `${highest(group) || 'none'}`,
      ]),
    };
  },
  figures: (results) => [
    {
      name: 'learning-rate',
      caption: 'Test accuracy after training at each learning rate; thin lines are seeds.',
      svg: lineChart(
        results.map((result) => ({
          x: result.run.lr as number,
          y: result.measured.numbers!.accuracy!,
          series: seriesOf(result),
          run: result.run.seed,
        })),
        {
          x: { label: 'learning rate', type: 'log', tickFormat: '~g' },
          y: { label: 'test accuracy', domain: [0, 1], tickFormat: '%' },
          dots: true,
        },
      ),
    },
  ],
  judge(results) {
    const of = (activation: string, norm: string) =>
      highest(results.filter(({ run }) => run.activation === activation && run.norm === norm));
    const pairs = ['sigmoid', 'relu'].map((activation) => ({
      activation,
      plain: of(activation, 'none'),
      normalized: of(activation, 'batch norm'),
    }));
    const higher = pairs.filter(({ plain, normalized }) => normalized > plain).length;
    return {
      holds: higher === 2 ? 'holds' : higher === 1 ? 'holds in part' : 'does not hold',
      because: `${pairs
        .map(
          ({ activation, plain, normalized }) =>
            `${activation}: ${upTo(normalized)} with batch norm, ${upTo(plain)} without`,
        )
        .join('; ')}.`,
    };
  },
};

function upTo(rate: number): string {
  return rate ? `up to ${rate}` : 'at no rate of the series';
}
