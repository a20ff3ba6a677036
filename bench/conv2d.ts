/**
 * Convolutions, forward and both gradients: GFLOP/s and the share of a bare mul+add loop.
 * `npx tsx bench/conv2d.ts`
 */
import type { Pointer } from '../src/generated/kernels.ts';
import { Bench, measure, type WorkItem } from './peak.ts';

const bench = new Bench();
const { kernels } = bench;

/** n, channels, size, outChannels, kernel, stride, padding before, padding after, groups */
const shapes = [
  [32, 32, 28, 64, 3, 1, 1, 1, 1],
  [32, 1, 28, 24, 6, 1, 2, 3, 1],
  [32, 24, 28, 48, 5, 2, 2, 2, 1],
  [32, 48, 14, 64, 4, 2, 1, 1, 1],
  [8, 64, 56, 64, 3, 1, 1, 1, 1],
  [8, 256, 14, 256, 3, 1, 1, 1, 1],
  [8, 256, 14, 256, 1, 1, 0, 0, 1],
  [8, 512, 7, 512, 3, 1, 1, 1, 1],
  [8, 96, 28, 96, 3, 1, 1, 1, 96],
] as const;

const items: WorkItem[] = [];
for (const [n, channels, size, outChannels, k, s, before, after, groups] of shapes) {
  const out = Math.floor((size + before + after - k) / s) + 1;
  const x = bench.floats(n * channels * size * size);
  const y = bench.floats(n * outChannels * out * out);
  const weight = bench.floats((outChannels * channels * k * k) / groups);
  const dx = bench.floats(n * channels * size * size);
  const dWeight = bench.floats((outChannels * channels * k * k) / groups);
  const scratch = bench.bytes(
    Math.max(
      kernels.conv2dForwardScratch(channels, outChannels, out, out, k, k, s, s, 1, 1, groups),
      kernels.conv2dInputGradientScratch(
        ...([channels, size, size, outChannels, k, k, s, s, before, before, 1, 1, groups] as const),
      ),
      kernels.conv2dWeightGradientScratch(
        ...([channels, outChannels, out, out, k, k, s, s, 1, 1, groups] as const),
      ),
    ),
  );
  const sizes = [channels, size, size, outChannels, out, out] as const;
  const window = [k, k, s, s, before, before, 1, 1, groups] as const;
  const taps = (channels * k * k) / groups;
  const flop = 2 * n * outChannels * out * out * taps;
  const name = `[${n}, ${channels}, ${size}, ${size}] ${k}×${k}/${s} → ${outChannels}${groups > 1 ? ' depthwise' : ''}`;
  items.push(
    {
      name: `${name}, forward`,
      flop,
      run: () =>
        kernels.conv2dForward(y, x, weight, 0 as Pointer, ...sizes, ...window, 0, n, scratch),
    },
    {
      name: '  input gradient',
      flop,
      run: () => kernels.conv2dInputGradient(dx, y, weight, ...sizes, ...window, 0, n, scratch),
    },
    {
      name: '  weight gradient',
      flop,
      run: () =>
        kernels.conv2dWeightGradient(dWeight, y, x, n, ...sizes, ...window, 0, taps, scratch),
    },
  );
}

await measure(items);
