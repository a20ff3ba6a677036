/** (e) A smoother loss surface, and the canyon that features of different scale make. */
import * as Plot from '@observablehq/plot';
import {
  CrossEntropyLoss,
  Linear,
  type Module,
  MSELoss,
  type Parameter,
  SGD,
  Tensor,
} from 'evenkeel';
import { StandardScaler } from 'evenkeel/data';
import { COLOURS, drawn, lineChart } from '../../shared/charts.ts';
import type { Data } from '../../train/images.ts';
import {
  type Experiment,
  type Measured,
  type Point,
  product,
  type Result,
  type Run,
} from '../experiment.ts';
import { batchNorms, convolutional, type Norm } from '../networks.ts';
import { grouped, interval } from '../statistics.ts';
import { optimizerOf, trainingBatches } from '../training.ts';
import { numbers } from './shared.ts';

/** How far along the gradient the surface is probed, in learning rates. */
const REACHES = [0.5, 1, 2, 3, 4];
const LR = 0.1;

const seriesOf = ({ run }: Result) => (run.norm === 'none' ? 'without' : 'batch norm');

export const lossSurface: Experiment = {
  key: 'e',
  title: 'A smoother loss surface',
  claim:
    'With batch norm the loss and its gradient change less along the direction of a step, so that larger steps are safe; and standardized inputs turn a canyon into a bowl.',
  method: `The convolutional network, ReLU, batches of 100, SGD with learning rate ${LR}. At every 20th step the loss and the gradient of the same batch are computed at 0.5 to 4 learning rates along the gradient: the range of the losses, the largest distance of a gradient from the first (gradient predictiveness), and that distance divided by the way (effective smoothness), as in Santurkar et al., 2018.`,
  runs: ({ seeds, steps }) => [
    ...product({
      part: ['surface'],
      norm: ['none', 'batch norm'],
      steps: [steps(1000)],
      seed: seeds,
    }),
    ...product({ part: ['canyon'], seed: [1] }),
  ],
  measure: (run, data, tell) => (run.part === 'canyon' ? canyon() : surface(run, data, tell)),
  table: (results) => ({
    head: [
      'network',
      'range of the loss',
      'change of the gradient',
      'effective smoothness',
      'loss at the end',
    ],
    rows: [...grouped(surfaces(results), seriesOf)].map(([name, group]) => [
      name,
      ...['range', 'change', 'smoothness', 'loss'].map((number) => text(numbers(group, number))),
    ]),
  }),
  figures: (results) => [
    ...(['range', 'change'] as const).map((curve) => ({
      name: `surface-${curve}`,
      caption:
        curve === 'range'
          ? 'Highest minus lowest loss along the gradient, up to four learning rates away.'
          : 'Largest distance of the gradient, up to four learning rates away, from that at the start.',
      svg: lineChart(
        surfaces(results).flatMap((result) =>
          result.measured.curves![curve]!.map((point) => ({
            ...point,
            series: seriesOf(result),
            run: result.run.seed,
          })),
        ),
        {
          x: { label: 'step' },
          y: {
            label: curve === 'range' ? 'range of the loss' : 'change of the gradient (L2)',
            type: 'log',
            tickFormat: '~g',
          },
        },
      ),
    })),
    ...results.filter(({ run }) => run.part === 'canyon').flatMap(canyonFigures),
  ],
  judge(results) {
    const of = (name: string, number: string) =>
      interval(
        numbers(
          surfaces(results).filter((result) => seriesOf(result) === name),
          number,
        ),
      ).mean;
    const ratios = ['range', 'change', 'smoothness'].map(
      (number) => of('without', number) / of('batch norm', number),
    );
    const smoother = ratios.filter((ratio) => ratio > 1).length;
    const { numbers: counts } = results.find(({ run }) => run.part === 'canyon')!.measured;
    return {
      holds: smoother === 3 ? 'holds' : smoother > 0 ? 'holds in part' : 'does not hold',
      because:
        `Without batch norm the loss along the gradient ranges ${ratios[0]!.toFixed(1)} × as far, the ` +
        `gradient changes ${ratios[1]!.toFixed(1)} × as much, and the effective smoothness is ` +
        `${ratios[2]!.toFixed(1)} × (geometric means over the training). The descent into the canyon takes ` +
        `${counts!.rawSteps} steps on raw features and ${counts!.scaledSteps} on standardized ones.`,
    };
  },
};

