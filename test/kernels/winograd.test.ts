/**
 * Rounding errors of Winograd's method beside those of the direct sum, against float64. docs/convolutions.md has
 * the table, which `npx vitest run test/kernels/winograd.test.ts --update` writes anew.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConvShape as Sizes } from '../../src/generated/kernels.ts';
import {
  type ConvShape,
  convForward,
  convInputGradient,
  convWeightGradient,
} from '../reference/conv2d.ts';
import { Arena } from '../support/kernels.ts';
import { TestRandom } from '../support/random.ts';

const PAGE = 'docs/convolutions.md';
const MARK = /(<!-- errors -->\n)[\s\S]*(<!-- \/errors -->)/;

/** Shapes [n, channels, size, size] → filters, and the mean of x in standard deviations. */
const CASES = [16, 64, 256].flatMap((channels) =>
  [0, 100].map((mean) => ({ channels, mean, size: channels > 64 ? 8 : 14 })),
);

const shapeOf = ({ channels, size }: (typeof CASES)[number]): ConvShape => ({
  ...{ n: 1, channels, outChannels: channels, h: size, w: size, kernelH: 3, kernelW: 3 },
  ...{ strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, groups: 1 },
  ...{ top: 1, left: 1, bottom: 1, right: 1 },
});

/** The largest error of each result by each method. */
function errorsOf(of: (typeof CASES)[number]): [direct: number, winograd: number][] {
  const shape = shapeOf(of);
  const { n, channels, outChannels, h, w } = shape;
  const random = new TestRandom(channels);
  const arena = new Arena();
  const { kernels: k } = arena;
  const x = arena.f32(random.normals(n * channels * h * w, of.mean));
  const dy = arena.f32(random.normals(n * outChannels * h * w));
  const bound = 1 / Math.sqrt(9 * channels);
  const weight = arena.f32(random.uniforms(outChannels * channels * 9, -bound, bound));
  const { bottom: _, right: __, n: ___, ...sizes } = shape;
  const s = arena.struct(Sizes, { ...sizes, outH: h, outW: w }).ptr;
  const scratch = arena.bytes(
    Math.max(
      ...[k.conv2dForwardScratch(s), k.winogradForwardScratch(s)],
      ...[k.conv2dInputGradientScratch(s), k.winogradInputGradientScratch(s)],
      ...[k.conv2dWeightGradientScratch(s), k.winogradWeightGradientScratch(s)],
    ),
  ).ptr;
  const y = arena.f32(dy.length);
  const dx = arena.f32(x.length);
  const dWeight = arena.f32(weight.length);
  const largest = (found: Float32Array, expected: ArrayLike<number>) =>
    found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  const both = (
    out: typeof y,
    expected: ArrayLike<number>,
    direct: () => void,
    winograd: () => void,
  ): [number, number] => {
    const errors = [direct, winograd].map((call) => {
      out.f32.fill(0);
      call();
      return largest(out.f32, expected);
    });
    return errors as [number, number];
  };
  const results = [
    both(
      y,
      convForward(shape, x.f32, weight.f32),
      () => k.conv2dForward(y.ptr, x.ptr, weight.ptr, 0 as never, s, 0, 0, n, scratch),
      () => k.winogradForward(y.ptr, x.ptr, weight.ptr, 0 as never, s, 0, 0, n, scratch),
    ),
    both(
      dx,
      convInputGradient(shape, dy.f32, weight.f32),
      () => k.conv2dInputGradient(dx.ptr, dy.ptr, weight.ptr, s, 0, n, scratch),
      () => k.winogradInputGradient(dx.ptr, dy.ptr, weight.ptr, s, 0, n, scratch),
    ),
    both(
      dWeight,
      convWeightGradient(shape, dy.f32, x.f32),
      () => k.conv2dWeightGradient(dWeight.ptr, dy.ptr, x.ptr, n, s, 0, 9 * channels, scratch),
      () => k.winogradWeightGradient(dWeight.ptr, dy.ptr, x.ptr, n, s, 0, channels, scratch),
    ),
  ];
  arena.checkCanaries();
  return results;
}

describe('the largest error of Winograd’s method', () => {
  const errors = CASES.map(errorsOf);

  it('is at most four times that of the direct sum', () => {
    for (const [i, results] of errors.entries()) {
      for (const [direct, winograd] of results) {
        expect(winograd / direct, JSON.stringify(CASES[i])).toBeLessThan(4);
      }
    }
  });

  it('is what docs/convolutions.md says', async () => {
    const rows = CASES.map(({ channels, mean, size }, i) => {
      const cells = errors[i]!.map(
        ([direct, winograd]) =>
          `${direct.toExponential(1)} → ${winograd.toExponential(1)} (${(winograd / direct).toFixed(1)})`,
      );
      return `| [1, ${channels}, ${size}, ${size}] → ${channels} | ${mean} | ${cells.join(' | ')} |`;
    });
    const table = [
      '| shape | mean of x, in sd | y | dx | dWeight |',
      '|---|---|---|---|---|',
      ...rows,
    ];
    const text = readFileSync(PAGE, 'utf8');
    const written = text.replace(MARK, `$1${table.join('\n')}\n$2`);
    await expect(written).toMatchFileSnapshot(`../../${PAGE}`);
  });
});
