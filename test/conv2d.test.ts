import { describe, expect, it } from 'vitest';
import type { Pointer } from '../src/generated/kernels.ts';
import {
  type ConvShape,
  convForward,
  convInputGradient,
  convWeightGradient,
  outputSize,
} from './reference/conv2d.ts';
import { expectClose } from './support/close.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

const NONE = 0 as Pointer;

/** A square convolution with everything at its default, changed as told. */
function shapeOf(changes: Partial<ConvShape> & { k?: number; s?: number; p?: number }): ConvShape {
  const { k = 3, s = 1, p = 0, ...rest } = changes;
  return {
    n: 2,
    channels: 3,
    h: 9,
    w: 9,
    outChannels: 4,
    kernelH: k,
    kernelW: k,
    strideH: s,
    strideW: s,
    top: p,
    left: p,
    bottom: p,
    right: p,
    dilationH: 1,
    dilationW: 1,
    groups: 1,
    ...rest,
  };
}

const weightSize = (s: ConvShape) =>
  s.outChannels * (s.channels / s.groups) * s.kernelH * s.kernelW;

/** The sizes that all kernels take, in the order they take them. */
function sizesOf(s: ConvShape) {
  const { outH, outW } = outputSize(s);
  return {
    input: [s.channels, s.h, s.w] as const,
    output: [s.outChannels, outH, outW] as const,
    kernel: [s.kernelH, s.kernelW, s.strideH, s.strideW] as const,
    padding: [s.top, s.left] as const,
    rest: [s.dilationH, s.dilationW, s.groups] as const,
    count: s.n * s.outChannels * outH * outW,
  };
}

type Numbers = ArrayLike<number>;

function forward(
  s: ConvShape,
  x: Numbers,
  weight: Numbers,
  bias?: Numbers,
  relu = false,
): Float32Array {
  const arena = new Arena();
  const { kernels } = arena;
  const { input, output, kernel, padding, rest, count } = sizesOf(s);
  const y = arena.f32(new Float32Array(count).fill(Number.NaN));
  const [image, filters] = [arena.f32(x).ptr, arena.f32(weight).ptr];
  const added = bias ? arena.f32(bias).ptr : NONE;
  const bytes = kernels.conv2dForwardScratch(s.channels, ...output, ...kernel, ...rest);
  const scratch = arena.bytes(bytes);
  scratch.f32.fill(Number.NaN);
  const sizes = [...input, ...output, ...kernel, ...padding, ...rest] as const;
  kernels.conv2dForward(y.ptr, image, filters, added, ...sizes, relu ? 1 : 0, 0, s.n, scratch.ptr);
  arena.checkCanaries();
  return y.f32;
}

function inputGradient(s: ConvShape, dy: Numbers, weight: Numbers): Float32Array {
  const arena = new Arena();
  const { kernels } = arena;
  const { input, output, kernel, padding, rest } = sizesOf(s);
  const dx = arena.f32(new Float32Array(s.n * s.channels * s.h * s.w).fill(Number.NaN));
  const [upstream, filters] = [arena.f32(dy).ptr, arena.f32(weight).ptr];
  const bytes = kernels.conv2dInputGradientScratch(
    ...([...input, s.outChannels, ...kernel, ...padding, ...rest] as const),
  );
  const scratch = arena.bytes(bytes);
  scratch.f32.fill(Number.NaN);
  const sizes = [...input, ...output, ...kernel, ...padding, ...rest] as const;
  kernels.conv2dInputGradient(dx.ptr, upstream, filters, ...sizes, 0, s.n, scratch.ptr);
  arena.checkCanaries();
  return dx.f32;
}

