/** Scratch is counted beyond 32 bits: a size in bytes that wrapped would let a kernel write over others. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Sources } from '../../scripts/generate.ts';
import {
  BatchNormShape,
  ConvShape,
  GroupNormShape,
  type Kernels,
  LayerNormShape,
  LocalResponseNormShape,
  PoolShape,
  ReduceShape,
  UpsampleShape,
} from '../../src/generated/kernels.ts';
import { scratchLength } from '../support/scratch.ts';

const N = 2 ** 28;

const image = { top: 0, left: 0, kernelH: 1, kernelW: 1, dilationH: 1, dilationW: 1 };
const conv = { ...image, channels: 1, outChannels: 1, strideH: 1, strideW: 1, groups: 1 };
const large = { ...conv, h: 2 ** 15, w: 2 ** 15, outH: 2 ** 15, outW: 2 ** 15 };
const wide = { ...conv, channels: 2 ** 15, outChannels: 2 ** 15, h: 4, w: 4, outH: 4, outW: 4 };
const pool = { ...image, strideH: 1, strideW: 1, countIncludePad: 1, h: 1, w: 1, outH: 1 };
const none = (name: string) => Object.fromEntries([0, 1, 2].map((i) => [`${name}${i}`, 1]));
const sums = Object.assign({}, ...['k', 'r', 'ak', 'ar', 'bk', 'br'].map(none)) as ReduceShape;
const up = { h: 1, w: N, outH: 1, outW: 2 * N, scaleH: 1, scaleW: 0.5, alignCorners: 0 };
const response = { channels: N, plane: 3, size: 3, share: 1, beta: 1, k: 1 };

type Ask = Parameters<typeof scratchLength>[0];

/** For each function, a call and the least number of floats that it must ask for: beyond 2³⁰. */
const CASES: Partial<Record<keyof Kernels, [ask: Ask, least: number]>> = {
  batchNormScratch: [
    (k, of) => k.batchNormScratch(of(BatchNormShape, { n: 2, c: N, s: 2 })),
    4 * N,
  ],
  conv2dForwardScratch: [(k, of) => k.conv2dForwardScratch(of(ConvShape, large)), 12 * N],
  conv2dInputGradientScratch: [
    (k, of) => k.conv2dInputGradientScratch(of(ConvShape, large)),
    12 * N,
  ],
  conv2dWeightGradientScratch: [
    (k, of) => k.conv2dWeightGradientScratch(of(ConvShape, large)),
    8 * N,
  ],
  // 36 transformed weights of 2¹⁵ × 2¹⁵ channels.
  winogradForwardScratch: [(k, of) => k.winogradForwardScratch(of(ConvShape, wide)), 36 * 2 ** 30],
  winogradInputGradientScratch: [
    (k, of) => k.winogradInputGradientScratch(of(ConvShape, wide)),
    36 * 2 ** 30,
  ],
  winogradWeightGradientScratch: [
    (k, of) => k.winogradWeightGradientScratch(of(ConvShape, wide)),
    36 * 2 ** 30,
  ],
  groupNormScratch: [
    (k, of) =>
      k.groupNormScratch(
        of(GroupNormShape, { samples: N, channels: 3, plane: 1, groups: 1, eps: 1 }),
      ),
    6 * N,
  ],
  layerNormScratch: [
    (k, of) => k.layerNormScratch(of(LayerNormShape, { samples: 1, groups: 3, d: N, eps: 1 })),
    9 * N,
  ],
  localResponseNormScratch: [
    (k, of) => k.localResponseNormScratch(of(LocalResponseNormShape, response)),
    3 * N,
  ],
  quantilesScratch: [(k) => k.quantilesScratch(4 * N, 1), 4 * N],
  rmsNormScratch: [(k) => k.rmsNormScratch(257, 2 * N), 4 * N],
  powerIterationScratch: [(k) => k.powerIterationScratch(257, 2 * N), 4 * N],
  sumProductsScratch: [
    (k, of) => k.sumProductsScratch(of(ReduceShape, { ...sums, k2: N, columns: 1 })),
    2 * N,
  ],
  avgPoolBackwardScratch: [
    (k, of) => k.avgPoolBackwardScratch(of(PoolShape, { ...pool, outW: 4 * N })),
    4 * N,
  ],
  upsampleNearestScratch: [(k, of) => k.upsampleNearestScratch(of(UpsampleShape, up)), 2 * N],
  upsampleBilinearScratch: [(k, of) => k.upsampleBilinearScratch(of(UpsampleShape, up)), 5 * N],
  recurrentScratch: [(k) => k.recurrentScratch(1, 2 ** 16, 4), 2 ** 35],
  gemmScratch: [(k) => k.gemmScratch(N, N, N), (120 + 512) * 256],
};

describe('the scratch of', () => {
  const { functions } = JSON.parse(readFileSync('build/signatures.json', 'utf8')) as Sources;
  const names = Object.keys(functions).filter((name) => /^(?!product).*Scratch$/.test(name));

  it.each(names)('%s is counted in float64', (name) => {
    const [ask, least] = CASES[name as keyof Kernels] ?? [];
    expect(functions[name]!.result).toBe('f64');
    expect(ask, 'it has a case here').toBeDefined();
    expect(scratchLength(ask!)).toBeGreaterThanOrEqual(least!);
    expect(scratchLength(ask!)).toBeLessThan(1.1 * least! + 1e6);
  });
});
