/** Batch norm forward in training, inference and backward, against R + S, S, I and 2R + S₂. */
import type { Pointer } from '../../src/generated/kernels.ts';
import type { Arena } from '../arena.ts';
import { memoryLoops, type Scene, type Work } from '../scene.ts';
import { BATCH_NORM, type BatchNormShape } from './shapes.ts';

export function batchNormScene(arena: Arena, shape: BatchNormShape): Scene {
  const { kernels: k } = arena;
  const { layout, c, name } = shape;
  const planes = layout === 'NCHW';
  const n = planes ? shape.n : shape.n * shape.s;
  const { s } = shape;
  const m = shape.n * shape.s;
  const size = m * c;
  const [x, dy, y, dx, z] = [
    arena.floats(size, 1),
    arena.floats(size, 2),
    arena.floats(size),
    arena.floats(size),
    arena.floats(size),
  ];
  const perChannel = (seed?: number) => arena.floats(c, seed);
  const [shift, delta, invStd, variance] = [perChannel(), perChannel(), perChannel(), perChannel()];
  const [scale, offset, slope, intercept] = [
    perChannel(),
    perChannel(),
    perChannel(),
    perChannel(),
  ];
  const [weight, bias, dWeight, dBias] = [perChannel(3), perChannel(4), perChannel(), perChannel()];
  const [runningMean, runningVar] = [perChannel(5), perChannel(6)];
  const variances = arena.view(runningVar, c);
  for (let i = 0; i < c; i++) variances[i]! += 1;
  const totals = arena.bytes(16 * (c + 16));
  const lanes = arena.bytes(5 * 4160);

  const statistics = () => {
    const saved = [shift, delta, invStd, variance] as const;
    if (planes) k.batchNormStatisticsPlanes(...saved, x, n, c, s, 1e-5, 0, c, totals);
    else k.batchNormStatistics(...saved, x, n, c, 1e-5, 0, c, totals, lanes);
  };
  const normalize = (to: Pointer, from: Pointer) => {
    if (planes) k.batchNormForwardPlanes(to, shift, scale, offset, from, n, c, s, 0, 0, c);
    else k.batchNormForward(to, shift, scale, offset, from, c, 0, 0, n, lanes);
  };
  const forward = () => {
    statistics();
    k.batchNormAffine(scale, offset, delta, invStd, weight, bias, 0, c);
    normalize(y, x);
  };
  const inference = (to: Pointer, from: Pointer) => {
    k.batchNormRunning(shift, delta, invStd, runningMean, runningVar, 1e-5, 0, c);
    k.batchNormAffine(scale, offset, delta, invStd, weight, bias, 0, c);
    normalize(to, from);
  };
  const backward = () => {
    const saved = [shift, scale, offset] as const;
    if (planes) k.batchNormBackwardSumsPlanes(totals, ...saved, dy, x, n, c, s, 0, 0, c);
    else k.batchNormBackwardSums(totals, ...saved, dy, x, n, c, 0, 0, c, lanes);
    const outputs = [dWeight, dBias, slope, intercept] as const;
    k.batchNormAffineBackward(...outputs, totals, delta, invStd, scale, c, m, 0, c);
    if (planes) k.batchNormBackwardPlanes(dx, ...saved, slope, intercept, dy, x, n, c, s, 0, 0, c);
    else k.batchNormBackward(dx, ...saved, slope, intercept, dy, x, c, 0, 0, n, lanes);
  };
  forward();
  const clear = () => arena.view(z, size).set(arena.view(x, size));
  const works: Record<string, Work> = {
    forward: {
      count: size,
      limit: ['(R+S)', (t) => t.R + t.S],
      run: forward,
      results: [[y, size]],
    },
    statistics: { count: size, limit: ['R', (t) => t.R], run: statistics },
    inference: {
      count: size,
      limit: ['S', (t) => t.S],
      run: () => inference(y, x),
      results: [[y, size]],
    },
    'inference in place': {
      count: size,
      limit: ['I', (t) => t.I],
      reset: clear,
      run: () => inference(z, z),
    },
    backward: {
      count: size,
      limit: ['(2R+S₂)', (t) => 2 * t.R + t['S₂']],
      // dWeight and dBias are added to.
      reset: () => {
        forward();
        arena.view(dWeight, c).fill(0);
        arena.view(dBias, c).fill(0);
      },
      run: backward,
      results: [[dx, size]],
    },
  };
  const loops = memoryLoops(arena, size, { x, y: dy, z });
  loops.I!.reset = clear;
  return { group: 'batchnorm', shape: name, unit: 'ns/element', loops, works };
}

export function batchNormScenes(arena: Arena): (() => Scene)[] {
  return BATCH_NORM.map((shape) => () => batchNormScene(arena, shape));
}

/** Ns an element from 1 to 10⁷: cost is linear. */
export function curveScenes(arena: Arena): (() => Scene)[] {
  const scenes: (() => Scene)[] = [];
  for (let size = 1; size <= 1e7; size *= 10) {
    // Up to 100 channels of up to 10⁵ positions.
    const c = Math.min(100, Math.max(1, Math.floor(Math.sqrt(size))));
    const m = Math.floor(size / c);
    for (const layout of ['rows', 'NCHW'] as const) {
      const n = layout === 'rows' ? m : m % 10 ? 1 : Math.min(10, m);
      const s = m / n;
      const name = layout === 'rows' ? `rows [${m}, ${c}]` : `NCHW [${n}, ${c}, ${s}]`;
      const shape: BatchNormShape = { layout, n, c, s: layout === 'rows' ? 1 : s, name };
      scenes.push(() => {
        const scene = batchNormScene(arena, shape);
        const { forward, inference, backward } = scene.works;
        return {
          ...scene,
          group: 'curve',
          works: { forward, inference, backward } as typeof scene.works,
        };
      });
    }
  }
  return scenes;
}
