import { describe, expect, it } from 'vitest';
import { loadSafetensors, saveSafetensors } from '../../src/state/index.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { PCA, ZCA } from '../../src/whitening/index.ts';
import { expectClose } from '../support/close.ts';
import { type GoldenTensor, readGoldens } from '../support/goldens.ts';
import { TestRandom } from '../support/random.ts';

const tables = new Map(readGoldens('tables').map(({ name, x }) => [name, x as GoldenTensor]));

/** Column by column, relative to the column's largest: components differ in size by powers of ten. */
function expectColumns(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  width: number,
  scaled: number,
): void {
  for (let j = 0; j < width; j++) {
    const column = (values: ArrayLike<number>) =>
      Array.from(values).filter((_, i) => i % width === j);
    expectClose(column(actual), column(expected), { scaled }, `column ${j}`);
  }
}

/** Every `step`-th row. */
function every(step: number, values: ArrayLike<number>, width: number): number[] {
  return Array.from(values).filter((_, i) => Math.floor(i / width) % step === 0);
}

function rowsOf({ data, shape }: GoldenTensor, from: number, to: number) {
  const [n, width] = shape as [number, number];
  const end = Math.min(to, n);
  return { data: data.slice(from * width, end * width), shape: [end - from, width] };
}

describe('PCA and ZCA against scikit-learn', () => {
  for (const golden of readGoldens('whitening')) {
    const { name, share, kept, ratio, components, variance, mean, zca, smooth } = golden;
    const x = tables.get(name)!;
    const [n, f] = x.shape as [number, number];
    const rows = (y: Tensor, width = f) => every(golden.every, y.toArray(), width);

    // Eigenvalues of breast_cancer differ by 1e12.
    it(`PCA: ${name}`, () => {
      const streamed = new PCA();
      for (let at = 0; at < n; at += 50) streamed.partialFit(rowsOf(x, at, at + 50));
      for (const pca of [new PCA().fit(x), streamed]) {
        expect([pca.nComponents, pca.features, pca.count]).toEqual([f, f, n]);
        expectClose(pca.mean, mean.data, { rtol: 1e-13 }, 'mean');
        expectClose(pca.explainedVariance, variance.data, { rtol: 1e-6 }, 'variance');
        expectClose(pca.explainedVarianceRatio, ratio.data, { rtol: 1e-6 }, 'ratio');
        expectClose(pca.components.toArray(), components.data, { atol: 1e-6 }, 'components');
        const y = pca.transform(x);
        expectColumns(rows(y), golden.y.data, f, 5e-6);
        expectColumns(pca.inverse(y).toArray(), x.data, f, 3e-6);
      }
      const few = new PCA({ nComponents: 2 });
      const y = few.fitTransform(x);
      expect(y.shape).toEqual([n, 2]);
      expectColumns(rows(few.inverse(y)), golden.rebuilt.data, f, 1e-6);
      expect(new PCA({ nComponents: share }).fit(x).nComponents).toBe(kept);
    });

    it(`whitening PCA: ${name}`, () => {
      const pca = new PCA({ whiten: true });
      const y = pca.fitTransform(x);
      expectColumns(rows(y), golden.white.data, f, 5e-6);
      const { explainedVariance } = new PCA().fit(y);
      expectClose(explainedVariance, new Float64Array(f).fill(1), { rtol: 1e-5 });
      expectColumns(pca.inverse(y).toArray(), x.data, f, 3e-6);
    });

    it(`ZCA: ${name}`, () => {
      for (const { eps, matrix, y: expected } of [zca, smooth]) {
        const whitening = new ZCA({ eps });
        const y = whitening.fitTransform(x);
        expectClose(whitening.matrix.toArray(), matrix.data, { scaled: 1e-6 }, 'W');
        expectColumns(rows(y), expected.data, f, 5e-6);
        expectColumns(whitening.inverse(y).toArray(), x.data, f, 2e-6);
      }
    });
  }

  it('does not depend on the order of features', () => {
    // The largest first is what the decomposition by itself is worst at: 3e-5.
    const { data, shape } = tables.get('breast_cancer')!;
    const f = shape[1]!;
    const { scatter } = new PCA().fit({ data, shape }).stateDict();
    const spread = scatter.toArray();
    const order = Array.from({ length: f }, (_, i) => i).sort(
      (i, j) => spread[j * f + j]! - spread[i * f + i]!,
    );
    const turned = data.map((_, at) => data[at - (at % f) + order[at % f]!]!);
    const [a, b] = [new PCA().fit({ data, shape }), new PCA().fit({ data: turned, shape })];
    expectClose(b.explainedVariance, a.explainedVariance, { rtol: 1e-9 });
    const back = b.components.toArray();
    const expected = a.components.toArray();
    expectClose(
      back,
      expected.map((_, at) => expected[at - (at % f) + order[at % f]!]!),
      { atol: 1e-7 },
    );
  });
});

