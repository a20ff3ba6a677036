/**
 * Convolutions, forward and both gradients, as shares of a bare multiply-add loop. Work counts the products of
 * the direct sum, so what Winograd's method computes may exceed 100 %.
 */
import { ConvShape as Layout } from '../../src/generated/kernels.ts';
import { takesWinograd } from '../../src/layers/conv/winograd.ts';
import { ABSENT, type Arena } from '../arena.ts';
import { againstTorch, type Bench, fromScene, type Item, percents, ratios } from '../bench.ts';

import { computeLoops, type Row, type Scene } from '../scene.ts';

interface ConvShape {
  /** The network that has such a layer. */
  of: string;
  n: number;
  channels: number;
  size: number;
  outChannels: number;
  kernel: number;
  stride: number;
  /** Padding before and after. */
  padding: readonly [number, number];
  groups: number;
}

function conv(
  of: string,
  n: number,
  channels: number,
  size: number,
  outChannels: number,
  kernel: number,
  stride: number,
  padding: number | [number, number],
  groups = 1,
): ConvShape {
  const pair = typeof padding === 'number' ? ([padding, padding] as const) : padding;
  return { of, n, channels, size, outChannels, kernel, stride, padding: pair, groups };
}

const SHAPES: ConvShape[] = [
  conv('3×3', 32, 32, 28, 64, 3, 1, 1),
  conv('CNN 1', 32, 1, 28, 24, 6, 1, [2, 3]),
  conv('CNN 2', 32, 24, 28, 48, 5, 2, 2),
  conv('CNN 3', 32, 48, 14, 64, 4, 2, 1),
  conv('ResNet-20 layer1', 64, 16, 32, 16, 3, 1, 1),
  conv('ResNet-20 layer2', 64, 32, 16, 32, 3, 1, 1),
  conv('ResNet-20 layer3', 64, 64, 8, 64, 3, 1, 1),
  conv('ResNet-18 conv1', 2, 3, 224, 64, 7, 2, 3),
  conv('ResNet-18 layer1', 4, 64, 56, 64, 3, 1, 1),
  conv('ResNet-18 layer2.0', 4, 64, 56, 128, 3, 2, 1),
  conv('ResNet-18 layer2.0 shortcut', 4, 64, 56, 128, 1, 2, 0),
  conv('ResNet-18 layer3', 4, 256, 14, 256, 3, 1, 1),
  conv('ResNet-18 layer4', 4, 512, 7, 512, 3, 1, 1),
  conv('MobileNet depthwise', 4, 64, 56, 64, 3, 1, 1, 64),
  conv('MobileNet depthwise /2', 4, 128, 56, 128, 3, 2, 1, 128),
  conv('MobileNet pointwise', 4, 256, 14, 512, 1, 1, 0),
];

function outSize({ size, kernel, stride, padding }: ConvShape): number {
  return Math.floor((size + padding[0] + padding[1] - kernel) / stride) + 1;
}

function nameOf(shape: ConvShape): string {
  const { of, n, channels, size, outChannels, kernel, stride } = shape;
  const by = stride > 1 ? `/${stride}` : '';
  return `${of} [${n}, ${channels}, ${size}, ${size}] ${kernel}×${kernel}${by} → ${outChannels}`;
}

function convScene(arena: Arena, shape: ConvShape): Scene {
  const { kernels } = arena;
  const { n, channels, size, outChannels, kernel: k, stride, padding, groups } = shape;
  const out = outSize(shape);
  const taps = (channels * k * k) / groups;
  const [inputs, outputs, weights] = [
    n * channels * size * size,
    n * outChannels * out * out,
    outChannels * taps,
  ];
  const [x, dy, weight] = [
    arena.floats(inputs, 1),
    arena.floats(outputs, 2),
    arena.floats(weights, 3),
  ];
  const [y, dx, dWeight] = [arena.floats(outputs), arena.floats(inputs), arena.floats(weights)];
  const described = {
    ...{ channels, h: size, w: size, outChannels, outH: out, outW: out, kernelH: k, kernelW: k },
    ...{ strideH: stride, strideW: stride, top: padding[0], left: padding[0] },
    ...{ dilationH: 1, dilationW: 1, groups },
  };
  const sizes = arena.struct(Layout, described);
  const winograd = takesWinograd(described);
  const [forward, inputGradient, weightGradient] = winograd
    ? [kernels.winogradForward, kernels.winogradInputGradient, kernels.winogradWeightGradient]
    : [kernels.conv2dForward, kernels.conv2dInputGradient, kernels.conv2dWeightGradient];
  const scratch = arena.bytes(
    winograd
      ? Math.max(
          kernels.winogradForwardScratch(sizes),
          kernels.winogradInputGradientScratch(sizes),
          kernels.winogradWeightGradientScratch(sizes),
        )
      : Math.max(
          kernels.conv2dForwardScratch(sizes),
          kernels.conv2dInputGradientScratch(sizes),
          kernels.conv2dWeightGradientScratch(sizes),
        ),
  );
  const range = winograd ? channels : taps;
  const count = 2 * n * outChannels * out * out * taps;
  return {
    shape: nameOf(shape),
    unit: 'GFLOP/s',
    loops: computeLoops(arena),
    works: {
      forward: {
        count,
        run: () => forward(y, x, weight, ABSENT, sizes, 0, 0, n, scratch),
        results: [[y, outputs]],
      },
      'input gradient': {
        count,
        run: () => inputGradient(dx, dy, weight, sizes, 0, n, scratch),
        results: [[dx, inputs]],
      },
      'weight gradient': {
        count,
        // The kernel adds to dWeight.
        reset: () => arena.view(dWeight, weights).fill(0),
        run: () => weightGradient(dWeight, dy, x, n, sizes, 0, range, scratch),
        results: [[dWeight, weights]],
      },
    },
  };
}

