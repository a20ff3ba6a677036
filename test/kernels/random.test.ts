import { describe, expect, it } from 'vitest';
import { RANDOM_SCRATCH } from '../../src/tensor/random.ts';
import {
  normalOf,
  permutation,
  philoxBlock,
  twoSidedTail,
  unit,
  words,
} from '../reference/random.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

const SIZES = [1, 3, 4, 5, 15, 16, 17, 33, 131];
const hex = (word: bigint) => word.toString(16).padStart(8, '0');

const randomBits = (n: number, seed: number, counter: number) =>
  kernelCase({
    outputs: { y: { length: n, type: 'i32' } },
    scratch: { scratch: RANDOM_SCRATCH },
    range: n,
    call: (k, { y, scratch }, from, to) => k.randomBits(y, seed, counter, from, to, scratch),
  }).values.y as Int32Array;

describe('random: Philox', () => {
  it("reference: Random123's known answers", () => {
    const ones = 0xffffffffn;
    const answers: [bigint[], bigint[], string][] = [
      [[0n, 0n, 0n, 0n], [0n, 0n], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
      [[ones, ones, ones, ones], [ones, ones], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
      [
        [0x243f6a88n, 0x85a308d3n, 0x13198a2en, 0x03707344n],
        [0xa4093822n, 0x299f31d0n],
        'd16cfe09 94fdcceb 5001e420 24126ea1',
      ],
    ];
    for (const [counter, key, answer] of answers) {
      expect(philoxBlock(counter, key).map(hex).join(' ')).toBe(answer);
    }
  });

  it('kernel: the known answer at counter 0, key 0', () => {
    const bits = Uint32Array.from(randomBits(4, 0, 0), (word) => word >>> 0);
    expect(Array.from(bits, (word) => hex(BigInt(word))).join(' ')).toBe(
      '6627e8d5 e169c58d bc57ac4c 9b00dbd8',
    );
  });

  for (const [seed, counter] of [
    [1, 0],
    [0x1_2345_6789_abcd, 7],
    [2 ** 53 - 1, 2 ** 32 - 2],
    [5, 2 ** 32 - 3],
    [5, 2 ** 53 - 100],
  ] as const) {
    it(`kernel = reference, seed ${seed}, counter ${counter}`, () => {
      for (const n of SIZES) {
        expect(new Uint32Array(randomBits(n, seed, counter))).toEqual(words(n, seed, counter));
      }
    });
  }
});

describe('random: kernels', () => {
  const draws = {
    uniform: (word: number) => Math.fround(-0.5 + unit(word) * 2),
    normal: (word: number) => 3 + 0.5 * normalOf(word),
    truncatedNormal: (word: number) => 3 + 0.5 * normalOf(word, twoSidedTail(2)),
  };
  const fill = (kind: keyof typeof draws, n: number, counter: number, expected?: Float64Array) =>
    kernelCase({
      name: `${kind} n=${n}`,
      outputs: { y: { length: n, ...(expected && { expected }), rtol: 6e-7 } },
      scratch: { scratch: RANDOM_SCRATCH },
      range: n,
      call(k, { y, scratch }, from, to) {
        const last = [9, counter, from, to, scratch] as const;
        if (kind === 'uniform') k.randomUniform(y, -0.5, 1.5, ...last);
        else if (kind === 'normal') k.randomNormal(y, 3, 0.5, ...last);
        else k.randomTruncatedNormal(y, 3, 0.5, ...last);
      },
    }).values.y as Float32Array;

  for (const kind of ['uniform', 'normal', 'truncatedNormal'] as const) {
    it(`${kind} = reference, at every size`, () => {
      for (const n of SIZES) {
        const expected = Float64Array.from(words(n, 9, 50), draws[kind]);
        fill(kind, n, 50, expected);
      }
    });

    it(`${kind}: bits depend on seed, counter and index alone`, () => {
      const whole = fill(kind, 131, 50);
      expect(fill(kind, 67, 50)).toEqual(whole.slice(0, 67));
      expect(fill(kind, 115, 54)).toEqual(whole.slice(16));
    });

    it(`${kind}: moments of 200,000 draws`, () => {
      const n = 200_000;
      const y = fill(kind, n, 0);
      const [mean, sd] = {
        uniform: [0.5, 2 / Math.sqrt(12)],
        normal: [3, 0.5],
        // Var of a normal cut at ±2: 1 − 2·2φ(2)/(2Φ(2) − 1)
        truncatedNormal: [3, 0.5 * Math.sqrt(1 - (4 * 0.05399096651) / 0.9544997361)],
      }[kind] as [number, number];
      let sum = 0;
      let squares = 0;
      let lag = 0;
      for (let i = 0; i < n; i++) {
        const z = (y[i]! - mean) / sd;
        sum += z;
        squares += z * z;
        if (i > 0) lag += z * ((y[i - 1]! - mean) / sd);
      }
      // Five standard errors of each estimate.
      expect(Math.abs(sum / n)).toBeLessThan(5 / Math.sqrt(n));
      expect(Math.abs(squares / n - 1)).toBeLessThan((5 * Math.sqrt(2)) / Math.sqrt(n));
      expect(Math.abs(lag / n)).toBeLessThan(5 / Math.sqrt(n));
    });
  }

  it('normal: 1e-6 relative far into the tails', () => {
    const n = 3000;
    const expected = Float64Array.from(words(n, 4, 0), (word) => normalOf(word));
    expect(Math.max(...expected)).toBeGreaterThan(3.2);
    // Near zero 1 − a has the absolute error of a float32 next to 1.
    kernelCase({
      outputs: { z: { expected, rtol: 1e-6, atol: 1e-7 } },
      scratch: { scratch: RANDOM_SCRATCH },
      call: (k, { z, scratch }) => k.randomNormal(z, 0, 1, 4, 0, 0, n, scratch),
    });
  });

  it('normal: Kolmogorov–Smirnov distance of 100,000 draws', () => {
    const n = 100_000;
    const y = fill('normal', n, 1000).slice().sort();
    let worst = 0;
    y.forEach((v, i) => {
      if (i % 50) return;
      const z = (v - 3) / 0.5;
      const cdf = z < 0 ? twoSidedTail(-z) / 2 : 1 - twoSidedTail(z) / 2;
      worst = Math.max(worst, Math.abs(cdf - i / n));
    });
    expect(worst).toBeLessThan(2 / Math.sqrt(n));
  });

  it('truncatedNormal stays within two standard deviations', () => {
    const y = fill('truncatedNormal', 100_000, 77);
    expect(Math.max(...y.subarray(0, 50000))).toBeLessThanOrEqual(4);
    expect(Math.max(...y)).toBeGreaterThan(3.99);
    expect(Math.min(...y)).toBeGreaterThanOrEqual(2);
  });

  it('shuffle = reference, and its tail is the same as alone', () => {
    for (const n of [0, 1, 2, 7, 8, 9, 33, 200]) {
      const expected = permutation(n, 3, 2 ** 32 - 2);
      kernelCase({
        updates: { order: { start: Int32Array.from({ length: n }, (_, i) => i), expected } },
        scratch: { scratch: RANDOM_SCRATCH },
        call: (k, { order, scratch }) => k.shuffle(order, 3, 2 ** 32 - 2, n, scratch),
      });
    }
  });

  it('shuffle: each of the 24 orders of four equally often', () => {
    const counts = new Map<string, number>();
    const trials = 24_000;
    const seeds = new TestRandom(1);
    for (let t = 0; t < trials; t++) {
      const { values } = kernelCase({
        updates: { order: { start: Int32Array.of(0, 1, 2, 3) } },
        scratch: { scratch: RANDOM_SCRATCH },
        call: (k, { order, scratch }) => k.shuffle(order, seeds.integer(2 ** 31), t, 4, scratch),
      });
      const key = values.order.join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    let chi2 = 0;
    for (const count of counts.values()) chi2 += (count - 1000) ** 2 / 1000;
    expect(chi2).toBeLessThan(58); // the 1e-4 quantile of χ² with 23 degrees of freedom is 57.1
  });
});
