import { describe, expect, it } from 'vitest';
import {
  normalOf,
  permutation,
  philoxBlock,
  twoSidedTail,
  unit,
  words,
} from './reference/random.ts';
import { expectClose } from './support/close.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

const SIZES = [1, 3, 4, 5, 15, 16, 17, 33, 131];
const hex = (word: bigint) => word.toString(16).padStart(8, '0');

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
    const arena = new Arena();
    const y = arena.i32(4);
    arena.kernels.randomBits(y.ptr, 0, 0, 0, 4, arena.i32(16).ptr);
    expect(Array.from(y.i32, (w) => hex(BigInt(w >>> 0))).join(' ')).toBe(
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
        const arena = new Arena();
        const y = arena.i32(n);
        arena.kernels.randomBits(y.ptr, seed, counter, 0, n, arena.i32(16).ptr);
        expect(new Uint32Array(y.i32)).toEqual(words(n, seed, counter));
        arena.checkCanaries();
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
  const fill = (arena: Arena, kind: keyof typeof draws, n: number, counter: number, cut = n) => {
    const { randomUniform, randomNormal, randomTruncatedNormal } = arena.kernels;
    const y = arena.f32(n);
    const scratch = arena.i32(16);
    for (const [from, to] of [
      [cut, n],
      [0, cut],
    ] as const) {
      if (kind === 'uniform') randomUniform(y.ptr, -0.5, 1.5, 9, counter, from, to, scratch.ptr);
      else if (kind === 'normal') randomNormal(y.ptr, 3, 0.5, 9, counter, from, to, scratch.ptr);
      else randomTruncatedNormal(y.ptr, 3, 0.5, 9, counter, from, to, scratch.ptr);
    }
    arena.checkCanaries();
    return y.f32;
  };

  for (const kind of ['uniform', 'normal', 'truncatedNormal'] as const) {
    it(`${kind} = reference, at every size`, () => {
      for (const n of SIZES) {
        const expected = Float64Array.from(words(n, 9, 50), draws[kind]);
        expectClose(fill(new Arena(), kind, n, 50), expected, { rtol: 6e-7 }, `${kind} n=${n}`);
      }
    });

    it(`${kind}: bits depend on seed, counter and index alone`, () => {
      const arena = new Arena();
      const whole = fill(arena, kind, 131, 50).slice();
      expect(fill(arena, kind, 131, 50, 48)).toEqual(whole);
      expect(fill(arena, kind, 67, 50)).toEqual(whole.slice(0, 67));
      expect(fill(arena, kind, 115, 54)).toEqual(whole.slice(16));
    });

    it(`${kind}: moments of 200,000 draws`, () => {
      const n = 200_000;
      const y = fill(new Arena(), kind, n, 0);
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
    const arena = new Arena();
    const y = arena.f32(n);
    arena.kernels.randomNormal(y.ptr, 0, 1, 4, 0, 0, n, arena.i32(16).ptr);
    const expected = Float64Array.from(words(n, 4, 0), (word) => normalOf(word));
    expect(Math.max(...expected)).toBeGreaterThan(3.2);
    // Near zero 1 − a has the absolute error of a float32 next to 1.
    expectClose(y.f32, expected, { rtol: 1e-6, atol: 1e-7 }, 'z');
  });

  it('normal: Kolmogorov–Smirnov distance of 100,000 draws', () => {
    const n = 100_000;
    const y = fill(new Arena(), 'normal', n, 1000).slice().sort();
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
    const y = fill(new Arena(), 'truncatedNormal', 100_000, 77);
    expect(Math.max(...y.subarray(0, 50000))).toBeLessThanOrEqual(4);
    expect(Math.max(...y)).toBeGreaterThan(3.99);
    expect(Math.min(...y)).toBeGreaterThanOrEqual(2);
  });

  it('shuffle = reference, and its tail is the same as alone', () => {
    for (const n of [0, 1, 2, 7, 8, 9, 33, 200]) {
      const arena = new Arena();
      const order = arena.i32(Array.from({ length: n }, (_, i) => i));
      arena.kernels.shuffle(order.ptr, 3, 2 ** 32 - 2, n, arena.i32(16).ptr);
      expect(Array.from(order.i32)).toEqual(permutation(n, 3, 2 ** 32 - 2));
      arena.checkCanaries();
    }
  });

  it('shuffle: each of the 24 orders of four equally often', () => {
    const arena = new Arena();
    const order = arena.i32(4);
    const scratch = arena.i32(16);
    const counts = new Map<string, number>();
    const trials = 24_000;
    const seeds = new TestRandom(1);
    for (let t = 0; t < trials; t++) {
      order.i32.set([0, 1, 2, 3]);
      arena.kernels.shuffle(order.ptr, seeds.integer(2 ** 31), t, 4, scratch.ptr);
      const key = order.i32.join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    let chi2 = 0;
    for (const count of counts.values()) chi2 += (count - 1000) ** 2 / 1000;
    expect(chi2).toBeLessThan(58); // the 1e-4 quantile of χ² with 23 degrees of freedom is 57.1
  });
});
