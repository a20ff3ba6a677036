/** The kernels of batch renormalization; its layers are in batchnorm-variants.test.ts. */
import { describe, expect, it } from 'vitest';
import { RenormBounds } from '../../src/generated/kernels.ts';
import { statistics } from '../reference/batchnorm.ts';
import { corrections, renormalized, renormWeightGradient } from '../reference/renorm.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const BOUNDS = { eps: 1e-3, rMax: 1.5, dMax: 0.7 };

/** A batch of 9 rows, its statistics, and running ones that a part of the channels is clamped by. */
function problem(c: number) {
  const random = new TestRandom(c);
  const n = 9;
  const sizes = { n, c, s: 1 };
  const [x, dy] = [random.normals(n * c, 2, 3), random.normals(n * c)];
  const running = { mean: random.normals(c, 2, 2), variance: random.uniforms(c, 1, 20) };
  const batch = statistics(x, sizes);
  const weight = random.normals(c);
  const bias = random.normals(c);
  return {
    n,
    sizes,
    x,
    dy,
    running,
    batch,
    weight,
    bias,
    corrected: corrections(batch, running, BOUNDS),
  };
}

describe('batch renormalization kernels', () => {
  for (const c of [1, 3, 4, 5, 15, 16, 17, 33]) {
    it(`agree with float64 on ${c} channels, whole and in pieces`, () => {
      const { x, dy, running, batch, weight, bias, corrected } = problem(c);
      const shift = Float32Array.from(batch.mean);
      const delta = Float32Array.from(batch.mean, (mean, j) => mean - shift[j]!);
      const invStd = Float32Array.from(batch.variance, (v) => 1 / Math.sqrt(v + BOUNDS.eps));
      for (const affine of [true, false]) {
        const given = affine ? { weight, bias } : { weight: undefined, bias: undefined };
        // K, δ, variance and 1/σ as the batch's statistics leave them; r and d are written behind them
        const rows = [shift, delta, batch.variance, invStd].flatMap((row) => [...row]);
        const nothing = new Array(2 * c).fill(Number.NaN);
        const { values } = kernelCase({
          inputs: { mean: running.mean, variance: running.variance, ...given },
          outputs: { coefficients: { length: 5 * c, untouched: (i) => i >= 3 * c } },
          updates: {
            statistics: {
              start: [...rows, ...nothing],
              expected: [...rows, ...corrected.ratio, ...corrected.drift],
              ...{ rtol: 1e-6, atol: 1e-6 },
            },
          },
          structs: { bounds: struct(RenormBounds, { c, ...BOUNDS }) },
          range: c,
          call(k, p, from, to) {
            const blocks = [p.coefficients, p.statistics, p.mean, p.variance] as const;
            k.batchNormRenorm(...blocks, p.weight, p.bias, p.bounds, from, to);
          },
        });
        const row = (i: number) => values.coefficients.subarray(i * c, (i + 1) * c);
        const [k, scale, offset] = [row(0), row(1), row(2)];
        expect(k).toEqual(shift);
        const normalized = renormalized(x, batch, corrected, BOUNDS.eps);
        const y = normalized.map((v, i) => (affine ? v * weight[i % c]! + bias[i % c]! : v));
        const made = Float64Array.from(
          x,
          (v, i) => (v - k[i % c]!) * scale[i % c]! + offset[i % c]!,
        );
        expectClose(made, y, { rtol: 1e-6, scaled: 1e-6 }, '(x − K)·a + b');
      }

      // Σ dy and Σ dy·(x − K), as the sums of backward leave them.
      const padded = Math.ceil(c / 16) * 16;
      const totals = new Float64Array(2 * padded);
      for (let i = 0; i < x.length; i++) {
        const j = i % c;
        totals[j]! += dy[i]!;
        totals[padded + j]! += dy[i]! * (x[i]! - shift[j]!);
      }
      const normalized = renormalized(x, batch, corrected, BOUNDS.eps);
      const expected = renormWeightGradient(dy, normalized, c).map((v) => v + 1);
      const { ratio, drift } = corrected;
      const rows = [shift, delta, batch.variance, invStd, ratio, drift];
      const statistics = Float32Array.from(rows.flatMap((row) => [...row]));
      kernelCase({
        inputs: { statistics, totals },
        updates: {
          dWeight: { start: new Float32Array(c).fill(1), expected, rtol: 1e-5, atol: 1e-5 },
        },
        range: c,
        call: (k, { dWeight, statistics, totals }, from, to) =>
          k.batchNormRenormBackward(dWeight, statistics, c, from, to, totals),
      });
    });
  }

  it('have bounds that some channels meet and others do not', () => {
    const { ratio, drift } = problem(33).corrected;
    expect(ratio.filter((r) => r < 1.5 && r > 1 / 1.5).length).toBeGreaterThan(5);
    expect(ratio.filter((r) => r === 1.5 || r === 1 / 1.5).length).toBeGreaterThan(5);
    expect(drift.filter((d) => Math.abs(d) < 0.7).length).toBeGreaterThan(5);
    expect(drift.filter((d) => Math.abs(d) === 0.7).length).toBeGreaterThan(5);
  });
});

it('the float64 gradient of γ is that of finite differences', () => {
  const { x, dy, batch, weight, corrected } = problem(5);
  const normalized = renormalized(x, batch, corrected, BOUNDS.eps);
  const gradient = renormWeightGradient(dy, normalized, 5);
  const of = (gamma: Float64Array) => normalized.map((v, i) => v * gamma[i % 5]!);
  expectGradient({ gradient, at: weight, of, dy });
});
