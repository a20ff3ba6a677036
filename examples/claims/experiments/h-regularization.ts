/** (h) The regularizing effect. */
import { type Experiment, product, type Result } from '../experiment.ts';
import { dense, type Norm } from '../networks.ts';
import { grouped, interval, isAbove, meanText, percentText } from '../statistics.ts';
import { train } from '../training.ts';
import { curveFigure, measuredOf, numbers } from './shared.ts';

const seriesOf = ({ run }: Result) => {
  const norm = run.norm === 'none' ? '' : 'batch norm';
  const dropout = run.dropout ? `dropout ${run.dropout}` : '';
  return [norm, dropout].filter(Boolean).join(' and ') || 'neither';
};

export const regularization: Experiment = {
  key: 'h',
  title: 'A regularizing effect',
  claim:
    'The noise of the batches’ statistics regularizes: with batch norm the test loss rises less when a network overfits.',
  method:
    'Only the first 2,000 training images. Dense layers 784-200-100-60-30-10, ReLU, batches of 50, Adam with learning rate 0.001.',
  runs: ({ seeds, steps }) =>
    product({
      norm: ['none', 'batch norm'],
      dropout: [0, 0.25],
      steps: [steps(2000)],
      seed: seeds,
    }),
  measure({ norm, dropout, steps, seed }, data, tell) {
    using model = dense({ norm: norm as Norm, dropout: dropout as number, seed });
    const recipe = { lr: 0.001, batch: 50, images: 2000, steps: steps as number, seed, tell };
    return measuredOf(train(model, data, { ...recipe, probeEvery: (steps as number) / 40 }));
  },
  table: (results) => ({
    head: ['network', 'test loss at the end', 'lowest test loss', 'test accuracy'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => [
      name,
      meanText(numbers(group, 'testLoss'), 3),
      meanText(group.map(lowest), 3),
      percentText(numbers(group, 'accuracy')),
    ]),
  }),
  figures: (results) => [
    curveFigure(results, 'testLosses', seriesOf, {
      name: 'regularization',
      caption: 'Test loss while the networks overfit 2,000 images.',
      y: { label: 'test loss' },
    }),
  ],
  judge(results) {
    const of = (name: string) => results.filter((result) => seriesOf(result) === name);
    const rises = (name: string) =>
      of(name).map((result) => result.measured.numbers!.testLoss! - lowest(result));
    const ends = (name: string) => numbers(of(name), 'testLoss');
    const text = (values: number[]) => interval(values).mean.toFixed(2);
    const less = isAbove(rises('neither'), rises('batch norm'));
    const lower = isAbove(ends('neither'), ends('batch norm'));
    return {
      holds: less && lower ? 'holds' : less || lower ? 'holds in part' : 'does not hold',
      because:
        `The test loss rises from its lowest value by ${text(rises('batch norm'))} with batch norm, by ` +
        `${text(rises('neither'))} without${less ? '' : ' (not clearly more)'}, by ` +
        `${text(rises('dropout 0.25'))} with dropout and by ${text(rises('batch norm and dropout 0.25'))} with ` +
        `both; it ends at ${text(ends('batch norm'))} with and ${text(ends('neither'))} without` +
        `${lower ? '' : ' (not clearly apart)'}.`,
    };
  },
};

function lowest({ measured }: Result): number {
  return Math.min(...measured.curves!.testLosses!.map(({ y }) => y));
}
