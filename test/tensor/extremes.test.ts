/** Activations and losses at the ends of float32's range answer as PyTorch does (goldens/extremes.py). */
import { describe, expect, it } from 'vitest';
import {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  ELU,
  GELU,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  LeakyReLU,
  LogSoftmax,
  type Module,
  MSELoss,
  PReLU,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
  Tensor,
} from '../../src/index.ts';
import { type GoldenCase, readGoldens } from '../support/goldens.ts';

const ACTIVATIONS: Record<string, () => Module> = {
  ReLU: () => new ReLU(),
  ReLU6: () => new ReLU6(),
  Sigmoid: () => new Sigmoid(),
  Tanh: () => new Tanh(),
  GELU: () => new GELU(),
  'GELU(tanh)': () => new GELU({ approximate: 'tanh' }),
  SiLU: () => new SiLU(),
  'LeakyReLU(0.01)': () => new LeakyReLU(),
  PReLU: () => new PReLU(),
  'ELU(1)': () => new ELU(),
  'ELU(0.5)': () => new ELU(0.5),
};
const LOSSES = {
  mse: new MSELoss(),
  l1: new L1Loss(),
  huber: new HuberLoss(),
  bceWithLogits: new BCEWithLogitsLoss(),
  klDiv: new KLDivLoss({ reduction: 'sum' }),
};

/**
 * Answers that are more exact than PyTorch's, where its formulas cancel: eˣ − 1 near 0, and the loss of a
 * confident right answer.
 */
const MORE_EXACT: Record<string, number> = {
  'ELU(1) y -1e-20': -1e-20,
  'ELU(0.5) y -1e-20': -0.5e-20,
  'bceWithLogits of 0 y -30': 9.357622968840175e-14,
  'bceWithLogits of 1 y 30': 9.357622968840175e-14,
  'bceWithLogits of 1 dx 30': -9.357622968840175e-14,
  'bceWithLogits of 0.5 y -Infinity': Infinity,
  'bceWithLogits of 1 y -Infinity': Infinity,
};

/** Whether two numbers are the same but for the last bits of a rounding; below 1e-30 zero will do. */
function agrees(got: number, want: number): boolean {
  if (Object.is(got, want)) return true;
  return Math.abs(got - want) <= 4e-6 * Math.abs(want) + 1e-30;
}

function answers(golden: GoldenCase): { y: number[]; dx: number[] } {
  const { kind, name, x, t, label, other } = golden;
  const found: { y: number[]; dx: number[] } = { y: [], dx: [] };
  const layer = kind === 'activation' ? ACTIVATIONS[name]!() : undefined;
  for (const [i, v] of Array.from(x.data as Float32Array).entries()) {
    if (layer) {
      found.y.push(layer.forward(Tensor.from([v])).item());
      found.dx.push(layer.backward(Tensor.from([1])).item());
    } else if (kind === 'softmax') {
      const softmax = name === 'Softmax' ? new Softmax() : new LogSoftmax();
      found.y.push(softmax.forward(Tensor.from([[v, 0]])).toArray()[0]!);
      found.dx.push(softmax.backward(Tensor.from([[1, 0]])).toArray()[0]!);
    } else if (name === 'crossEntropy') {
      const loss = new CrossEntropyLoss();
      found.y.push(loss.forward(Tensor.from([[v, other]]), [label]));
      found.dx.push(loss.backward().toArray()[0]!);
    } else {
      const loss = LOSSES[name as keyof typeof LOSSES];
      found.y.push(loss.forward(Tensor.from([v]), [t.data[i]]));
      found.dx.push(loss.backward().item());
    }
  }
  return found;
}

describe('at ±0, ±1e-38, ±1e15, ±3e38, ±∞ and NaN', () => {
  it.each(
    readGoldens('extremes').map(
      (golden, i) => [`${golden.kind} ${golden.name}`, i, golden] as const,
    ),
  )('%s (%i)', (_, __, golden) => {
    const found = answers(golden);
    const name = golden.t ? `${golden.name} of ${golden.t.data[0]}` : golden.name;
    const differences = (['y', 'dx'] as const).flatMap((what) =>
      Array.from(golden.x.data as Float32Array, (x, i) => {
        const got = Math.fround(found[what][i]!);
        const label = `${name} ${what} ${Number(x.toPrecision(6))}`;
        const want = MORE_EXACT[label] ?? golden[what].data[i];
        return agrees(got, want) ? [] : [`${label}: expected ${want}, got ${got}`];
      }).flat(),
    );
    expect(differences).toEqual([]);
  });
});
