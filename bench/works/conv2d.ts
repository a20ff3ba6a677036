/** Convolutions, forward and both gradients, as shares of a bare mul+add loop. */
import { ABSENT, type Arena } from '../arena.ts';
import { computeLoops, type Scene } from '../scene.ts';
import { CONV2D, type ConvShape, convName, outSize } from './shapes.ts';

export function convScene(arena: Arena, shape: ConvShape): Scene {
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
  const window = [k, k, stride, stride] as const;
  const scratch = arena.bytes(
    Math.max(
      kernels.conv2dForwardScratch(channels, outChannels, out, out, ...window, 1, 1, groups),
      kernels.conv2dInputGradientScratch(
        ...([channels, size, size, outChannels, ...window] as const),
        ...([padding[0], padding[0], 1, 1, groups] as const),
      ),
      kernels.conv2dWeightGradientScratch(channels, outChannels, out, out, ...window, 1, 1, groups),
    ),
  );
  const sizes = [channels, size, size, outChannels, out, out] as const;
  const at = [...window, padding[0], padding[0], 1, 1, groups] as const;
  const count = 2 * n * outChannels * out * out * taps;
  return {
    group: 'conv2d',
    shape: convName(shape),
    unit: 'GFLOP/s',
    loops: computeLoops(arena),
    works: {
      forward: {
        count,
        run: () => kernels.conv2dForward(y, x, weight, ABSENT, ...sizes, ...at, 0, 0, n, scratch),
        results: [[y, outputs]],
      },
      'input gradient': {
        count,
        run: () => kernels.conv2dInputGradient(dx, dy, weight, ...sizes, ...at, 0, n, scratch),
        results: [[dx, inputs]],
      },
      'weight gradient': {
        count,
        // Added to.
        reset: () => arena.view(dWeight, weights).fill(0),
        run: () =>
          kernels.conv2dWeightGradient(dWeight, dy, x, n, ...sizes, ...at, 0, taps, scratch),
        results: [[dWeight, weights]],
      },
    },
  };
}

export function convScenes(arena: Arena): (() => Scene)[] {
  return CONV2D.map((shape) => () => convScene(arena, shape));
}
