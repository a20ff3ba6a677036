/** Convolutions and poolings of volumes: layers, since both are compositions of kernels. */
import { AvgPool3d, Conv3d, MaxPool3d, type Module } from 'evenkeel';
import { fillUniform } from '../arena.ts';
import { againstTorch, type Bench, type Item, type NamedItem, type Prepared } from '../bench.ts';
import { type Effort, statistic, timeRounds } from '../measure.ts';
import type { Measured } from '../scene.ts';

interface Volumes extends Record<string, unknown> {
  kind: 'Conv3d' | 'MaxPool3d' | 'AvgPool3d';
  /** [N, C, D, H, W] */
  input: readonly number[];
  /** Output channels; 0 for poolings. */
  outChannels: number;
  kernel: readonly [number, number, number];
  stride: number;
  padding: readonly [number, number, number];
}

function volumes(
  kind: Volumes['kind'],
  input: readonly number[],
  outChannels: number,
  kernel: readonly [number, number, number],
  stride: number,
  padded: boolean,
): Volumes {
  const padding = kernel.map((taps) => (padded ? Math.floor(taps / 2) : 0));
  return { kind, input, outChannels, kernel, stride, padding: padding as never };
}

const SHAPES: readonly Volumes[] = [
  volumes('Conv3d', [4, 1, 16, 32, 32], 16, [3, 3, 3], 1, true),
  volumes('Conv3d', [4, 16, 16, 32, 32], 32, [3, 3, 3], 1, true),
  volumes('Conv3d', [2, 64, 8, 14, 14], 128, [3, 3, 3], 1, true),
  volumes('Conv3d', [4, 32, 16, 28, 28], 64, [3, 3, 3], 2, true),
  volumes('Conv3d', [4, 32, 8, 28, 28], 64, [1, 3, 3], 1, true),
  volumes('Conv3d', [4, 64, 8, 28, 28], 64, [3, 1, 1], 1, true),
  volumes('Conv3d', [4, 64, 8, 28, 28], 128, [1, 1, 1], 1, false),
  volumes('MaxPool3d', [4, 32, 16, 32, 32], 0, [2, 2, 2], 2, false),
  volumes('MaxPool3d', [4, 32, 16, 32, 32], 0, [3, 3, 3], 2, true),
  volumes('AvgPool3d', [4, 32, 16, 32, 32], 0, [2, 2, 2], 2, false),
  volumes('AvgPool3d', [4, 32, 16, 32, 32], 0, [3, 3, 3], 2, true),
];

const WORKS = ['forward', 'forward and backward'];

function nameOf({ kind, input, outChannels, kernel, stride }: Volumes): string {
  const to = outChannels > 0 ? ` → ${outChannels}` : '';
  return `${kind} [${input.join(', ')}] ${kernel.join('×')}${stride > 1 ? `/${stride}` : ''}${to}`;
}

function layerOf({ kind, input, outChannels, kernel, stride, padding }: Volumes): Module {
  if (kind === 'MaxPool3d') return new MaxPool3d(kernel, { stride, padding });
  if (kind === 'AvgPool3d') return new AvgPool3d(kernel, { stride, padding });
  const layer = new Conv3d(input[1]!, outChannels, kernel, { stride, padding, bias: false });
  layer.weight.data.set(fillUniform(new Float32Array(layer.weight.size), 3));
  return layer;
}

function prepare(work: string, of: Volumes): Prepared {
  const layer = layerOf(of);
  const filled = (shape: readonly number[], seed: number) => {
    const size = shape.reduce((a, b) => a * b);
    return { data: fillUniform(new Float32Array(size), seed), shape };
  };
  const x = filled(of.input, 1);
  const dy = filled(layer.forward(x).shape, 2);
  const both = () => {
    layer.forward(x);
    return layer.backward(dy).toArray();
  };
  const forward = work === 'forward';
  return {
    run: () => void (forward ? layer.forward(x) : both()),
    outputs: () => (forward ? layer.forward(x).toArray() : both()),
    dispose: () => layer.dispose(),
  };
}

function measureVolumes(effort: Effort): Measured[] {
  return SHAPES.flatMap((of) =>
    WORKS.map((work) => {
      const { run, dispose } = prepare(work, of);
      const { layer } = timeRounds({ layer: { run } }, effort);
      dispose?.();
      return { work, shape: nameOf(of), unit: 'ms' as const, value: statistic(layer) };
    }),
  );
}

const items: Item[] = SHAPES.flatMap((of) =>
  WORKS.map((work) => ({
    work,
    shape: nameOf(of),
    unit: 'ms' as const,
    count: 1,
    of,
    tolerance: 1e-4,
  })),
);

const bench: Bench = {
  subject: 'Matrix products and convolutions',
  measure: (_, effort) => measureVolumes(effort),
  contest: { items, prepare: (_, { work, of }: NamedItem) => prepare(work, of as Volumes) },
  goals: [
    {
      name: 'convolution of volumes, 3×3×3 at stride 1 of 16 channels and more, × PyTorch',
      ...{ must: 2, aim: 1, unit: '×' },
      why: "the kernels are those of images: 128-bit lanes that round twice, where PyTorch's are four times as wide and fuse",
      of: (found) =>
        againstTorch(
          found,
          WORKS,
          ({ shape }) => /^Conv3d.* 3×3×3 →/.test(shape) && !shape.includes(', 1, 16'),
        ),
    },
    {
      name: 'pooling of volumes, × PyTorch',
      ...{ must: 2, aim: 1, unit: '×' },
      why: 'the times hold the copies of x, dy and dx into and out of linear memory, half of the time of average pooling',
      of: (found) => againstTorch(found, WORKS, ({ shape }) => shape.includes('Pool3d')),
    },
  ],
};
export default bench;
