/**
 * What batch norm and ReLU add to a convolution's time when they are fused, × what they add when each layer
 * runs by itself. Both are differences to the convolution alone, in the same round.
 */
import { BatchNorm2d, Conv2d, type Module, manualSeed, ReLU, Sequential } from 'evenkeel';
import { fillUniform } from '../arena.ts';
import { type Bench, ratios } from '../bench.ts';
import { type Effort, type Entry, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';

interface Fusion {
  name: string;
  shape: number[];
  conv: () => Conv2d;
}

const FUSIONS: Fusion[] = [
  {
    name: 'CNN 1, batch norm, ReLU',
    shape: [100, 1, 28, 28],
    conv: () => new Conv2d(1, 24, 6, { padding: 'same', bias: false }),
  },
  {
    name: '1×1, batch norm, ReLU',
    shape: [32, 32, 56, 56],
    conv: () => new Conv2d(32, 32, 1, { bias: false }),
  },
];

/** A ReLU that the plan does not recognize, so that it stays a pass of its own. */
class SeparateReLU extends ReLU {
  override get isReLU(): boolean {
    return false;
  }
}

const network = (conv: Conv2d, relu: ReLU) =>
  new Sequential(conv, new BatchNorm2d(conv.outChannels), relu);

/** A forward pass, and a forward and backward pass. */
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

/** Milliseconds beyond the convolution's own. */
function measureFusion(effort: Effort): Measured[] {
  return FUSIONS.flatMap(({ name, shape, conv }) => {
    manualSeed(1);
    using alone = conv();
    using fused = network(conv(), new ReLU());
    using unfused = network(conv(), new SeparateReLU());
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
      const base = { shape: `${name} [${shape.join(', ')}]`, unit: 'ms' as const };
      const [ours, theirs] = [added[work]('fused'), added[work]('apart')];
      const ratio = statistic(ours.map((ms, round) => ms / theirs[round]!));
      return [
        { ...base, work: `${work}, apart`, value: statistic(theirs) },
        { ...base, work, value: statistic(ours), ratio: { of: '× apart', ...ratio } },
      ];
    });
  });
}

const bench: Bench = {
  subject: 'Networks',
  shown: [],
  measure: (_, effort) => measureFusion(effort),
  goals: [
    {
      name: 'batch norm and ReLU fused behind a convolution, forward and backward, × apart',
      ...{ must: 0.5, aim: 0.5, unit: '×' },
      why: "forward, x is read for the statistics, then read again and y written: that second pass alone is half of what the separate layers cost, whose ReLU works in place. Backward, the sums read dy and x, then dx reads them again and is written. Only the ReLU's pass is saved",
      of: ({ strict }) => [...ratios(strict, 'forward'), ...ratios(strict, 'backward')],
    },
  ],
};
export default bench;
