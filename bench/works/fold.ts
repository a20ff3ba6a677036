/** Inference of networks as they are (batch norm and ReLU in one pass), and folded. */
import {
  BatchNorm2d,
  Conv2d,
  fold,
  type Module,
  manualSeed,
  ReLU,
  Residual,
  Sequential,
} from 'evenkeel';
import { cnn, mlp } from '../../examples/train/network.ts';
import { fillUniform } from '../arena.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Row } from '../scene.ts';

/** A residual network's middle: blocks of two convolutions on [N, 32, 16, 16]. */
function residual(): Module {
  const conv = () => new Conv2d(32, 32, 3, { padding: 1, bias: false });
  const block = () =>
    new Residual(
      new Sequential(conv(), new BatchNorm2d(32), new ReLU(), conv(), new BatchNorm2d(32)),
    );
  return new Sequential(block(), new ReLU(), block(), new ReLU());
}

/** What a depthwise separable block does: little arithmetic, much memory. */
function separable(): Module {
  return new Sequential(
    new Conv2d(64, 64, 3, { padding: 1, groups: 64, bias: false }),
    new BatchNorm2d(64),
    new ReLU(),
    new Conv2d(64, 64, 1, { bias: false }),
    new BatchNorm2d(64),
  );
}

const NETWORKS: [string, () => Module, number[]][] = [
  ['mlp', mlp, [784]],
  ['cnn', cnn, [1, 28, 28]],
  ['residual', residual, [32, 16, 16]],
  ['separable', separable, [64, 28, 28]],
];

/** Milliseconds a `predict`. */
export function measureFold(effort: Effort): Row[] {
  return NETWORKS.flatMap(([name, make, extents]) =>
    [1, 32].flatMap((n) => {
      manualSeed(1);
      using model = make();
      using network = fold(model);
      const shape = [n, ...extents];
      const data = fillUniform(new Float32Array(shape.reduce((a, b) => a * b)), 1);
      const times = timeRounds(
        {
          unfolded: { run: () => void model.predict({ data, shape }) },
          folded: { run: () => void network.predict({ data, shape }) },
        },
        effort,
      );
      const base = { group: 'fold', shape: `${name}, batch ${n}`, unit: 'ms' as const };
      const ratio = statistic(times.folded.map((ms, round) => ms / times.unfolded[round]!));
      return [
        { ...base, work: 'unfolded', value: statistic(times.unfolded) },
        {
          ...base,
          work: 'folded',
          value: statistic(times.folded),
          ratio: { of: '× unfolded', ...ratio },
        },
      ];
    }),
  );
}
