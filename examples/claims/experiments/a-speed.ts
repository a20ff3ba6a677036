/** (a) Faster and better: five dense layers, sigmoid and ReLU, with and without batch norm. */
import { type Experiment, product, type Result } from '../experiment.ts';
import { dense } from '../networks.ts';
import { grouped, interval, isAbove, percentText } from '../statistics.ts';
import { decaying, train } from '../training.ts';
import { curveFigure, measuredOf, numbers, stepsText } from './shared.ts';

const NAMES = {
  plain: 'without, lr 0.03',
  slower: 'without, lr 0.003',
  normalized: 'batch norm, lr 0.03',
};

const seriesOf = ({ run }: Result) =>
  `${run.activation}, ${NAMES[run.variant as keyof typeof NAMES]}`;

export const speed: Experiment = {
  key: 'a',
  title: 'Batch norm trains faster and reaches more',
  claim:
    'With batch norm a five-layer network reaches a given accuracy in fewer steps, and a higher accuracy in the end.',
  method:
    'Dense layers 784-200-100-60-30-10, sigmoid or ReLU, batches of 100, Adam. The learning rate decays from 0.03 (or 0.003) to 0.0001. Batch norm stands before the activation.',
  context:
    'Martin Görner reports for MNIST, in his tutorial on batch normalization: sigmoid 97.5 % without and 98 % with batch norm; ReLU 98.2 % and 98.5 %.',
  runs: ({ seeds, steps }) =>
    product({
      activation: ['sigmoid', 'relu'],
      variant: ['plain', 'slower', 'normalized'],
      steps: [steps(4000)],
      seed: seeds,
    }),
  measure({ activation, variant, steps, seed }, data, tell) {
    using model = dense({
      activation: activation as 'sigmoid',
      norm: variant === 'normalized' ? 'batch norm' : 'none',
      seed,
    });
    const lr = variant === 'slower' ? 0.003 : 0.03;
    const recipe = { ...decaying(lr, steps as number), steps: steps as number, seed, tell };
    return measuredOf(train(model, data, { ...recipe, probeEvery: (steps as number) / 80 }));
  },
  table: (results) => ({
    head: ['network', 'test accuracy', 'steps to 85 %'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => [
      name,
      percentText(numbers(group, 'accuracy')),
      stepsText(numbers(group, 'stepsToGoal')),
    ]),
  }),
  figures: (results) =>
    ['sigmoid', 'relu'].map((activation) =>
      curveFigure(
        results.filter(({ run }) => run.activation === activation),
        'accuracies',
        seriesOf,
        {
          name: `speed-${activation}`,
          caption: `Test accuracy of the ${activation} network while it trains; thin lines are seeds.`,
          y: { label: 'test accuracy', domain: [0.5, 0.92], tickFormat: '%' },
        },
      ),
    ),
  judge(results) {
    const sentences: string[] = [];
    const points = ['sigmoid', 'relu'].map((activation) => {
      const of = (variant: string) =>
        results.filter(({ run }) => run.activation === activation && run.variant === variant);
      const accuracies = (variant: string) => numbers(of(variant), 'accuracy');
      const steps = (variant: string) =>
        numbers(of(variant), 'stepsToGoal', Number.POSITIVE_INFINITY);
      const rates = ['plain', 'slower'];
      const best = Math.max(...rates.map((variant) => interval(accuracies(variant)).mean));
      const least = Math.min(...rates.map((variant) => mean(steps(variant))));
      const faster = rates.every((variant) => {
        return mean(steps(variant)) === Number.POSITIVE_INFINITY
          ? Number.isFinite(mean(steps('normalized')))
          : isAbove(steps(variant), steps('normalized'));
      });
      const better = rates.every((variant) =>
        isAbove(accuracies('normalized'), accuracies(variant)),
      );
      sentences.push(
        `${activation}: ${percentText(numbers(of('normalized'), 'accuracy'))} with batch norm, ` +
          `${(100 * best).toFixed(1)} % without at its better learning rate; steps to 85 %: ` +
          `${stepsText(numbers(of('normalized'), 'stepsToGoal'))} with, ` +
          `${Number.isFinite(least) ? Math.round(least).toLocaleString('en') : 'never'} without` +
          `${faster ? '' : '; it is not clearly faster'}${better ? '' : '; the accuracy is not clearly higher'}`,
      );
      return Number(faster) + Number(better);
    });
    const sum = points[0]! + points[1]!;
    return {
      holds: sum === 4 ? 'holds' : sum > 0 ? 'holds in part' : 'does not hold',
      because: `${sentences.join('. ')}.`,
    };
  },
};

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