const surfaces = (results: readonly Result[]) =>
  results.filter(({ run }) => run.part === 'surface');

const text = (values: readonly number[]) => interval(values).mean.toPrecision(3);

function surface({ norm, steps, seed }: Run, data: Data, tell: (share: number) => void): Measured {
  using model = convolutional({ norm: norm as Norm, seed });
  const training = trainingBatches(data, { seed });
  using loss = new CrossEntropyLoss();
  using optimizer = optimizerOf(model, { optimizer: 'sgd', lr: LR, steps: 0, seed });
  const curves: Record<string, Point[]> = { range: [], change: [], relative: [], smoothness: [] };
  let step = 0;
  let last = Number.NaN;
  while (step < (steps as number)) {
    for (const { inputs, targets } of training) {
      if (step === steps) break;
      const compute = (): number => {
        const value = loss.forward(model.forward(inputs), targets as Int32Array);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        return value;
      };
      if (step % 20 === 10) {
        const seen = probe(model, compute);
        for (const [name, y] of Object.entries(seen)) curves[name]!.push({ x: step, y });
      }
      last = compute();
      optimizer.step();
      step++;
      if (step % 50 === 0) tell(step / (steps as number));
    }
  }
  const means = Object.entries(curves).map(([name, points]) => [
    name,
    Math.exp(points.reduce((sum, { y }) => sum + Math.log(y), 0) / points.length),
  ]);
  return { numbers: { ...Object.fromEntries(means), loss: last }, curves };
}

/** Follows the gradient from the present weights, and returns to them. */
function probe(
  model: Module,
  compute: () => number,
): Record<'range' | 'change' | 'relative' | 'smoothness', number> {
  const norms = batchNorms(model);
  const momenta = norms.map((norm) => norm.momentum);
  for (const norm of norms) norm.momentum = 0; // the running statistics stay as they are
  const parameters = model.parameters();
  const losses = [compute()];
  const weights = parameters.map((parameter) => parameter.data.toArray());
  const start = gradientOf(parameters);
  const length = distance(start);
  let change = 0;
  let smoothness = 0;
  for (const reach of REACHES) {
    let at = 0;
    for (const [i, parameter] of parameters.entries()) {
      const from = at;
      const moved = weights[i]!.map((value, j) => value - reach * LR * start[from + j]!);
      at += moved.length;
      parameter.assign({ data: moved, shape: parameter.shape });
    }
    losses.push(compute());
    const apart = distance(start, gradientOf(parameters));
    change = Math.max(change, apart);
    smoothness = Math.max(smoothness, apart / (reach * LR * length));
  }
  for (const [i, parameter] of parameters.entries()) {
    parameter.assign({ data: weights[i]!, shape: parameter.shape });
  }
  for (const [i, norm] of norms.entries()) norm.momentum = momenta[i]!;
  return {
    range: Math.max(...losses) - Math.min(...losses),
    change,
    relative: change / length,
    smoothness,
  };
}

function gradientOf(parameters: readonly Parameter[]): Float64Array {
  return Float64Array.from(parameters.flatMap(({ grad }) => [...grad!.toArray()]));
}

function distance(a: Float64Array, b?: Float64Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b?.[i] ?? 0)) ** 2, 0));
}

/** The weights that the descent into the canyon should find, for features of standard deviation 1 and 8. */
const TRUE_WEIGHTS = [1, 0.5];
const SDS = [1, 8];