/** Added to `start`, in one call or cut at some taps. */
function weightGradient(
  s: ConvShape,
  dy: Numbers,
  x: Numbers,
  start: Numbers,
  cuts: number[] = [],
): Float32Array {
  const arena = new Arena();
  const { kernels } = arena;
  const { input, output, kernel, padding, rest } = sizesOf(s);
  const dWeight = arena.f32(start);
  const [upstream, image] = [arena.f32(dy).ptr, arena.f32(x).ptr];
  const bytes = kernels.conv2dWeightGradientScratch(s.channels, ...output, ...kernel, ...rest);
  const scratch = arena.bytes(bytes).ptr;
  const sizes = [s.n, ...input, ...output, ...kernel, ...padding, ...rest] as const;
  let from = 0;
  for (const to of [...cuts, weightSize(s) / s.outChannels]) {
    kernels.conv2dWeightGradient(dWeight.ptr, upstream, image, ...sizes, from, to, scratch);
    from = to;
  }
  arena.checkCanaries();
  return dWeight.f32;
}

const TOLERANCE = { rtol: 1e-6, scaled: 2e-6 };

/** Forward and the gradients against the float64 reference, with a random upstream gradient. */
function check(s: ConvShape, seed: number): void {
  const what = JSON.stringify(s);
  const random = new TestRandom(seed);
  const { outH, outW } = outputSize(s);
  const x = random.normals(s.n * s.channels * s.h * s.w);
  const weight = random.normals(weightSize(s));
  const bias = random.normals(s.outChannels);
  const dy = random.normals(s.n * s.outChannels * outH * outW);
  const start = random.normals(weight.length);
  const y = forward(s, x, weight, bias);
  expectClose(y, convForward(s, x, weight, bias), TOLERANCE, `y ${what}`);
  const clamped = (values: Float32Array) => values.map((value) => Math.max(value, 0));
  expectClose(forward(s, x, weight, bias, true), clamped(y), { rtol: 0 }, `max(y, 0) ${what}`);
  const plain = forward(s, x, weight);
  expectClose(
    forward(s, x, weight, undefined, true),
    clamped(plain),
    { rtol: 0 },
    `no bias ${what}`,
  );
  expectClose(
    inputGradient(s, dy, weight),
    convInputGradient(s, dy, weight),
    TOLERANCE,
    `dx ${what}`,
  );
  const expected = convWeightGradient(s, dy, x).map((v, i) => v + start[i]!);
  expectClose(weightGradient(s, dy, x, start), expected, TOLERANCE, `dWeight ${what}`);
}

