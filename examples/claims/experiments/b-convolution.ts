/** (b) A convolutional network: without, with, and with offsets only. */
import { type Experiment, product, type Result } from '../experiment.ts';
import { convolutional, type Norm } from '../networks.ts';
import { grouped, interval, isAbove, percentText } from '../statistics.ts';
import { decaying, train } from '../training.ts';
import { curveFigure, measuredOf, numbers, stepsText } from './shared.ts';

const seriesOf = ({ run }: Result) =>
  run.norm === 'none'
    ? `without, lr ${run.lr}`
    : run.norm === 'offsets'
      ? 'batch norm, β only'
      : 'batch norm';

export const convolution: Experiment = {
  key: 'b',
  title: 'A convolutional network, and β without γ',
  claim:
    'Batch norm helps a convolutional network, and before a ReLU its scale γ is not needed: the next layer can scale.',
  method:
    'Three convolutions (6, 12 and 24 channels) and two dense layers, ReLU, batches of 100, Adam. The learning rate decays from 0.03 to 0.0001; without batch norm also from 0.003.',
  context: 'Martin Görner reports 99.5 % for MNIST with batch norm and dropout.',
  runs: ({ seeds, steps }) =>
    [
      { norm: 'none', lr: 0.03 },
      { norm: 'none', lr: 0.003 },
      { norm: 'batch norm', lr: 0.03 },
      { norm: 'offsets', lr: 0.03 },
    ].flatMap((variant) =>
      product({ norm: [variant.norm], lr: [variant.lr], steps: [steps(1500)], seed: seeds }),
    ),
  measure({ norm, lr, steps, seed }, data, tell) {
    using model = convolutional({ norm: norm as Norm, seed });
    const recipe = {
      ...decaying(lr as number, steps as number),
      steps: steps as number,
      seed,
      tell,
    };
    return measuredOf(train(model, data, { ...recipe, probeEvery: (steps as number) / 40 }));
  },
  table: (results) => ({
    head: ['network', 'test accuracy', 'steps to 85 %'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => [
      name,
      percentText(numbers(group, 'accuracy')),
      stepsText(numbers(group, 'stepsToGoal')),
    ]),
  }),
  figures: (results) => [
    curveFigure(results, 'accuracies', seriesOf, {
      name: 'convolution',
      caption: 'Test accuracy of the convolutional network while it trains.',
      y: { label: 'test accuracy', domain: [0.5, 0.94], tickFormat: '%' },
    }),
  ],
  judge(results) {
    const of = (name: string) => results.filter((result) => seriesOf(result) === name);
    const accuracies = (name: string) => numbers(of(name), 'accuracy');
    const [full, offsets] = [accuracies('batch norm'), accuracies('batch norm, β only')];
    const plain = ['without, lr 0.03', 'without, lr 0.003'].map(accuracies);
    const helps = plain.every((without) => isAbove(full, without));
    const same = !isAbove(full, offsets) && !isAbove(offsets, full);
    const best = Math.max(...plain.map((without) => interval(without).mean));
    return {
      holds: helps && same ? 'holds' : helps || same ? 'holds in part' : 'does not hold',
      because:
        `${percentText(full)} with batch norm, ${percentText(offsets)} with β only, ` +
        `${(100 * best).toFixed(1)} % without at the better learning rate` +
        `${helps ? '' : ', which is not clearly less'}.`,
    };
  },
};
