/**
 * What batch norm, ReLU and a shortcut add to a convolution, in the plan that fuses them, as a share of
 * what they add layer by layer. Both are differences to the convolution alone, in the same round.
 */
import { BatchNorm2d, Conv2d, type Module, manualSeed, ReLU, Residual, Sequential } from 'evenkeel';
import { fillUniform } from '../arena.ts';
import { type Effort, type Entry, statistic, timeRounds } from '../measure.ts';
import type { Row } from '../scene.ts';

interface Fusion {
  name: string;
  shape: number[];
  conv: () => Conv2d;
  /** The convolution, in what is fused. */
  around: (conv: Conv2d, batchNorm: BatchNorm2d) => Module;
}

const pointwise = (channels: number) => () => new Conv2d(channels, channels, 1, { bias: false });
const inLine = (conv: Conv2d, batchNorm: BatchNorm2d) =>
  new Sequential(conv, batchNorm, new ReLU());
const residual = (conv: Conv2d, batchNorm: BatchNorm2d) =>
  new Sequential(new Residual(new Sequential(conv, batchNorm)), new ReLU());

const FUSIONS: Fusion[] = [
  {
    name: 'CNN 1, batch norm, ReLU',
    shape: [100, 1, 28, 28],
    conv: () => new Conv2d(1, 24, 6, { padding: 'same', bias: false }),
    around: inLine,
  },
  { name: '1×1, batch norm, ReLU', shape: [32, 32, 56, 56], conv: pointwise(32), around: inLine },
  {
    name: '1×1, batch norm, shortcut, ReLU',
    shape: [32, 32, 56, 56],
    conv: pointwise(32),
    around: residual,
  },
];

/** Lets no layer take over another: the plan then runs them one by one. */
function apart(model: Module): Module {
  for (const [, layer] of model.namedModules()) Object.assign(layer, { absorb: () => false });
  return model;
}

/** A forward pass, and one with its backward. */
function entriesOf<Name extends string>(name: Name, model: Module, shape: number[]) {
  const data = fillUniform(new Float32Array(shape.reduce((a, b) => a * b)), 1);
  const y = model.forward({ data, shape });
  const dy = { data: fillUniform(new Float32Array(y.size), 2), shape: y.shape };
  return {
    [name]: { run: () => void model.forward({ data, shape }) },
    [`${name} both`]: {
      run: () => {
        model.forward({ data, shape });
        model.backward(dy);
      },
    },
  } as Record<Name | `${Name} both`, Entry>;
}

/** Milliseconds that are added to the convolution's. */
export function measureFusion(effort: Effort): Row[] {
  return FUSIONS.flatMap(({ name, shape, conv, around }) => {
    manualSeed(1);
    using alone = conv();
    const channels = alone.outChannels;
    using fused = around(conv(), new BatchNorm2d(channels));
    using unfused = apart(around(conv(), new BatchNorm2d(channels)));
    const times = timeRounds(
      {
        ...entriesOf('alone', alone, shape),
        ...entriesOf('fused', fused, shape),
        ...entriesOf('apart', unfused, shape),
      },
      effort,
    );
    const added = {
      forward: (of: 'fused' | 'apart') => times[of].map((ms, i) => ms - times.alone[i]!),
      backward: (of: 'fused' | 'apart') =>
        times[`${of} both`].map(
          (ms, i) => ms - times[of][i]! - (times['alone both'][i]! - times.alone[i]!),
        ),
    };
    return (['forward', 'backward'] as const).flatMap((work) => {
      const base = { group: 'fusion', shape: `${name} [${shape.join(', ')}]`, unit: 'ms' as const };
      const [ours, theirs] = [added[work]('fused'), added[work]('apart')];
      const ratio = statistic(ours.map((ms, round) => ms / theirs[round]!));
      return [
        { ...base, work: `${work}, apart`, value: statistic(theirs) },
        { ...base, work, value: statistic(ours), ratio: { of: '× apart', ...ratio } },
      ];
    });
  });
}
