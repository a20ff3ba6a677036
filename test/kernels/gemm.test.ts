import { describe, expect, it } from 'vitest';
import { GemmShape } from '../../src/generated/kernels.ts';
import { product } from '../reference/gemm.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

type Form = 'NN' | 'NT' | 'TN';
const FORMS: Form[] = ['NN', 'NT', 'TN'];

// A sum of k products of N(0, 1) numbers is off by about √k·2⁻²⁴·√k at worst orders met here.
const tolerance = (k: number) => ({ rtol: 2e-6, atol: 2e-7 * k + 1e-6 });

interface Call {
  start?: Float32Array;
  bias?: Float32Array;
  relu?: boolean;
  /** Whether `from` and `to` are columns. */
  columns?: boolean;
  from?: number;
  to?: number;
  expected?: ArrayLike<number>;
}

/** C of one product; by default all rows or columns, overwritten. */
function multiply(
  form: Form,
  a: Float32Array,
  b: Float32Array,
  [m, n, k]: readonly [number, number, number],
  { start, bias, relu, columns = false, from = 0, to = columns ? n : m, expected }: Call = {},
): Float32Array {
  const c = { ...(expected && { expected }), ...tolerance(k) };
  const others = (i: number) => {
    const place = columns ? i % n : Math.floor(i / n);
    return place < from || place >= to;
  };
  const end = columns ? n : m;
  const { values } = kernelCase({
    name: `${form} [${m}, ${n}, ${k}]`,
    inputs: { a, b, bias },
    outputs: { c: start ? undefined : { ...c, length: m * n, untouched: others } },
    updates: { sum: start && { start, ...c } },
    structs: {
      shape: struct(GemmShape, {
        ...{ m, n, k },
        transposeA: form[0] === 'T' ? 1 : 0,
        transposeB: form[1] === 'T' ? 1 : 0,
        accumulate: start ? 1 : 0,
        columns: columns ? 1 : 0,
      }),
    },
    scratch: {
      scratch: (kernels) =>
        columns ? kernels.gemmScratch(m, to - from, k) : kernels.gemmScratch(to - from, n, k),
    },
    ...(from === 0 && to === end && { range: end }),
    call: (kernels, { c, sum, a, b, bias, shape, scratch }, first, last) => {
      const range = last > 0 ? ([first, last] as const) : ([from, to] as const);
      kernels.gemm(start ? sum : c, a, b, bias, shape, relu ? 1 : 0, ...range, scratch);
    },
  });
  return (start ? values.sum : values.c) as Float32Array;
}