describe('PCA', () => {
  const random = new TestRandom(9);

  it('finds directions it was given, far from 0', () => {
    const n = 5000;
    const data = new Float64Array(n * 5);
    for (let r = 0; r < n; r++) {
      const [a, b] = [10 * random.normal(), 3 * random.normal()];
      [0.6 * a, 0.8 * a, b, 0, 1e-3 * random.normal()].forEach((value, i) => {
        data[r * 5 + i] = 1e6 + value;
      });
    }
    const pca = new PCA({ nComponents: 2 }).fit({ data, shape: [n, 5] });
    const expected = [0.6, 0.8, 0, 0, 0, 0, 0, 1, 0, 0];
    expectClose(pca.components.toArray(), expected, { atol: 0.02 });
    expectClose(pca.explainedVariance, [100, 9], { rtol: 0.06 });
    expect(pca.explainedVarianceRatio[0]! + pca.explainedVarianceRatio[1]!).toBeGreaterThan(
      0.99999,
    );
  });

  it('works on fewer samples than features, without whitening', () => {
    const x = { data: random.normals(4 * 9), shape: [4, 9] };
    const pca = new PCA().fit(x);
    expect(pca.nComponents).toBe(4);
    expectClose([pca.explainedVariance[3]!], [0], { atol: 1e-12 });
    expectClose(pca.inverse(pca.transform(x)).toArray(), x.data, { atol: 1e-5 });
    const white = new PCA({ whiten: true, nComponents: 3 });
    expectClose(new PCA().fit(white.fitTransform(x)).explainedVariance, [1, 1, 1], { rtol: 1e-5 });
  });

  it('gives 0 for data that do not vary', () => {
    const pca = new PCA().fit(
      Tensor.from([
        [1, 2],
        [1, 2],
        [1, 2],
      ]),
    );
    expect([...pca.explainedVarianceRatio]).toEqual([0, 0]);
    expect([...pca.transform(Tensor.from([[1, 2]])).toArray()].map(Math.abs)).toEqual([0, 0]);
  });

  it('gives a row the same bits alone and among others, and gives memory back', async () => {
    const { memoryUsage } = await import('../../src/index.ts');
    const x = { data: random.normals(2100 * 6), shape: [2100, 6] };
    const pca = new PCA({ nComponents: 5 }).fit(x);
    const { used } = memoryUsage();
    const whole = pca.transform(x).toArray();
    for (const row of [0, 1023, 1024, 2099]) {
      const alone = { data: x.data.slice(row * 6, row * 6 + 6), shape: [1, 6] };
      expect(pca.transform(alone).toArray()).toEqual(whole.slice(row * 5, row * 5 + 5));
    }
    expect(memoryUsage().used).toBe(used);
  });

  it('checks its options', () => {
    for (const nComponents of [0, -1, 2.5, Number.NaN]) {
      expect(() => new PCA({ nComponents })).toThrow(RangeError);
    }
    expect(() => new PCA({ nComponents: '2' as never })).toThrow(TypeError);
    expect(() => new PCA({ nComponents: 5 }).fit(Tensor.zeros([10, 4]))).toThrow(
      new RangeError('PCA: nComponents expected at most 4, with 10 samples of 4 features, got 5'),
    );
    expect(() => new PCA().fit(Tensor.zeros([1, 4]))).toThrow(
      new RangeError('PCA: expected 2 samples or more, got 1'),
    );
    expect(() => new ZCA({ eps: -1 })).toThrow(RangeError);
  });
});

