import { describe, expect, it } from 'vitest';
import { LogSoftmax, Sequential, Softmax, Tensor } from '../../src/index.ts';
import * as reference from '../reference/softmax.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

type Dims = readonly [number, number, number];

const shapes: Dims[] = [
  [1, 1, 1],
  [3, 3, 1],
  [2, 4, 1],
  [3, 5, 1],
  [2, 15, 1],
  [5, 16, 1],
  [2, 17, 1],
  [2, 1000, 1],
  [2, 1, 3],
  [2, 3, 4],
  [3, 10, 5],
  [1, 7, 17],
];

const kinds = [
  ['softmax', reference.softmax, reference.softmaxGradient],
  ['logSoftmax', reference.logSoftmax, reference.logSoftmaxGradient],
] as const;

describe.each(kinds)('%s', (name, values, gradient) => {
  const forward = (x: Float32Array, n: number, c: number, inner: number) =>
    kernelCase({
      inputs: { x },
      outputs: { y: { length: x.length } },
      call: (k, { y, x }) => k[`${name}Forward`](y, x, c, inner, 0, n),
    }).values.y as Float32Array;

  for (const dims of shapes) {
    for (const spread of [1, 30, 1e4]) {
      it(`of [${dims}] agrees with float64 at logits around ±${spread}`, () => {
        const [n, c, inner] = dims;
        const size = n * c * inner;
        const random = new TestRandom(size + spread);
        const x = random.normals(size, 0, spread);
        const dy = random.normals(size);
        // x − max is rounded to float32, and exp makes its absolute error a relative one.
        const rtol = 2e-6 + 2e-7 * Math.min(spread, 100);
        const range = { total: n, step: 1 };
        const forward = kernelCase({
          inputs: { x },
          outputs: { y: { expected: values(x, dims), rtol, atol: 3e-7 } },
          range,
          ...(name === 'softmax' && { inPlace: { y: 'x' } }),
          call: (k, { y, x }, from, to) => k[`${name}Forward`](y, x, c, inner, from, to),
        });
        const expected = gradient(x, dy, dims);
        kernelCase({
          inputs: { y: forward.values.y, dy },
          outputs: { dx: { expected, rtol, scaled: 2e-6, atol: 1e-6 } },
          range,
          inPlace: { dx: 'dy' },
          call: (k, { dx, y, dy }, from, to) => k[`${name}Backward`](dx, y, dy, c, inner, from, to),
        });
      });
    }
  }

  it('gives a row the same bits alone and among others', () => {
    for (const [n, c, inner] of [
      [9, 10, 1],
      [5, 6, 7],
    ] as const) {
      const x = new TestRandom(3).normals(n * c * inner, 0, 3);
      const whole = forward(x, n, c, inner);
      const row = c * inner;
      for (let r = 0; r < n; r++) {
        const alone = forward(x.subarray(r * row, (r + 1) * row), 1, c, inner);
        expect(alone).toEqual(whole.slice(r * row, (r + 1) * row));
      }
      // A position beside others has the bits it has in the last, partial vector.
      if (inner > 1) {
        const narrow = (values: Float32Array) => values.filter((_, i) => i < row && i % inner < 2);
        expect(forward(narrow(x), 1, c, 2)).toEqual(narrow(whole));
      }
    }
  });

  it("agrees with the reference's finite differences", () => {
    const dims: Dims = [2, 4, 2];
    const random = new TestRandom(11);
    const x = Float64Array.from(random.normals(16));
    const dy = random.normals(16);
    const dx = gradient(x, dy, dims);
    expectGradient({ gradient: dx, at: x, of: (x) => values(x, dims), dy, atol: 1e-9 });
  });

  it('makes a row with NaN or +∞ NaN and leaves the others alone', () => {
    const x = Float32Array.of(1, NaN, 2, 1, 2, 3, Infinity, 0, 0, -Infinity, 0, 0);
    const y = forward(x, 4, 3, 1);
    for (const i of [0, 1, 2, 6, 7, 8]) expect(y[i]).toBeNaN();
    for (const i of [3, 4, 5, 10, 11]) expect(y[i]).not.toBeNaN();
    const expected = values([-Infinity, 0, 0], [1, 3, 1]);
    expectClose(y.subarray(9), expected, { rtol: 1e-6 }, 'with −∞');
  });
});

describe('layers', () => {
  it.each([
    [Softmax, reference.softmax, reference.softmaxGradient],
    [LogSoftmax, reference.logSoftmax, reference.logSoftmaxGradient],
  ] as const)('%o normalises any axis', (Kind, values, gradient) => {
    const random = new TestRandom(4);
    const x = Tensor.from(random.normals(60), [3, 4, 5]);
    const dy = Tensor.from(random.normals(60), [3, 4, 5]);
    const axes: [number | undefined, Dims][] = [
      [0, [1, 3, 20]],
      [undefined, [3, 4, 5]],
      [2, [12, 5, 1]],
      [-1, [12, 5, 1]],
      [-3, [1, 3, 20]],
    ];
    for (const [dim, dims] of axes) {
      const layer = new Kind(dim);
      const y = layer.forward(x).toArray();
      expectClose(y, values(x.toArray(), dims), { rtol: 1e-6, atol: 1e-6 }, `y, axis ${dim}`);
      const dx = layer.backward(dy).toArray();
      const expected = gradient(x.toArray(), dy.toArray(), dims);
      expectClose(dx, expected, { rtol: 1e-6, atol: 1e-6 }, `dx, axis ${dim}`);
    }
  });

  it('keep what they need when they stand in a chain', () => {
    const random = new TestRandom(5);
    const x = Tensor.from(random.normals(12), [3, 4]);
    const dy = Tensor.from(random.normals(12), [3, 4]);
    const model = new Sequential(new Softmax(), new LogSoftmax(), new Softmax(0));
    const y = model.forward(x).toArray();
    const [rows, columns]: Dims[] = [
      [3, 4, 1],
      [1, 3, 4],
    ];
    const a = reference.softmax(x.toArray(), rows!);
    const b = reference.logSoftmax(a, rows!);
    expectClose(y, reference.softmax(b, columns!), { rtol: 2e-6 }, 'y');
    const db = reference.softmaxGradient(b, dy.toArray(), columns!);
    const da = reference.logSoftmaxGradient(a, db, rows!);
    const dx = reference.softmaxGradient(x.toArray(), da, rows!);
    expectClose(model.backward(dy).toArray(), dx, { rtol: 1e-5, atol: 1e-6 }, 'dx');
  });

  it('refuse an axis that the input lacks', () => {
    expect(() => new Softmax(2).forward(Tensor.zeros([2, 3]))).toThrow(
      /Softmax\(2\): input expected to have an axis 2, got \[2, 3\]/,
    );
    expect(() => new LogSoftmax(-3).forward(Tensor.zeros([2, 3]))).toThrow(RangeError);
    expect(() => new Softmax(0.5)).toThrow(RangeError);
  });
});
