/** (g) Before or after the activation. */
import { type Experiment, product, type Result } from '../experiment.ts';
import { type Activation, dense } from '../networks.ts';
import { grouped, interval, isAbove, percentText } from '../statistics.ts';
import { decaying, train } from '../training.ts';
import { curveFigure, measuredOf, numbers, stepsText } from './shared.ts';

const seriesOf = ({ run }: Result) => `${run.activation}, ${run.placement}`;

export const placement: Experiment = {
  key: 'g',
  title: 'Before or after the activation',
  claim: 'Batch norm works before and after the activation; before is the better place.',
  method:
    'Dense layers 784-200-100-60-30-10 with batch norm, batches of 100, Adam. The learning rate decays from 0.03 to 0.0001. After the activation, the layers keep their biases.',
  runs: ({ seeds, steps }) =>
    product({
      activation: ['sigmoid', 'relu'],
      placement: ['before', 'after'],
      steps: [steps(2000)],
      seed: seeds,
    }),
  measure({ activation, placement, steps, seed }, data, tell) {
    using model = dense({
      ...{ activation: activation as Activation, norm: 'batch norm', seed },
      placement: placement as 'before',
    });
    const recipe = { ...decaying(0.03, steps as number), steps: steps as number, seed, tell };
    return measuredOf(train(model, data, { ...recipe, probeEvery: (steps as number) / 40 }));
  },
  table: (results) => ({
    head: ['batch norm', 'test accuracy', 'steps to 85 %'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => [
      `${name} the activation`,
      percentText(numbers(group, 'accuracy')),
      stepsText(numbers(group, 'stepsToGoal')),
    ]),
  }),
  figures: (results) => [
    curveFigure(results, 'accuracies', seriesOf, {
      name: 'placement',
      caption: 'Test accuracy with batch norm before and after the activation.',
      y: { label: 'test accuracy', domain: [0.5, 0.92], tickFormat: '%' },
    }),
  ],
  judge(results) {
    const pairs = ['sigmoid', 'relu'].map((activation) => {
      const of = (placement: string) =>
        numbers(
          results.filter(({ run }) => run.activation === activation && run.placement === placement),
          'accuracy',
        );
      const [before, after] = [of('before'), of('after')];
      const apart = isAbove(before, after)
        ? 'before'
        : isAbove(after, before)
          ? 'after'
          : 'neither';
      return { activation, before: interval(before), after: interval(after), apart };
    });
    const works = pairs.every(({ before, after }) => Math.min(before.mean, after.mean) > 0.8);
    const beforeBetter = pairs.every(({ apart }) => apart === 'before');
    return {
      holds: works && beforeBetter ? 'holds' : works ? 'holds in part' : 'does not hold',
      because: `${pairs
        .map(
          ({ activation, before, after, apart }) =>
            `${activation}: ${(100 * before.mean).toFixed(1)} % before and ${(100 * after.mean).toFixed(1)} % ` +
            `after (${apart === 'neither' ? 'within the seeds’ spread' : `${apart} is better`})`,
        )
        .join('; ')}.`,
    };
  },
};
