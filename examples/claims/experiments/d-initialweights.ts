/** (d) Indifference to the scale of the initial weights. */
import { lineChart } from '../../shared/charts.ts';
import { type Experiment, product, type Result } from '../experiment.ts';
import { type Activation, dense, type Norm } from '../networks.ts';
import { grouped, interval } from '../statistics.ts';
import { train } from '../training.ts';
import { measuredOf, numbers } from './shared.ts';

const SCALES = [0.1, 0.2, 0.5, 1, 2, 5, 10];

const seriesOf = ({ run }: Result) =>
  `${run.activation}, ${run.norm === 'none' ? 'without' : 'batch norm'}`;

/** The mean accuracy at each scale. */
function byScale(results: readonly Result[]): number[] {
  return [...grouped(results, ({ run }) => `${run.scale}`).values()].map(
    (group) => interval(numbers(group, 'accuracy')).mean,
  );
}

const spread = (values: readonly number[]) => Math.max(...values) - Math.min(...values);

export const initialWeights: Experiment = {
  key: 'd',
  title: 'Bad initial weights',
  claim: 'With batch norm the scale of the initial weights hardly matters.',
  method:
    'Dense layers 784-200-100-60-30-10, batches of 100, Adam with learning rate 0.003. All weight matrices are multiplied by a factor before training.',
  runs: ({ seeds, steps, some }) =>
    product({
      activation: ['sigmoid', 'relu'],
      norm: ['none', 'batch norm'],
      scale: some(SCALES),
      steps: [steps(1000)],
      seed: seeds,
    }),
  measure({ activation, norm, scale, steps, seed }, data, tell) {
    const style = { activation: activation as Activation, norm: norm as Norm, seed };
    using model = dense({ ...style, scale: scale as number });
    const recipe = { lr: 0.003, steps: steps as number, seed, tell, probeEvery: steps as number };
    return measuredOf(train(model, data, recipe));
  },
  table(results) {
    const scales = [...new Set(results.map(({ run }) => run.scale as number))];
    return {
      head: ['test accuracy, weights ×', ...scales.map(String)],
      rows: [...grouped(results, seriesOf)].map(([name, group]) => [
        name,
        ...byScale(group).map((mean) => `${(100 * mean).toFixed(1)} %`),
      ]),
    };
  },
  figures: (results) => [
    {
      name: 'initial-weights',
      caption: 'Test accuracy after training, by the factor of the initial weights.',
      svg: lineChart(
        results.map((result) => ({
          x: result.run.scale as number,
          y: result.measured.numbers!.accuracy!,
          series: seriesOf(result),
          run: result.run.seed,
        })),
        {
          x: { label: 'factor of the initial weights', type: 'log', tickFormat: '~g' },
          y: { label: 'test accuracy', domain: [0, 1], tickFormat: '%' },
          dots: true,
        },
      ),
    },
  ],
  judge(results) {
    const pairs = ['sigmoid', 'relu'].map((activation) => {
      const of = (norm: string) =>
        spread(
          byScale(results.filter(({ run }) => run.activation === activation && run.norm === norm)),
        );
      return { activation, plain: of('none'), normalized: of('batch norm') };
    });
    const smaller = pairs.filter(({ plain, normalized }) => normalized < plain / 2).length;
    return {
      holds: smaller === 2 ? 'holds' : smaller === 1 ? 'holds in part' : 'does not hold',
      because: `Best minus worst accuracy over the factors: ${pairs
        .map(
          ({ activation, plain, normalized }) =>
            `${activation} ${(100 * normalized).toFixed(1)} points with batch norm, ` +
            `${(100 * plain).toFixed(1)} without`,
        )
        .join('; ')}.`,
    };
  },
};
