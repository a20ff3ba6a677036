import { describe, expect, it } from 'vitest';
import {
  Dropout,
  Dropout1d,
  Dropout2d,
  Generator,
  Linear,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { DROPOUT_SCRATCH } from '../../src/tensor/random.ts';
import { unit, words } from '../reference/random.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

const SIZES = [1, 3, 4, 5, 15, 16, 17, 33, 131];

describe('dropout kernels', () => {
  for (const p of [0, 0.1, 0.5, 0.9, 1]) {
    const threshold = Math.fround(p);
    const scale = p === 1 ? 0 : Math.fround(1 / (1 - p));
    const mask = (n: number) =>
      Array.from(words(n, 8, 3), (w) => (unit(w) >= threshold ? scale : 0));

    it(`y = x·mask, in and out of place, p = ${p}`, () => {
      for (const n of SIZES) {
        const x = new TestRandom(n).normals(n);
        kernelCase({
          inputs: { x },
          outputs: { y: { expected: mask(n).map((m, i) => Math.fround(x[i]! * m)) } },
          scratch: { scratch: DROPOUT_SCRATCH },
          range: n,
          inPlace: { y: 'x' },
          call: (k, { y, x, scratch }, from, to) => k.dropout(y, x, p, 8, 3, from, to, scratch),
        });
      }
    });

    it(`whole rows, p = ${p}`, () => {
      for (const n of [1, 3, 4, 5, 9]) {
        for (const rows of [1, 5, 16, 19]) {
          const x = new TestRandom(n).normals(rows * n);
          const m = mask(rows);
          const expected = Array.from(x, (v, i) => Math.fround(v * m[Math.floor(i / n)]!));
          kernelCase({
            inputs: { x },
            outputs: { y: { expected } },
            scratch: { scratch: DROPOUT_SCRATCH },
            range: rows,
            call: (k, { y, x, scratch }, from, to) =>
              k.dropoutRows(y, x, n, p, 8, 3, from, to, scratch),
          });
        }
      }
    });
  }

  it('keeps the share 1 − p, and NaN', () => {
    const n = 100_000;
    const x = new Float32Array(n).fill(1).fill(NaN, 5, 6);
    const { values } = kernelCase({
      inputs: { x },
      outputs: { y: { length: n } },
      scratch: { scratch: DROPOUT_SCRATCH },
      call: (k, { y, x, scratch }) => k.dropout(y, x, 0.3, 1, 0, 0, n, scratch),
    });
    const kept = (values.y as Float32Array).reduce((count, v) => count + (v !== 0 ? 1 : 0), 0);
    expect(Math.abs(kept / n - 0.7)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / n));
    expect(values.y[5]).toBeNaN();
  });
});

describe('Dropout', () => {
  it('drops with the seed’s mask in training, and backward has the same mask', () => {
    const n = 131;
    const random = new TestRandom(2);
    const values = random.normals(n);
    using layer = new Dropout(0.25, { generator: new Generator(8) });
    for (let step = 0; step < 2; step++) {
      const y = layer.forward({ data: values, shape: [n] }).toArray();
      const scale = Math.fround(1 / 0.75);
      const counter = step * Math.ceil(n / 4);
      const m = Array.from(words(n, 8, counter), (w) => (unit(w) >= 0.25 ? scale : 0));
      expect(Array.from(y)).toEqual(m.map((v, i) => Math.fround(values[i]! * v)));
      const dy = random.normals(n);
      const dx = layer.backward({ data: dy, shape: [n] }).toArray();
      expect(Array.from(dx)).toEqual(m.map((v, i) => Math.fround(dy[i]! * v)));
    }
  });

  it('in a network: the mask of backward is the forward’s, though predict and eval came between', () => {
    const generator = new Generator(4);
    using model = new Sequential(new Linear(6, 40), new Dropout(0.5, { generator }));
    const x = Tensor.from(new TestRandom(1).normals(18), [3, 6]);
    const y = model.forward(x).toArray();
    const { state } = generator;
    model.predict(x);
    model.eval();
    expect(generator.state).toEqual(state);
    model.backward({ data: new Float32Array(120).fill(1), shape: [3, 40] });
    const bias = model.parameters()[1]!.grad!.toArray();
    const kept = bias.map((_, j) => [0, 1, 2].filter((i) => y[i * 40 + j] !== 0).length * 2);
    expect(bias).toEqual(kept);
  });

  it('is the identity in evaluation, in predict and at p = 0; at p = 1 nothing passes', () => {
    const x = Tensor.from([1, -2, 3]);
    const dy = Tensor.from([4, 5, 6]);
    const generator = new Generator(1);
    using half = new Dropout(0.5, { generator });
    expect(half.predict(x).toArray()).toEqual(x.toArray());
    half.eval();
    expect(half.forward(x).toArray()).toEqual(x.toArray());
    expect(half.backward(dy).toArray()).toEqual(dy.toArray());
    using none = new Dropout(0, { generator });
    expect(none.forward(x).toArray()).toEqual(x.toArray());
    expect(none.backward(dy).toArray()).toEqual(dy.toArray());
    expect(generator.state.counter).toBe(0);
    using all = new Dropout(1);
    expect(Array.from(all.forward(x).toArray(), Math.abs)).toEqual([0, 0, 0]);
    expect(Array.from(all.backward(dy).toArray(), Math.abs)).toEqual([0, 0, 0]);
  });

  it('Dropout1d drops whole channels', () => {
    const shape = [3, 7, 6];
    const x = { data: new Float32Array(126).fill(1), shape };
    using layer = new Dropout1d(0.5, { generator: new Generator(2) });
    const y = layer.forward(x).toArray();
    const m = Array.from(words(21, 2, 0), (w) => (unit(w) >= 0.5 ? 2 : 0));
    expect(Array.from(y)).toEqual(Array.from(x.data, (_, i) => m[Math.floor(i / 6)]));
    expect(layer.backward(x).toArray()).toEqual(y);
    expect(() => layer.forward({ data: [1, 2], shape: [1, 2] })).toThrow(
      'Dropout1d(0.5): input expected [N, C, L], got [1, 2]',
    );
  });

  it('Dropout2d drops whole channels', () => {
    const shape = [3, 7, 2, 3];
    const x = { data: new Float32Array(126).fill(1), shape };
    using layer = new Dropout2d(0.5, { generator: new Generator(2) });
    const y = layer.forward(x).toArray();
    const m = Array.from(words(21, 2, 0), (w) => (unit(w) >= 0.5 ? 2 : 0));
    expect(Array.from(y)).toEqual(Array.from(x.data, (_, i) => m[Math.floor(i / 6)]));
    expect(layer.backward(x).toArray()).toEqual(y);
    expect(() => layer.forward({ data: [1, 2], shape: [1, 2] })).toThrow(
      'Dropout2d(0.5): input expected [N, C, H, W], got [1, 2]',
    );
  });

  it('refuses a p outside [0, 1]', () => {
    for (const p of [-0.1, 1.1, Number.NaN]) expect(() => new Dropout(p)).toThrow('Dropout: p');
  });
});
