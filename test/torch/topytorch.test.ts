/** The source that toPyTorch writes, run by the real PyTorch. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { blocksOf } from '../../scripts/docs/pages.ts';
import * as E from '../../src/index.ts';
import { loadModel, loadSafetensors, saveModel, toPyTorch } from '../../src/state/index.ts';
import { COMPOSITES } from '../describe/composites.ts';
import { randomSample, SAMPLES } from '../describe/layers.ts';
import { Calling, OPERATIONS, scaled } from '../describe/operations.ts';
import { seeded } from '../fuzz/choices.ts';
import { makeNet } from '../fuzz/net.ts';
import { type LayerName, MAKERS } from '../fuzz/random-layer.ts';
import { randomNet, randomShape } from '../fuzz/random-net.ts';
import { expectClose } from '../support/close.ts';
import { type Case, differences } from './nets.ts';

const isDropout = (model: E.Module) =>
  model.namedModules().some(([, m]) => {
    return (
      (m instanceof E.Dropout && m.p > 0) || (m instanceof E.MultiheadAttention && m.dropout > 0)
    );
  });

function asCase(name: string, sample: Omit<Case, 'name'>): Case {
  const model = sample.make();
  // Of a single value, x − mean is 0, but PyTorch's layer norm divides its rounding error by √eps.
  const single = model instanceof E.LayerNorm && `${model.normalizedShape}` === '1';
  const random = isDropout(model);
  model.dispose();
  return { ...sample, name, random, tolerance: single ? 1e-4 : undefined };
}

it('every public layer computes and learns the same', () => {
  const cases = Object.entries(SAMPLES).flatMap(([type, samples]) =>
    samples.map((sample, i) => asCase(`${type}_${i}`, sample)),
  );
  expect(differences(cases)).toEqual([]);
});

/** Sequences with lengths and masks, and as parts of a network. */
const SEQUENCES: Readonly<Record<string, Omit<Case, 'name'>>> = {
  lengths: {
    make: () => new E.GRU(3, 4, { numLayers: 2, bidirectional: true, batchFirst: true }),
    shape: [[3, 5, 3], [3]],
    values: [undefined, [2, 5, 3]],
  },
  lastAtItsEnd: {
    make: () => new E.LSTM(3, 4, { bidirectional: true, returns: 'last' }),
    shape: [[5, 3, 3], [3]],
    values: [undefined, [4, 1, 5]],
  },
  tanhLast: { make: () => new E.RNN(3, 4, { returns: 'last', bias: false }), shape: [4, 2, 3] },
  crossAttention: {
    make: () => new E.MultiheadAttention(8, 2, { batchFirst: true, bias: false }),
    shape: [
      [2, 3, 8],
      [2, 5, 8],
      [2, 5, 8],
    ],
  },
  maskedCrossAttention: {
    make: () => new E.MultiheadAttention(8, 2),
    shape: [
      [3, 2, 8],
      [5, 2, 8],
      [5, 2, 8],
      [2, 5],
    ],
    values: [undefined, undefined, undefined, [0, 0, 1, 0, 1, 0, 1, 0, 0, 0]],
  },
  maskedCausal: {
    make: () => new E.MultiheadAttention(8, 4, { batchFirst: true, causal: true }),
    shape: [
      [2, 4, 8],
      [2, 4],
    ],
    values: [undefined, [0, 1, 0, 0, 0, 0, 0, 1]],
  },
  ...Object.fromEntries(
    (
      [{}, { causal: true }, { normFirst: true, batchFirst: true, activation: 'gelu' }] as const
    ).map((options, i) => [
      `encoder${i}`,
      {
        make: () =>
          new E.TransformerEncoderLayer(8, 2, { dimFeedforward: 6, dropout: 0, ...options }),
        shape: [4, 4, 8],
      },
    ]),
  ),
  maskedEncoder: {
    make: () => new E.TransformerEncoderLayer(4, 2, { dimFeedforward: 6, dropout: 0 }),
    shape: [
      [3, 2, 4],
      [2, 3],
    ],
    values: [undefined, [0, 0, 1, 0, 0, 0]],
  },
  network: {
    make: () => {
      const first = new E.TransformerEncoderLayer(6, 2, { dimFeedforward: 5, dropout: 0 });
      const second = new E.TransformerEncoderLayer(6, 2, { dimFeedforward: 5, dropout: 0 });
      Object.assign(second.linear1, { weight: first.linear1.weight });
      second.self_attn.in_proj_weight.requiresGrad = false;
      const rnn = new E.LSTM(6, 3, { returns: 'last' });
      return new E.Sequential({ table: new E.Embedding(9, 6), first, second, rnn });
    },
    shape: [4, 2],
    indices: 9,
  },
};

