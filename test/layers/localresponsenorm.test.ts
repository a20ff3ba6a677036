import { describe, expect, it } from 'vitest';
import { LocalResponseNormShape } from '../../src/generated/kernels.ts';
import { LocalResponseNorm, Tensor } from '../../src/index.ts';
import {
  localResponseNorm,
  localResponseNormGradient,
  type Response,
} from '../reference/localresponsenorm.ts';
import { runExamples } from '../support/examples.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

/** The power is exp(−β·ln t): a few roundings of 6e-8. */
const CLOSE = { scaled: 2e-6, atol: 1e-6 };

describe('local response norm kernels', () => {
  it('agree with float64 at the edges of lanes and of channels, in ranges of samples', () => {
    for (const s of [1, 2, 3, 4, 5, 7, 8, 9]) {
      for (const c of [1, 2, 3, 6]) {
        for (const size of [1, 2, 3, 5, 8]) {
          const random = new TestRandom(100 * s + 10 * c + size);
          const n = 2;
          const [x, dy] = [random.normals(n * c * s), random.normals(n * c * s)];
          const response: Response = { c, s, size, alpha: 0.7, beta: 0.8, k: 1.5 };
          const { alpha, beta, k } = response;
          const sizes = { channels: c, plane: s, size, share: alpha / size, beta, k };
          const structs = { shape: struct(LocalResponseNormShape, sizes) };
          const range = { total: n, step: 1 };
          const { values } = kernelCase({
            structs,
            inputs: { x },
            outputs: {
              y: { expected: localResponseNorm(x, response), ...CLOSE },
              t: { length: x.length },
            },
            range,
            call: (k, { y, t, x, shape }, from, to) =>
              k.localResponseNormForward(y, t, x, shape, from, to),
          });
          kernelCase({
            structs,
            inputs: { t: values.t, y: values.y, dy, x },
            outputs: { dx: { expected: localResponseNormGradient(dy, x, response), ...CLOSE } },
            scratch: { ratios: (k, { shape }) => k.localResponseNormScratch(shape) },
            range,
            call: (k, { dx, t, y, dy, x, shape, ratios }, from, to) =>
              k.localResponseNormBackward(dx, t, y, dy, x, shape, from, to, ratios),
          });
        }
      }
    }
  });
});

it('the float64 gradient is that of finite differences', () => {
  const random = new TestRandom(2);
  const response = { c: 5, s: 2, size: 4, alpha: 0.9, beta: 0.6, k: 1 };
  const [x, dy] = [random.normals(10), random.normals(10)];
  const dx = localResponseNormGradient(dy, x, response);
  expectGradient({ gradient: dx, at: x, of: (x) => localResponseNorm(x, response), dy });
});

it('LocalResponseNorm says what is wrong', () => {
  expect(() => new LocalResponseNorm(0)).toThrow(
    new RangeError('LocalResponseNorm: size expected a whole number ≥ 1, got 0'),
  );
  expect(() => new LocalResponseNorm(3, { k: 0 })).toThrow(
    new RangeError('LocalResponseNorm: k expected a number > 0, got 0'),
  );
  expect(() => new LocalResponseNorm(3, { alpha: -1 })).toThrow(RangeError);
  expect(() => new LocalResponseNorm(3, { beta: Number.NaN })).toThrow(RangeError);
  using norm = new LocalResponseNorm(3);
  expect(() => norm.forward(Tensor.zeros([2, 3]))).toThrow(
    new RangeError('LocalResponseNorm(3): input expected [N, C, L, …], got [2, 3]'),
  );
});

it('docs/localresponsenorm.md', async () => {
  const { norm } = await runExamples('docs/localresponsenorm.md', { exported: ['norm'] });
  expect(`${norm}`).toBe('LocalResponseNorm(5)');
});