describe('matrix product', () => {
  for (const form of FORMS) {
    const options = { transposeA: form === 'TN', transposeB: form === 'NT' };

    it(`${form} at every edge of tile and panel`, () => {
      const random = new TestRandom(7);
      const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17];
      for (const m of sizes) {
        for (const n of sizes) {
          const k = 1 + random.integer(17);
          const a = random.normals(m * k);
          const b = random.normals(k * n);
          const shape = [m, n, k] as const;
          const expected = product(a, b, m, n, k, options);
          for (const columns of [false, true]) multiply(form, a, b, shape, { columns, expected });
        }
      }
    });

    it(`${form} across the blocks of MC rows, NC columns and KC steps`, () => {
      const random = new TestRandom(8);
      for (const shape of [
        [121, 9, 257],
        [7, 515, 40],
        [239, 13, 3],
        [3, 12, 600],
      ] as const) {
        const [m, n, k] = shape;
        const a = random.normals(m * k);
        const b = random.normals(k * n);
        const start = random.normals(m * n);
        const bias = random.normals(n);
        const call = { start, bias, relu: true };
        const expected = product(a, b, m, n, k, { ...options, ...call });
        for (const columns of [false, true]) {
          multiply(form, a, b, shape, { ...call, columns, expected });
        }
      }
    });

    it(`${form} with few columns, which is computed as its transpose`, () => {
      const random = new TestRandom(12);
      for (const n of [1, 2, 3, 4, 5, 7, 8, 10, 13, 20, 27, 28]) {
        const [m, k] = n % 2 ? [121, 30] : [32 + n, 259];
        const a = random.normals(m * k);
        const b = random.normals(k * n);
        const bias = random.normals(n);
        const expected = product(a, b, m, n, k, { ...options, bias, relu: true });
        const whole = multiply(form, a, b, [m, n, k], { bias, relu: true, expected });
        if (form === 'TN') continue;
        // Few rows are not computed so.
        const row = multiply(form, a.slice(0, k), b, [1, n, k], { bias, relu: true });
        expect(row).toEqual(whole.slice(0, n));
      }
    });

    it.each([5, 261, 300])(
      `${form}: a row has the same bits alone, in a range and in a batch of 100, k = %i`,
      (k) => {
        const random = new TestRandom(9);
        const [m, n] = [100, 21];
        const a = random.normals(m * k);
        const b = random.normals(k * n);
        const bias = random.normals(n);
        const whole = multiply(form, a, b, [m, n, k], { bias });
        for (const i of [0, 3, 57, 99]) {
          const row = Float32Array.from({ length: k }, (_, l) =>
            form === 'TN' ? a[l * m + i]! : a[i * k + l]!,
          );
          const alone = multiply(form, row, b, [1, n, k], { bias });
          expect(alone).toEqual(whole.slice(i * n, (i + 1) * n));
        }
        const cut = multiply(form, a, b, [m, n, k], { bias, from: 16, to: 48 });
        expect(cut.slice(16 * n, 48 * n)).toEqual(whole.slice(16 * n, 48 * n));
      },
    );

    it.each([1, 13])(`${form}: a range of columns has the bits of the whole, %i rows`, (m) => {
      const random = new TestRandom(13);
      const [n, k] = [70, 261];
      const a = random.normals(m * k);
      const b = random.normals(k * n);
      const bias = random.normals(n);
      const whole = multiply(form, a, b, [m, n, k], { bias, relu: true });
      for (const [from, to] of [
        [0, 8],
        [24, 64],
        [64, 70],
        [5, 39],
      ] as const) {
        const call = { bias, relu: true, columns: true, from, to };
        const cut = multiply(form, a, b, [m, n, k], call);
        for (let i = 0; i < m; i++) {
          const row = [i * n + from, i * n + to] as const;
          expect(cut.slice(...row)).toEqual(whole.slice(...row));
        }
      }
    });
  }

  it('is the order documented: blocks of 256 summed one after another', () => {
    const random = new TestRandom(10);
    const k = 520;
    const a = random.normals(k);
    const b = random.normals(k);
    let sum = 0;
    for (let start = 0; start < k; start += 256) {
      let part = 0;
      for (let l = start; l < Math.min(k, start + 256); l++) {
        part = Math.fround(part + Math.fround(a[l]! * b[l]!));
      }
      sum = start === 0 ? part : Math.fround(sum + part);
    }
    expect(multiply('NN', a, b, [1, 1, k])[0]).toBe(sum);
  });

  it('adds bias without a ReLU and clamps without a bias', () => {
    const random = new TestRandom(11);
    const [m, n, k] = [6, 11, 5];
    const a = random.normals(m * k);
    const b = random.normals(k * n);
    const bias = random.normals(n);
    for (const call of [{ bias }, { relu: true }, { bias, relu: true }]) {
      multiply('NN', a, b, [m, n, k], { ...call, expected: product(a, b, m, n, k, call) });
    }
  });

  it('lets NaN and infinity through, and only where they belong', () => {
    const [m, n, k] = [7, 11, 6];
    const random = new TestRandom(12);
    const a = random.normals(m * k);
    const b = random.normals(k * n);
    a[2 * k + 1] = Number.NaN;
    a[4 * k + 3] = Infinity;
    b[2 * n + 10] = -Infinity;
    for (const relu of [false, true]) {
      multiply('NN', a, b, [m, n, k], { relu, expected: product(a, b, m, n, k, { relu }) });
    }
  });
});
