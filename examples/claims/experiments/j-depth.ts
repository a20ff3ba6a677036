/** (j) The norms of gradients by depth, in a network of 20 layers. */
import { CrossEntropyLoss } from 'evenkeel';
import { lineChart } from '../../shared/charts.ts';
import { type Experiment, type Point, product, type Result } from '../experiment.ts';
import { type Activation, dense, type Norm } from '../networks.ts';
import { grouped, interval } from '../statistics.ts';
import { train, trainingBatches } from '../training.ts';
import { measuredOf, numbers } from './shared.ts';

const DEPTH = 20;
const WIDTH = 64;

const seriesOf = ({ run }: Result) =>
  `${run.activation}, ${run.norm === 'none' ? 'without' : 'batch norm'}`;

export const depth: Experiment = {
  key: 'j',
  title: 'Gradients through 20 layers',
  claim:
    'With batch norm gradients neither vanish nor explode on their way through a deep network.',
  method: `A dense network with ${DEPTH} hidden layers of ${WIDTH} units, PyTorch's default initial weights. The L2 norm of each weight matrix's gradient for the first batch of 100 images; then training with Adam, learning rate 0.001.`,
  runs: ({ seeds, steps }) =>
    product({
      activation: ['sigmoid', 'relu'],
      norm: ['none', 'batch norm'],
      steps: [steps(1000)],
      seed: seeds,
    }),
  measure({ activation, norm, steps, seed }, data, tell) {
    const widths = [784, ...new Array<number>(DEPTH).fill(WIDTH), 10];
    using model = dense({ activation: activation as Activation, norm: norm as Norm, seed }, widths);
    const first = trainingBatches(data, { seed })[Symbol.iterator]().next().value!;
    using loss = new CrossEntropyLoss();
    loss.forward(model.forward(first.inputs), first.targets as Int32Array);
    model.backward(loss.backward());
    const gradients: Point[] = model
      .namedParameters()
      .filter(([name]) => /^layer\d+\.weight$/.test(name))
      .map(([, { grad }], i) => ({
        x: i + 1,
        y: Math.sqrt(grad!.toArray().reduce((sum, value) => sum + value * value, 0)),
      }));
    for (const parameter of model.parameters()) parameter.zeroGrad();
    const hidden = gradients.slice(1, DEPTH); // layers of the same shape
    const ratio = hidden.at(-1)!.y / hidden[0]!.y;
    const trained = train(model, data, { lr: 0.001, steps: steps as number, seed, tell });
    const measured = measuredOf(trained);
    return {
      numbers: { ...measured.numbers, ratio: Math.log10(ratio) },
      curves: { ...measured.curves, gradients },
    };
  },
  table: (results) => ({
    head: ['network', 'gradient of layer 20 ÷ layer 2', 'test accuracy'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => [
      name,
      `10^${interval(numbers(group, 'ratio')).mean.toFixed(1)}`,
      `${(100 * interval(numbers(group, 'accuracy')).mean).toFixed(1)} %`,
    ]),
  }),
  figures: (results) => [
    {
      name: 'depth',
      caption: 'L2 norm of the gradient of each weight matrix at the first step.',
      svg: lineChart(
        results.flatMap((result) =>
          result.measured.curves!.gradients!.map(({ x, y }) => ({
            x,
            y: Math.max(y, 1e-30),
            series: seriesOf(result),
            run: result.run.seed,
          })),
        ),
        {
          x: { label: 'layer' },
          y: { label: 'norm of the gradient', type: 'log', tickFormat: '~g' },
        },
      ),
    },
  ],
  judge(results) {
    const pairs = ['sigmoid', 'relu'].map((activation) => {
      const of = (norm: string, number: string) =>
        interval(
          numbers(
            results.filter(({ run }) => run.activation === activation && run.norm === norm),
            number,
          ),
        ).mean;
      return {
        activation,
        plain: of('none', 'ratio'),
        normalized: of('batch norm', 'ratio'),
        accuracies: [of('batch norm', 'accuracy'), of('none', 'accuracy')] as const,
      };
    });
    const closer = pairs.filter(
      ({ plain, normalized }) => Math.abs(normalized) < Math.abs(plain) / 2,
    );
    const level = pairs.every(({ normalized }) => Math.abs(normalized) < 1);
    return {
      holds:
        closer.length === 2 && level
          ? 'holds'
          : closer.length > 0
            ? 'holds in part'
            : 'does not hold',
      because: `${pairs
        .map(
          ({ activation, plain, normalized, accuracies: [withNorm, without] }) =>
            `${activation}: from layer 20 to layer 2 the gradient changes by a factor of ` +
            `10^${(-normalized).toFixed(1)} with batch norm and 10^${(-plain).toFixed(1)} without; test accuracy ` +
            `${(100 * withNorm).toFixed(0)} % and ${(100 * without).toFixed(0)} %`,
        )
        .join('. ')}.`,
    };
  },
};
