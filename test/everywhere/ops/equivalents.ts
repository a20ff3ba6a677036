/** Ops without goldens of their own, held to others that have some, or to their equation. */
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AvgPool1d,
  AvgPool2d,
  Concat,
  DecayToFloor,
  Flatten,
  GlobalAvgPool,
  Identity,
  MaxPool1d,
  MaxPool2d,
  type Module,
  Normalization,
  Parameter,
  SGD,
  Tensor,
  Unflatten,
} from 'evenkeel';
import { Batches, MinMaxScaler } from 'evenkeel/data';
import { hashed } from '../../support/hashed.ts';
import { type Check, close, equal } from '../checks/check.ts';

const values = (n: number, seed: number) => Float32Array.from(hashed(seed, n), (u) => u * 2 - 1);

/** The same numbers from both, forward and backward. */
function alike(one: Module, other: Module, shapes: { one: number[]; other: number[] }): Module {
  const x = values(
    shapes.one.reduce((a, b) => a * b, 1),
    1,
  );
  const y = one.forward({ data: x, shape: shapes.one });
  const z = other.forward({ data: x, shape: shapes.other });
  close(y.toArray(), z.toArray(), {}, 'y');
  const dy = values(y.size, 2);
  const dx = one.backward({ data: dy, shape: y.shape }).toArray();
  close(dx, other.backward({ data: dy, shape: z.shape }).toArray(), {}, 'dx');
  one.dispose();
  other.dispose();
  return one;
}

const flat = { one: [2, 3, 17], other: [2, 3, 1, 17] };

const checks: Check[] = [
  [
    'MaxPool1d',
    () => alike(new MaxPool1d(3, { stride: 2 }), new MaxPool2d([1, 3], { stride: [1, 2] }), flat),
  ],
  [
    'AvgPool1d',
    () => alike(new AvgPool1d(4, { padding: 2 }), new AvgPool2d([1, 4], { padding: [0, 2] }), flat),
  ],
  ['AdaptiveAvgPool1d', () => alike(new AdaptiveAvgPool1d(5), new AdaptiveAvgPool2d([1, 5]), flat)],
  ['AdaptiveMaxPool1d', () => alike(new AdaptiveMaxPool1d(5), new AdaptiveMaxPool2d([1, 5]), flat)],
  ['Identity', () => alike(new Identity(), new Flatten(), { one: [2, 15], other: [2, 3, 5] })],
  [
    'GlobalAvgPool',
    () => {
      const layer = new GlobalAvgPool();
      const x = values(2 * 3 * 35, 3);
      const y = layer.forward({ data: x, shape: [2, 3, 5, 7] });
      equal(y.shape, [2, 3], 'shape');
      const mean = (_: unknown, i: number) =>
        x.subarray(i * 35, (i + 1) * 35).reduce((sum, v) => sum + v, 0) / 35;
      close(y.toArray(), Array.from({ length: 6 }, mean), { scaled: 1e-6 }, 'y');
      const dy = values(6, 4);
      const dx = layer.backward({ data: dy, shape: [2, 3] }).toArray();
      close(
        dx,
        Array.from(x, (_, i) => dy[Math.floor(i / 35)]! / 35),
        { rtol: 1e-6 },
        'dx',
      );
      layer.dispose();
      return layer;
    },
  ],
  [
    'Concat, Unflatten',
    () => {
      const concat = new Concat();
      const [a, b] = [Tensor.from(values(6, 5), [2, 3]), Tensor.from(values(4, 6), [2, 2])];
      const y = concat.forward([a, b]);
      const [p, q] = [a.toArray(), b.toArray()];
      close(
        y.toArray(),
        [...p.slice(0, 3), ...q.slice(0, 2), ...p.slice(3), ...q.slice(2)],
        {},
        'y',
      );
      const [da, db] = concat.backward<Tensor[]>(y.clone());
      close(da!.toArray(), p, {}, 'da');
      close(db!.toArray(), q, {}, 'db');
      const unflatten = new Unflatten(1, [2, 2]);
      const x = Tensor.from(values(12, 7), [3, 4]);
      const z = unflatten.forward(x);
      equal(z.shape, [3, 2, 2], 'shape');
      close(z.toArray(), x.toArray(), {}, 'unflattened');
      for (const layer of [concat, unflatten]) layer.dispose();
      return [concat, unflatten];
    },
  ],
  [
    'MinMaxScaler, Normalization',
    () => {
      const x = { data: values(21, 8), shape: [7, 3] };
      const scaler = new MinMaxScaler({ range: [-2, 3] }).fit(x);
      const column = (j: number) => x.data.filter((_, i) => i % 3 === j);
      const expected = Array.from(x.data, (v, i) => {
        const all = column(i % 3);
        const [low, high] = [Math.min(...all), Math.max(...all)];
        return ((v - low) / (high - low)) * 5 - 2;
      });
      const layer = new Normalization(scaler);
      close(layer.forward(x).toArray(), expected, { rtol: 1e-6, atol: 1e-6 }, 'y');
      layer.dispose();
      return [scaler, layer];
    },
  ],
  [
    'DecayToFloor',
    () => {
      const parameter = new Parameter(Tensor.zeros([1]));
      const optimizer = new SGD([parameter], { lr: 0.1 });
      const schedule = new DecayToFloor(optimizer, { min: 1e-4, max: 3e-3, speed: 20 });
      for (const count of [0, 1, 19, 1000]) {
        schedule.moveTo(count);
        const expected = 1e-4 + (3e-3 - 1e-4) * Math.exp(-count / 20);
        close([optimizer.lr], [expected], { rtol: 1e-14 }, `lr at ${count}`);
      }
      optimizer.dispose();
      parameter.dispose();
      return schedule;
    },
  ],
  [
    'Batches',
    () => {
      const inputs = { data: Float32Array.from({ length: 10 }, (_, i) => i), shape: [10, 1] };
      const targets = Array.from({ length: 10 }, (_, i) => i);
      const batches = new Batches({ inputs, targets }, { batchSize: 4, shuffle: true, seed: 3 });
      const seen: number[] = [];
      for (const batch of batches) seen.push(...batch.targets);
      equal(
        [...seen].sort((a, b) => a - b),
        targets,
        'targets',
      );
      return batches;
    },
  ],
];

export default checks;