const WORKS = ['forward', 'input gradient', 'weight gradient'];

const items: Item[] = SHAPES.flatMap((shape) => {
  const out = outSize(shape);
  const taps = (shape.channels * shape.kernel ** 2) / shape.groups;
  return WORKS.map((work) => ({
    work,
    shape: nameOf(shape),
    unit: 'GFLOP/s' as const,
    count: 2 * shape.n * shape.outChannels * out * out * taps,
    of: { ...shape, out },
    tolerance: 1e-4,
  }));
});

/** 3 × 3 convolutions at stride 1 of 64 channels and more. */
function wide(rows: readonly Row[], works: readonly string[]) {
  const shapes = SHAPES.filter((shape) => {
    const { kernel, stride, groups, channels, outChannels } = shape;
    return kernel === 3 && stride === 1 && groups === 1 && Math.min(channels, outChannels) >= 64;
  }).map(nameOf);
  return works.flatMap((work) => ratios(rows, work, ({ shape }) => shapes.includes(shape)));
}

const bench: Bench = {
  subject: 'Matrix products and convolutions',
  relaxed: true,
  scenes: (arena) => SHAPES.map((shape) => () => convScene(arena, shape)),
  contest: {
    items,
    prepare: fromScene((arena, { of }) => convScene(arena, of as unknown as ConvShape)),
  },
  goals: [
    {
      name: 'convolution 3×3, 64 channels and more, forward and input gradient, share of P',
      ...{ must: 160, aim: 240, unit: '%', more: true },
      why: 'with 512 channels the transformed weight, 38 MB, leaves the caches, so these convolutions stay direct; 256 channels reach 124 to 133 %, 64 channels 213 to 217 %',
      of: ({ strict }) => percents(wide(strict, ['forward', 'input gradient'])),
    },
    {
      name: 'convolution 3×3, 64 channels and more, weight gradient, share of P',
      ...{ must: 140, aim: 200, unit: '%', more: true },
      why: '512 channels stay direct; 256 channels reach 170 %, 64 channels 213 to 216 %',
      of: ({ strict }) => percents(wide(strict, ['weight gradient'])),
    },
    {
      name: 'convolution 3×3, 16 channels, forward and both gradients, share of P',
      ...{ must: 130, aim: 160, unit: '%', more: true },
      why: 'a transformed number serves 16 products, where it serves 64 with 64 channels: the transforms weigh four times as much',
      of: ({ strict }) =>
        WORKS.flatMap((work) =>
          percents(ratios(strict, work, ({ shape }) => shape.startsWith('ResNet-20 layer1'))),
        ),
    },
    {
      name: 'convolution 7×7/2 of three channels, input gradient, share of P',
      ...{ must: 70, aim: 85, unit: '%', more: true },
      why: 'the product has three rows, one a channel, where a tile has five. So each number of dy that is packed serves three products. Panels that were read where they lie, without packing, took 0.69 of the time (62 %; 73 % with smaller images, whose dy stays in the second-level cache through the four residues), but cost 290 bytes in every bundle with convolutions',
      of: ({ strict }) =>
        percents(
          ratios(strict, 'input gradient', ({ shape }) => shape.startsWith('ResNet-18 conv1')),
        ),
    },
    {
      name: 'depthwise convolution and its gradients, × PyTorch',
      ...{ must: 1, aim: 0.7, unit: '×' },
      why: "nine products an output (stride 2, input gradient: one to four, in lines of 28 that begin and end; a loop for three columns that computed a line's two residues together took 0.42 of the time, 17 % of P, but cost 310 bytes in every bundle with convolutions, and slows other shapes down), and images that are padded plane by plane; stride 2 takes every second number, and 128-bit lanes have no strided load. PyTorch's vectors are four times as wide",
      of: (found) => againstTorch(found, WORKS, ({ shape }) => shape.includes('depthwise')),
    },
  ],
};
export default bench;