describe('whitening', () => {
  const random = new TestRandom(10);

  it('refuses fewer samples than features', () => {
    const x = { data: random.normals(10 * 30), shape: [10, 30] };
    expect(() => new PCA({ whiten: true }).fit(x)).toThrow(
      new RangeError(
        'PCA: whitening expected more samples than components, got 10 samples for 10: use more ' +
          'samples, or nComponents of at most 9',
      ),
    );
    expect(() => new ZCA().fit(x)).toThrow(
      new RangeError(
        'ZCA: whitening expected more samples than features, got 10 samples of 30: give an eps ' +
          'above 0, or use PCA with fewer components',
      ),
    );
    expect(new ZCA({ eps: 0.1 }).fitTransform(x).shape).toEqual([10, 30]);
    // Over a stream there may be enough in the end.
    const streamed = new ZCA().partialFit(x);
    expect(() => streamed.transform(x)).toThrow(/more samples than features/);
    const y = streamed.partialFit({ data: random.normals(40 * 30), shape: [40, 30] }).transform(x);
    expect(y.shape).toEqual([10, 30]);
  });

  it('refuses features that depend on others', () => {
    const data = random.normals(50 * 3);
    for (let r = 0; r < 50; r++) data[3 * r + 2] = 2 * data[3 * r]!;
    const x = { data, shape: [50, 3] };
    expect(() => new PCA({ whiten: true }).fit(x)).toThrow(
      new RangeError(
        'PCA: whitening expected components that vary, got 2 for 3 (features are constant or ' +
          'depend on each other): use nComponents of at most 2',
      ),
    );
    expect(() => new ZCA().fit(x)).toThrow(
      /got 2 directions for 3 \(some are constant or depend on others\): give an eps above 0/,
    );
    expect(new PCA({ whiten: true, nComponents: 2 }).fitTransform(x).shape).toEqual([50, 2]);
  });

  it.each([
    ['PCA', () => new PCA()],
    ['ZCA', () => new ZCA()],
  ] as const)('%s keeps its state, and says what is wrong with another', (name, make) => {
    const x = { data: random.normals(40 * 3, 5, 2), shape: [40, 3] };
    const more = { data: random.normals(10 * 3), shape: [10, 3] };
    const [a, b] = [make().fit(x), make()];
    b.loadStateDict(loadSafetensors(saveSafetensors(a.stateDict())).tensors);
    expect(b.transform(x)).toEqual(a.transform(x));
    expect(b.partialFit(more).stateDict()).toEqual(a.partialFit(more).stateDict());
    expect(a.transform(x)).toEqual(make().partialFit(x).partialFit(more).transform(x));

    const wide = make()
      .fit({ data: random.normals(40), shape: [10, 4] })
      .stateDict();
    const before = a.stateDict();
    expect(() => a.loadStateDict(wide)).toThrow(
      new RangeError(`${name}.loadStateDict: mean expected [3, 3], got [3, 4]`),
    );
    expect(() => make().loadStateDict({ ...before, scatter: wide.scatter })).toThrow(
      new RangeError(`${name}.loadStateDict: scatter expected [3, 3, 3], got [3, 4, 4]`),
    );
    expect(() => make().loadStateDict({ mean: before.mean })).toThrow(
      new RangeError(`${name}.loadStateDict: expected mean, scatter, count, got mean`),
    );
    expect(() => make().loadStateDict({ ...before, count: Tensor.zeros([3, 1]) })).toThrow(
      new RangeError(`${name}.loadStateDict: count expected a whole number ≥ 1, got 0`),
    );
    const none = Tensor.from(new Float32Array(9).fill(Number.NaN), [3, 3]);
    expect(() => a.loadStateDict({ ...before, mean: none })).toThrow(/mean: expected numbers/);
    expect(a.stateDict()).toEqual(before);
  });

  it.each([
    ['PCA', () => new PCA()],
    ['ZCA', () => new ZCA()],
  ] as const)('%s says what is wrong with its input, and stays as it was', (name, make) => {
    const x = { data: random.normals(40 * 3), shape: [40, 3] };
    const text = 'there are no samples yet: call fit or partialFit, or loadStateDict';
    for (const method of ['transform', 'inverse'] as const) {
      expect(() => make()[method](x)).toThrow(new Error(`${name}.${method}: ${text}`));
    }
    expect(() => make().stateDict()).toThrow(text);
    expect(() => make().mean).toThrow(text);
    const fitted = make().fit(x);
    const before = fitted.stateDict();
    for (const method of ['transform', 'inverse', 'partialFit'] as const) {
      expect(() => fitted[method](Tensor.zeros([2, 4]))).toThrow(
        new RangeError(`${name}.${method}: input expected [N, 3], got [2, 4]`),
      );
    }
    expect(() => fitted.fit(Tensor.zeros([2, 1, 3]))).toThrow(
      new RangeError(
        `${name}.fit: input expected [N, F], got [2, 1, 3]: give images as rows, [N, C·H·W]`,
      ),
    );
    expect(() => fitted.fit(Tensor.zeros([0, 3]))).toThrow(/input is empty/);
    const bad = { data: [1, 2, Number.NaN, 4, 5, 6], shape: [2, 3] };
    for (const method of ['fit', 'partialFit', 'transform', 'inverse'] as const) {
      expect(() => fitted[method](bad)).toThrow(
        new RangeError(
          `${name}.${method}: expected numbers, got NaN at [0, 2]: replace it with a number, or ` +
            'remove the sample',
        ),
      );
    }
    expect(() => fitted.fit({ data: [1, Infinity], shape: [2, 1] })).toThrow(/got Infinity/);
    expect(fitted.stateDict()).toEqual(before);
  });
});
