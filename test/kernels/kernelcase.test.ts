/** The harness fails where a kernel does. Real kernels, called as a broken one would behave. */
import { describe, expect, it } from 'vitest';
import type { Pointer } from '../../src/generated/kernels.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { type Layout, struct } from '../support/struct.ts';

const n = 37;
const x = new TestRandom(1).normals(n);
const positive = x.map((v) => Math.max(v, 0));
const sums = x.map((v) => v + v);

describe('kernelCase', () => {
  it('passes a kernel that does what it owes, and returns what it wrote', () => {
    const { values } = kernelCase({
      inputs: { x },
      outputs: { y: { expected: positive } },
      range: n,
      inPlace: { y: 'x' },
      call: (k, { y, x }, from, to) => k.reluForward(y, x, from, to),
    });
    expect(values.y).toEqual(positive);
    const { returned } = kernelCase({
      inputs: { x },
      range: n,
      returns: { expected: x.reduce((sum, v) => sum + v * v, 0), rtol: 1e-13 },
      call: (k, { x }, from, to) => k.sumOfSquares(x, from, to),
    });
    expect(returned).toBeGreaterThan(0);
  });

  const relu = { inputs: { x }, outputs: { y: { expected: positive } }, range: n };

  it('names a wrong value, and the worst of them', () => {
    const wrong = positive.map((v, i) => (i === 20 ? v + 1 : v));
    const broken = () =>
      kernelCase({
        ...relu,
        name: 'ReLU',
        outputs: { y: { expected: wrong, rtol: 1e-6 } },
        call: (k, { y, x }, from, to) => k.reluForward(y, x, from, to),
      });
    expect(broken).toThrow(/ReLU: y: 1 of 37 differ; worst at \[20\]/);
  });

  it('a sign', () => {
    const broken = () =>
      kernelCase({
        inputs: { x, b: Float32Array.of(1) },
        outputs: { y: { expected: x.map((v, i) => v + x[(i + 1) % n]!) } },
        call: (k, { y, x }) => k.addForward(y, x, x, 0, 0, n),
      });
    expect(broken).toThrow(/y: \d+ of 37 differ/);
  });

  it('a tail that is not written', () => {
    const broken = () =>
      kernelCase({ ...relu, call: (k, { y, x }, from, to) => k.reluForward(y, x, from, to & ~3) });
    expect(broken).toThrow('y[36]: not written');
  });

  it('a tail that is written too far', () => {
    const broken = () =>
      kernelCase({
        ...relu,
        call: (k, { y, x }, from, to) => k.reluForward(y, x, from, to + 1),
      });
    expect(broken).toThrow('a kernel wrote past a block');
  });

  it('a range that is forgotten: of an output, of what is added to, and of what is overwritten', () => {
    const output = () => kernelCase({ ...relu, call: (k, { y, x }) => k.reluForward(y, x, 0, n) });
    expect(output).toThrow('y[0] is written by the range [16, 32) and by another');
    const update = () =>
      kernelCase({
        inputs: { x },
        updates: { db: { start: x, expected: sums } },
        range: n,
        call: (k, { db, x }) => k.biasBackward(db, x, 1, n, 0, n),
      });
    expect(update).toThrow('in pieces of its range: db[0]: expected the bits of');
    const inPlace = () =>
      kernelCase({
        updates: { y: { start: x, expected: sums } },
        range: n,
        call: (k, { y }) => k.scaleInPlace(y, 2, 0, n),
      });
    expect(inPlace).toThrow('in pieces of its range: y[0]');
  });

  it('an input that is written', () => {
    const broken = () =>
      kernelCase({
        ...relu,
        call(k, { y, x }, from, to) {
          k.reluForward(y, x, from, to);
          k.reluForward(x, x, from, to);
        },
      });
    expect(broken).toThrow(/x: written at byte \d+, and may only be read/);
  });

  it('a sum that starts from what stood in the output', () => {
    const broken = () =>
      kernelCase({
        inputs: { x },
        outputs: { db: { expected: x } },
        call: (k, { db, x }) => k.biasBackward(db, x, 1, n, 0, n),
      });
    expect(broken).toThrow('db[0]: not written, or computed from memory that holds nothing yet');
  });

  it('an output over an input that is still read', () => {
    const broken = () =>
      kernelCase({
        inputs: { x },
        outputs: { y: { length: n } },
        inPlace: { y: 'x' },
        call(k, { y, x }) {
          k.reluForward(y, x, 0, n);
          k.addForward(y, y, x, 0, 0, n);
        },
      });
    expect(broken).toThrow('y over x: y[');
  });

  it('an entry that belongs to nobody here', () => {
    const broken = () =>
      kernelCase({
        inputs: { x },
        outputs: { y: { length: n, untouched: (i) => i < 16 } },
        call: (k, { y, x }) => k.reluForward(y, x, 15, n),
      });
    expect(broken).toThrow('y[15]: written, and belongs to nobody here');
  });

  it('places structs of sizes, and refuses fields that are missing or unknown', () => {
    const layout: Layout<Record<string, number>, 'Shape'> = 'rows scale:f32 eps:f64';
    const place = (values: Record<string, number>) =>
      kernelCase({
        structs: { shape: struct(layout, values) },
        outputs: { copy: { expected: [values.scale!] } },
        call: (k, { copy, shape }) => k.copyRows(copy, (shape + 4) as Pointer, 1, 1, 1, 1),
      });
    place({ rows: 3, scale: 0.5, eps: 1e-5 });
    expect(() => place({ rows: 3, scale: 0.5 })).toThrow('eps has no value');
    expect(() => place({ rows: 3, scale: 0.5, eps: 1, columns: 2 })).toThrow('named columns');
  });
});
