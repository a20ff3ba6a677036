import { describe, expect, it } from 'vitest';
import { kernelCase } from '../support/kernelcase.ts';
import { Arena } from '../support/kernels.ts';

type Kernel = 'expForward' | 'logForward' | 'tanhForward' | 'sigmoidForward';

/** What one unit in the last place of float32 is at t. */
function ulp(t: number): number {
  const magnitude = Math.abs(Math.fround(t));
  const exponent = Math.max(Math.floor(Math.log2(magnitude || 1e-300)), -126);
  return 2 ** (exponent - 23);
}

/** The largest error in ulp over `x`; zeros, infinities and NaN must agree exactly. */
function worst(kernel: Kernel, f: (x: number) => number, x: Float32Array): [number, number] {
  const { length } = x;
  const { values } = kernelCase({
    inputs: { x },
    outputs: { y: { length } },
    call: (k, { y, x }) => k[kernel](y, x, 0, length),
  });
  let error = 0;
  let where = 0;
  (values.y as Float32Array).forEach((y, i) => {
    const t = f(x[i]!);
    if (Object.is(y, Math.fround(t)) || y === Math.fround(t)) return;
    const e = Number.isFinite(y) && Number.isFinite(t) ? Math.abs(y - t) / ulp(t) : Infinity;
    if (!(e <= error)) {
      error = e;
      where = x[i]!;
    }
  });
  return [error, where];
}

/** Float32 numbers of every exponent and sign: every 16,381st bit pattern, NaN and ∞ included. */
function wholeRange(): Float32Array {
  const bits = new Uint32Array(262_161);
  for (let i = 0; i < bits.length; i++) bits[i] = i * 16_381;
  return new Float32Array(bits.buffer);
}

function dense(low: number, high: number, n = 200_000): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const functions: [Kernel, (x: number) => number, number, [number, number][]][] = [
  [
    'expForward',
    Math.exp,
    1,
    [
      [-104, -86],
      [-2, 2],
      [86, 90],
    ],
  ],
  [
    'logForward',
    Math.log,
    1,
    [
      [0.4, 2.5],
      [0, 2e-38],
    ],
  ],
  [
    'tanhForward',
    Math.tanh,
    1.5,
    [
      [-1, 1],
      [-12, 12],
    ],
  ],
  [
    'sigmoidForward',
    sigmoid,
    2.5,
    [
      [-20, 20],
      [-105, -85],
    ],
  ],
];

describe.each(functions)('%s', (kernel, f, bound, ranges) => {
  it(`is within ${bound} ulp over all of float32`, () => {
    const [error, where] = worst(kernel, f, wholeRange());
    expect(error, `at ${where}`).toBeLessThanOrEqual(bound);
  });

  it.each(ranges)(`is within ${bound} ulp on [%f, %f]`, (low, high) => {
    const [error, where] = worst(kernel, f, dense(low, high));
    expect(error, `at ${where}`).toBeLessThanOrEqual(bound);
  });

  it('has the right values at zeros, infinities, NaN and the overflow edges', () => {
    const edges = [0, -0, Infinity, -Infinity, NaN, 1, -1, 88.72283, 88.722839, 88.8, -87.33655];
    edges.push(-103.97, -103.98, -104, -1e30, 1e30, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38);
    const [error, where] = worst(kernel, f, Float32Array.from(edges));
    expect(error, `at ${where}`).toBeLessThanOrEqual(bound);
  });

  it('gives the same bits in a lane, in the tail, in place and at any range', () => {
    for (const step of [1, 4, 5]) {
      kernelCase({
        inputs: { x: dense(-3, 3, 17) },
        outputs: { y: { length: 17 } },
        range: { total: 17, step },
        inPlace: { y: 'x' },
        call: (k, { y, x }, from, to) => k[kernel](y, x, from, to),
      });
    }
  });
});

it('keeps the sign of zero where the function is odd', () => {
  const { values } = kernelCase({
    inputs: { x: [-0, 0] },
    outputs: { y: { length: 2 } },
    call: (k, { y, x }) => k.tanhForward(y, x, 0, 2),
  });
  expect([...values.y]).toEqual([-0, 0]);
});

describe('float64 functions', () => {
  const { expF64, logF64, powF64, cosF64 } = new Arena().kernels;
  const close = (actual: number, expected: number, ulps: number, what: string): void => {
    if (Object.is(actual, expected) || actual === expected) return;
    const bound = Math.max(ulps * 2.3e-16 * Math.abs(expected), 1e-323);
    if (!(Math.abs(actual - expected) <= bound)) expect.fail(`${what}: ${actual}, not ${expected}`);
  };

  it('expF64 and logF64 are within two ulp, special values exact', () => {
    for (let i = 0; i < 40_000; i++) {
      const x = -750 + i * 0.0375137;
      close(expF64(x), Math.exp(x), 2, `exp(${x})`);
      const v = i < 20_000 ? (i + 0.5) / 8000 : 2 ** ((i - 30_000) / 9.4);
      close(logF64(v), Math.log(v), 2, `log(${v})`);
    }
    for (const x of [
      0,
      -0,
      1,
      Infinity,
      -Infinity,
      NaN,
      709.78,
      709.79,
      -745.13,
      -745.14,
      1e-300,
    ]) {
      close(expF64(x), Math.exp(x), 2, `exp(${x})`);
      close(logF64(x), Math.log(x), 2, `log(${x})`);
    }
    expect(logF64(1)).toBe(0);
    expect(logF64(5e-324)).toBeCloseTo(-744.4400719213812, 12);
  });

  it('powF64 of a decay agrees with exact integer arithmetic', () => {
    for (let t = -1000; t <= 1000; t++) expect(powF64(2, t)).toBe(2 ** t);
    for (const beta of [0.9, 0.999, 0.5000001]) {
      for (const t of [1, 2, 3, 10, 57, 100, 250]) {
        // β is the integer β·2⁵³ over 2⁵³; its power is kept to 1,000 bits after the point.
        const power = BigInt(beta * 2 ** 53) ** BigInt(t);
        const kept = (power << 1000n) >> (53n * BigInt(t));
        close(powF64(beta, t), Number(kept) / 2 ** 1000, 1, `${beta}^${t}`);
      }
    }
  });

  it("powF64 has pow's special values", () => {
    const values = [0, 1, -1, 2, -2, 0.5, 3, -3, Infinity, -Infinity, NaN];
    for (const x of values) {
      for (const y of values) {
        if (Math.abs(x) === 0 && y < 0) continue; // signed zero: here always +∞
        if (x < 0 && !Number.isFinite(x * y)) continue;
        if (x === 1 || (x === -1 && !Number.isFinite(y))) continue; // JavaScript: 1^∞ is NaN
        close(powF64(x, y), x ** y, 3, `${x}^${y}`);
      }
    }
    expect(powF64(1.0000001, 1e10)).toBeCloseTo(Infinity);
    expect(powF64(1e-310, 0.5) / 1e-155).toBeCloseTo(1, 12);
  });

  it('cosF64 is within 2e-16', () => {
    for (let i = 0; i <= 20_000; i++) {
      const x = i < 10_000 ? (i * Math.PI) / 10_000 : (i - 15_000) * 0.731;
      expect(Math.abs(cosF64(x) - Math.cos(x)), `cos(${x})`).toBeLessThanOrEqual(2.3e-16);
    }
    expect(cosF64(0)).toBe(1);
    expect(cosF64(Math.PI)).toBe(-1);
    expect(cosF64(Infinity)).toBeNaN();
    expect(cosF64(NaN)).toBeNaN();
  });
});