/**
 * y = w₁x₁ + w₂x₂ for two features of different scale. The mean squared error as a function of w is a
 * canyon: 64 times as steep along w₂ as along w₁. Descent with nine tenths of the highest stable learning
 * rate bounces between its walls. On standardized features the same surface is a bowl.
 */
function canyon(): Measured {
  const n = 200;
  const features = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    // Two waves without correlation: no random numbers are needed.
    features[2 * i] = SDS[0]! * Math.SQRT2 * Math.sin((2 * Math.PI * 3 * i) / n);
    features[2 * i + 1] = SDS[1]! * Math.SQRT2 * Math.cos((2 * Math.PI * 5 * i) / n);
  }
  const raw = Tensor.from(features, [n, 2]);
  const scaler = new StandardScaler().fit(raw);
  const paths = {
    raw: descend(raw, TRUE_WEIGHTS, SDS[1]! ** 2),
    scaled: descend(
      scaler.transform(raw),
      [TRUE_WEIGHTS[0]! * SDS[0]!, TRUE_WEIGHTS[1]! * SDS[1]!],
      1,
    ),
  };
  return {
    numbers: { rawSteps: paths.raw.length - 1, scaledSteps: paths.scaled.length - 1 },
    curves: paths,
  };
}

/** The path of w by gradient descent until the error is a ten-thousandth of the first. */
function descend(x: Tensor, goal: readonly number[], curvature: number): Point[] {
  using model = new Linear(2, 1, { bias: false });
  const start = [goal[0]! - 1.5, goal[1]! + 1.5];
  model.weight.assign(Tensor.from([start]));
  const values = x.toArray();
  const targets = Tensor.from(
    Float32Array.from(
      { length: x.shape[0]! },
      (_, i) => values[2 * i]! * goal[0]! + values[2 * i + 1]! * goal[1]!,
    ),
    [x.shape[0]!, 1],
  );
  using loss = new MSELoss();
  using optimizer = new SGD(model.parameters(), { lr: 0.9 / curvature });
  const path: Point[] = [];
  let first = Number.NaN;
  while (path.length < 2000) {
    const [w1, w2] = model.weight.data.toArray();
    path.push({ x: w1!, y: w2! });
    const error = loss.forward(model.forward(x), targets);
    if (Number.isNaN(first)) first = error;
    if (error <= first * 1e-4) break;
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  }
  return path;
}

function canyonFigures({ measured }: Result) {
  return (['raw', 'scaled'] as const).map((kind) => {
    const path = measured.curves![kind]!;
    const sds = kind === 'raw' ? SDS : [1, 1];
    const goal = kind === 'raw' ? TRUE_WEIGHTS : TRUE_WEIGHTS.map((w, i) => w * SDS[i]!);
    const [x, y] = goal as [number, number];
    return {
      name: `canyon-${kind}`,
      caption:
        kind === 'raw'
          ? `Two features with standard deviations ${SDS.join(' and ')}: ${path.length - 1} steps of gradient descent in a canyon.`
          : `The same features, standardized: ${path.length - 1} steps in a bowl.`,
      svg: drawn({
        width: 460,
        height: 420,
        style: { background: 'none', color: 'currentColor', fontSize: '12px' },
        x: { label: 'w₁', domain: [x - 2, x + 2] },
        y: { label: 'w₂', domain: [y - 2, y + 2] },
        color: { type: 'log', scheme: 'blues', reverse: true, label: 'mean squared error' },
        marks: [
          Plot.contour({
            fill: (u: number, v: number) =>
              1e-3 + (sds[0]! * (u - x)) ** 2 + (sds[1]! * (v - y)) ** 2,
            x1: x - 2,
            x2: x + 2,
            y1: y - 2,
            y2: y + 2,
            thresholds: Array.from({ length: 16 }, (_, i) => 1e-3 * 2 ** i),
            pixelSize: 4,
          }),
          Plot.line(path, { x: 'x', y: 'y', stroke: COLOURS[1]!, strokeWidth: 1.5, marker: 'dot' }),
        ],
      }),
    };
  });
}
