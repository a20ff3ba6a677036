/** (l) Raw, scaled, standardized and whitened inputs. */
import {
  BatchNorm1d,
  CrossEntropyLoss,
  evaluate,
  Linear,
  manualSeed,
  ReLU,
  Sequential,
  SGD,
} from 'evenkeel';
import { batches, StandardScaler } from 'evenkeel/data';
import { PCA } from 'evenkeel/whitening';
import type { Data } from '../../train/images.ts';
import { type Experiment, type Point, product, type Result } from '../experiment.ts';
import { grouped, interval, percentText } from '../statistics.ts';
import { curveFigure, numbers, stepsText } from './shared.ts';

const INPUTS = ['bytes', 'scaled', 'standardized', 'whitened'] as const;
type Inputs = (typeof INPUTS)[number];
const COMPONENTS = 150;
const PIXELS = 784;

const seriesOf = ({ run }: Result) => `${run.inputs}${run.norm === 'none' ? '' : ', batch norm'}`;

export const inputs: Experiment = {
  key: 'l',
  title: 'Normalized and decorrelated inputs',
  claim:
    'Inputs of the same scale train faster than raw ones, and decorrelated (PCA-whitened) ones faster still.',
  method: `Dense layers 784-100-10, ReLU, batches of 100, SGD with learning rate 0.05. Inputs as bytes 0 … 255, scaled to 0 … 1, standardized feature by feature, or projected to ${COMPONENTS} whitened principal components; without and with batch norm.`,
  runs: ({ seeds, steps }) =>
    product({ inputs: INPUTS, norm: ['none', 'batch norm'], steps: [steps(1500)], seed: seeds }),
  measure({ inputs: kind, norm, steps, seed }, data, tell) {
    const { train, test, width } = preparedOnce(data, kind as Inputs);
    manualSeed(seed);
    const hidden = norm === 'none' ? [] : [new BatchNorm1d(100)];
    using model = new Sequential(
      new Linear(width, 100, { bias: norm === 'none' }),
      ...hidden,
      new ReLU(),
      new Linear(100, 10),
    );
    const training = batches(train, { batchSize: 100, shuffle: true, seed });
    using loss = new CrossEntropyLoss();
    using optimizer = new SGD(model.parameters(), { lr: 0.05 });
    const every = Math.max(1, Math.round((steps as number) / 60));
    const accuracies: Point[] = [];
    let step = 0;
    let failed = false;
    while (step < (steps as number) && !failed) {
      for (const { inputs: x, targets } of training) {
        if (step === steps || failed) break;
        failed = !Number.isFinite(loss.forward(model.forward(x), targets as Int32Array));
        optimizer.zeroGrad();
        model.backward(loss.backward());
        optimizer.step();
        step++;
        if (step % every !== 0 && step !== steps) continue;
        accuracies.push({ x: step, y: evaluate(model, test).accuracy });
        tell(step / (steps as number));
      }
    }
    return {
      numbers: {
        accuracy: accuracies.at(-1)?.y ?? 0,
        stepsToGoal: accuracies.find(({ y }) => y >= 0.8)?.x ?? null,
        failed: failed ? 1 : 0,
      },
      curves: { accuracies },
    };
  },
  table: (results) => ({
    head: ['inputs', 'test accuracy', 'steps to 80 %'],
    rows: [...grouped(results, seriesOf)].map(([name, group]) => [
      name,
      percentText(numbers(group, 'accuracy')),
      stepsText(numbers(group, 'stepsToGoal')),
    ]),
  }),
  figures: (results) => [
    curveFigure(
      results.filter(({ run }) => run.norm === 'none'),
      'accuracies',
      seriesOf,
      {
        name: 'inputs',
        caption: 'Test accuracy without batch norm, by kind of inputs.',
        y: { label: 'test accuracy', domain: [0, 0.9], tickFormat: '%' },
      },
    ),
  ],
  judge(results) {
    const steps = (kind: string) =>
      interval(
        numbers(
          results.filter(({ run }) => run.inputs === kind && run.norm === 'none'),
          'stepsToGoal',
          Number.POSITIVE_INFINITY,
        ),
      ).mean;
    const [bytes, scaled, standardized, whitened] = INPUTS.map(steps) as [
      number,
      number,
      number,
      number,
    ];
    const first = standardized < scaled && standardized < bytes;
    const second = whitened < standardized;
    const text = (value: number) => (Number.isFinite(value) ? `${Math.round(value)}` : 'never');
    return {
      holds: first && second ? 'holds' : first || second ? 'holds in part' : 'does not hold',
      because:
        `Steps to 80 % without batch norm: bytes ${text(bytes)}, scaled ${text(scaled)}, standardized ` +
        `${text(standardized)}, whitened ${text(whitened)}.`,
    };
  },
};

const known = new Map<Inputs, ReturnType<typeof prepared>>();

/** Principal components take seconds: a process computes them once. */
function preparedOnce(data: Data, kind: Inputs): ReturnType<typeof prepared> {
  const found = known.get(kind) ?? prepared(data, kind);
  known.set(kind, found);
  return found;
}

function prepared({ train, test }: Data, kind: Inputs) {
  const scale = kind === 'bytes' ? 1 : 1 / 255;
  const table = (data: ArrayLike<number>) => ({
    data: Float32Array.from(data, (byte) => byte * scale),
    shape: [data.length / PIXELS, PIXELS],
  });
  const [x, y] = [table(train.inputs.data), table(test.inputs.data)];
  const map =
    kind === 'standardized'
      ? new StandardScaler().fit(x)
      : kind === 'whitened'
        ? new PCA({ nComponents: COMPONENTS, whiten: true }).fit(x)
        : undefined;
  return {
    train: { inputs: map ? map.transform(x) : x, targets: train.targets },
    test: { inputs: map ? map.transform(y) : y, targets: test.targets },
    width: kind === 'whitened' ? COMPONENTS : PIXELS,
  };
}