it('sequences with lengths and masks, and as parts of a network, compute and learn the same', () => {
  const cases = Object.entries(SEQUENCES).map(([name, sample]) => asCase(name, sample));
  expect(differences(cases)).toEqual([]);
});

it('refuses a subclass of a layer whose weights its operations read', () => {
  class Own extends E.GRU {}
  expect(() => toPyTorch(new Own(3, 4), { shape: [5, 2, 3] })).toThrow(/has no translation/);
});

it('300 layers with random options compute and learn the same', () => {
  const cases = Array.from({ length: 300 }, (_, seed) =>
    asCase(`layer_${seed}`, randomSample(seed)),
  );
  expect(differences(cases)).toEqual([]);
});

it('composites of every kind compute and learn the same', () => {
  const cases = Object.entries(COMPOSITES).map(([name, sample]) => asCase(name, sample));
  expect(differences(cases)).toEqual([]);
});

it('operations on tensors compute and learn the same', () => {
  const shape = [2, 3, 6];
  const cases = Object.entries(OPERATIONS).map(([name, then]): Case => {
    return { name: `operation_${name}`, make: () => new Calling(then), shape };
  });
  const block = (): E.Module => new E.Sequential({ a: scaled(), b: scaled() });
  const indices: Case = { name: 'block', make: block, shape };
  expect(differences([...cases, indices])).toEqual([]);
});

it('random draws become those of PyTorch', () => {
  const model = new Calling((x) => E.mul(E.add(x, E.randn([3, 6])), E.bernoulli(E.sigmoid(x))));
  const source = toPyTorch(model, { shape: [2, 3, 6] });
  expect(source).toContain('torch.randn((3, 6))');
  expect(source).toMatch(/\(rand < sigmoid\)\.float\(\)/);
});

it('40 random networks compute and learn the same', () => {
  const names = (Object.keys(MAKERS) as LayerName[]).filter((name) => name !== 'square');
  const cases = Array.from({ length: 40 }, (_, seed): Case => {
    const choices = seeded(1000 + seed);
    const input = randomShape(choices);
    const { spec } = randomNet(choices, input, names, 6);
    const make = () => {
      E.manualSeed(seed);
      return makeNet(spec);
    };
    return asCase(`net_${seed}`, { make, shape: input });
  });
  // Norms of few values amplify float32's rounding error, PyTorch's own as well.
  expect(differences(cases, 2e-3)).toEqual([]);
});

it('the Python of docs/from-pytorch.md runs, and its files move both ways', async () => {
  const page = readFileSync('docs/from-pytorch.md', 'utf8');
  const [first, second] = blocksOf(page).filter(
    ({ language, mark }) => language === 'python' && mark === '',
  );
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  const python = (code: string) => {
    writeFileSync(join(folder, 'main.py'), code);
    execFileSync('/usr/bin/python3', ['-B', 'main.py'], { cwd: folder, stdio: 'inherit' });
  };
  try {
    python(`${first!.code}\nx = torch.arange(784.0).reshape(1, 1, 28, 28) / 784\nnet.eval()
save_safetensors("y.safetensors", {"x": x, "y": net(x)})`);
    const model = new E.Sequential(
      new E.Conv2d(1, 8, 3, { bias: false }),
      new E.BatchNorm2d(8),
      new E.ReLU(),
      new E.Flatten(),
      new E.Linear(8 * 26 * 26, 10),
    );
    const read = (name: string) => readFileSync(join(folder, name));
    model.loadStateDict(loadSafetensors(read('weights.safetensors')).tensors);
    const { x, y } = loadSafetensors(read('y.safetensors')).tensors;
    expectClose(model.predict(x!).toArray(), y!.toArray(), { atol: 1e-5, rtol: 1e-5 });
    writeFileSync(join(folder, 'net.py'), toPyTorch(model));
    writeFileSync(join(folder, 'model.safetensors'), saveModel(model));
    python(second!.code);
    const back = loadModel(read('trained.safetensors'));
    expect(back.predict(x!).toArray()).toEqual(model.predict(x!).toArray());
  } finally {
    rmSync(folder, { recursive: true });
  }
});