describe('conv2d kernels against the reference', () => {
  const cases: Record<string, Parameters<typeof shapeOf>[0]> = {
    'a single tap': { k: 1, channels: 1, outChannels: 1, h: 1, w: 1, n: 1 },
    '3×3': {},
    'padding 1': { p: 1 },
    'stride 2, padding 1': { s: 2, p: 1 },
    'stride 3 beyond the kernel': { k: 2, s: 3, p: 1 },
    'rows and columns that no position reads': { k: 3, s: 4, h: 10, w: 12 },
    'stride 2 by 1': { s: 1, strideH: 2, p: 1 },
    'stride 1 by 3': { strideW: 3, w: 14 },
    'a 2×5 kernel on 7×12': { kernelH: 2, kernelW: 5, h: 7, w: 12, left: 2, right: 1 },
    'dilation 2': { dilationH: 2, dilationW: 2, p: 2 },
    'dilation 3 by 2, stride 2 by 3': {
      dilationH: 3,
      dilationW: 2,
      strideH: 2,
      strideW: 3,
      h: 13,
      w: 15,
      p: 3,
    },
    'dilation 2, stride 2: residues without taps': {
      dilationH: 2,
      dilationW: 2,
      s: 2,
      h: 11,
      w: 10,
    },
    'four different sides': { top: 0, left: 1, bottom: 2, right: 3, k: 4 },
    'padding as wide as the kernel': { p: 3 },
    'padding far beyond, stride 2': { p: 5, s: 2, h: 3, w: 4 },
    'two groups': { channels: 4, outChannels: 6, groups: 2, p: 1 },
    depthwise: { channels: 5, outChannels: 5, groups: 5, p: 1 },
    'depthwise with multiplier 2, stride 2': { channels: 3, outChannels: 6, groups: 3, p: 1, s: 2 },
    'height 1 (Conv1d)': { h: 1, w: 17, kernelH: 1, kernelW: 5, left: 2, right: 2 },
    'a full-size kernel': { k: 9, channels: 2 },
    'small planes joined, a last block of 3 images': { n: 19, h: 4, w: 4, channels: 2, p: 1 },
    'more than 256 taps': { channels: 31, n: 1, h: 6, w: 7, p: 1 },
    'more than 256 positions': { n: 1, h: 18, w: 19, p: 1, channels: 2 },
    'more than 120 filters': { n: 1, h: 4, w: 5, outChannels: 123, channels: 2 },
    'more than 512 taps': { n: 2, h: 5, w: 5, channels: 60, outChannels: 2 },
    'depthwise, stride 2, a residue without columns': {
      channels: 2,
      outChannels: 2,
      groups: 2,
      w: 1,
      s: 2,
      p: 1,
    },
    'two images of one column: places that only look like neighbours': { k: 1, h: 2, w: 1 },
    'kernel rows that read padding alone, at both ends': { k: 5, p: 4, h: 4, w: 9, n: 3 },
    'lines that read padding alone': { k: 2, p: 4, s: 1, h: 3, w: 5 },
    'kernel rows of 64 taps, lines left out': {
      channels: 22,
      outChannels: 3,
      p: 1,
      n: 9,
      h: 5,
      w: 5,
    },
    'the same on more than 256 positions': { channels: 24, h: 17, w: 19, p: 2, s: 1, n: 1 },
    "6×6 'same' 1→24 on 28×28": {
      n: 1,
      channels: 1,
      outChannels: 24,
      h: 28,
      w: 28,
      k: 6,
      top: 2,
      left: 2,
      bottom: 3,
      right: 3,
    },
    '5×5 stride 2, 24→48 on 28×28': {
      n: 1,
      channels: 24,
      outChannels: 48,
      h: 28,
      w: 28,
      k: 5,
      s: 2,
      p: 2,
    },
    '4×4 stride 2, 48→64 on 14×14': {
      n: 2,
      channels: 48,
      outChannels: 64,
      h: 14,
      w: 14,
      k: 4,
      s: 2,
      p: 1,
    },
  };
  Object.entries(cases).forEach(([name, changes], i) => {
    it(name, () => check(shapeOf(changes), i));
  });

  it('one filter a group, at every width of a line', () => {
    for (const w of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 19, 20, 21, 37]) {
      const groups = { n: 2, channels: 2, outChannels: 2, groups: 2, h: 4, p: 1 };
      check(shapeOf({ ...groups, w }), w);
      check(shapeOf({ ...groups, w: 2 * w, s: 2 }), w);
    }
    check(shapeOf({ channels: 31, outChannels: 1, h: 5, w: 21, p: 1 }), 1);
    check(shapeOf({ channels: 1, outChannels: 1, h: 30, w: 40, n: 1 }), 2);
    check(shapeOf({ channels: 1, outChannels: 1, h: 1, kernelH: 1, w: 600, n: 1, p: 1 }), 3);
  });

  it('every output width at the edge of a panel', () => {
    for (const w of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17]) {
      for (const s of [1, 2, 3]) {
        const shape = shapeOf({ n: 1, channels: 2, outChannels: 7, h: 3, w, k: 3, s, p: 1 });
        check(shape, w * 10 + s);
      }
    }
  });

  it('random shapes', () => {
    const random = new TestRandom(99);
    for (let i = 0; i < 60; i++) {
      const groups = 1 + random.integer(3);
      const shape: ConvShape = {
        n: 1 + random.integer(3),
        channels: groups * (1 + random.integer(3)),
        outChannels: groups * (1 + random.integer(6)),
        h: 1 + random.integer(12),
        w: 1 + random.integer(12),
        kernelH: 1 + random.integer(4),
        kernelW: 1 + random.integer(4),
        strideH: 1 + random.integer(3),
        strideW: 1 + random.integer(3),
        top: random.integer(4),
        left: random.integer(4),
        bottom: random.integer(4),
        right: random.integer(4),
        dilationH: 1 + random.integer(3),
        dilationW: 1 + random.integer(3),
        groups,
      };
      const { outH, outW } = outputSize(shape);
      if (outH > 0 && outW > 0) check(shape, i);
    }
  });
});

describe('conv2d kernels', () => {
  it("a sample's bits do not depend on its batch", () => {
    for (const changes of [
      { h: 5, w: 5, p: 1 },
      { h: 18, w: 17 },
      { s: 2, p: 1, channels: 40 },
    ]) {
      const many = shapeOf({ ...changes, n: 21 });
      const one = { ...many, n: 1 };
      const random = new TestRandom(4);
      const { outH, outW } = outputSize(many);
      const image = many.channels * many.h * many.w;
      const result = many.outChannels * outH * outW;
      const x = random.normals(many.n * image);
      const weight = random.normals(weightSize(many));
      const dy = random.normals(many.n * result);
      const y = forward(many, x, weight);
      const dx = inputGradient(many, dy, weight);
      for (const i of [0, 7, 20]) {
        expect(forward(one, x.slice(i * image, (i + 1) * image), weight)).toEqual(
          y.slice(i * result, (i + 1) * result),
        );
        expect(inputGradient(one, dy.slice(i * result, (i + 1) * result), weight)).toEqual(
          dx.slice(i * image, (i + 1) * image),
        );
      }
    }
  });

  it('the weight gradient has the same bits when its taps are cut', () => {
    const s = shapeOf({ channels: 12, n: 11, p: 1, outChannels: 6 });
    const random = new TestRandom(5);
    const x = random.normals(s.n * s.channels * s.h * s.w);
    const dy = random.normals(s.n * s.outChannels * s.h * s.w);
    const zero = new Float32Array(weightSize(s));
    expect(weightGradient(s, dy, x, zero, [16, 64])).toEqual(weightGradient(s, dy, x, zero));
  });

  it('NaN and infinity reach the positions that read them and no other', () => {
    const s = shapeOf({ p: 1, n: 1 });
    const random = new TestRandom(6);
    const x = random.normals(s.n * s.channels * s.h * s.w);
    x[12] = Number.NaN;
    x[80] = Infinity;
    const weight = random.normals(weightSize(s));
    expectClose(forward(s, x, weight), convForward(s, x, weight), TOLERANCE);
    expectClose(
      inputGradient(shapeOf({ p: 1, n: 1, channels: 4, outChannels: 3 }), x, weight),
      convInputGradient(shapeOf({ p: 1, n: 1, channels: 4, outChannels: 3 }), x, weight),
      TOLERANCE,
    );
  });
});

describe('the reference itself', () => {
  it("has gradients that are those of its forward's finite differences", () => {
    const s = shapeOf({
      channels: 4,
      outChannels: 2,
      groups: 2,
      h: 6,
      w: 5,
      n: 2,
      kernelW: 2,
      strideH: 2,
      dilationW: 2,
      top: 1,
      right: 2,
    });
    const random = new TestRandom(7);
    const { outH, outW } = outputSize(s);
    const x = Float64Array.from(random.normals(s.n * s.channels * s.h * s.w));
    const weight = Float64Array.from(random.normals(weightSize(s)));
    const dy = random.normals(s.n * s.outChannels * outH * outW);
    const loss = () => convForward(s, x, weight).reduce((sum, y, i) => sum + y * dy[i]!, 0);
    const slope = (values: Float64Array, i: number) => {
      const before = values[i]!;
      values[i] = before + 0.5;
      const above = loss();
      values[i] = before - 0.5;
      const below = loss();
      values[i] = before;
      return above - below;
    };
    const differences = (values: Float64Array) => values.map((_, i) => slope(values, i));
    const close = { atol: 1e-9 };
    expectClose(convInputGradient(s, dy, weight), differences(x), close, 'dx');
    expectClose(convWeightGradient(s, dy, x), differences(weight), close, 'dWeight');
  });
});
