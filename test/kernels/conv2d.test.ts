import { describe, expect, it } from 'vitest';
import { ConvShape as Sizes } from '../../src/generated/kernels.ts';
import {
  type ConvShape,
  convForward,
  convInputGradient,
  convWeightGradient,
  outputSize,
} from '../reference/conv2d.ts';
import { expectClose } from '../support/close.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

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

/** Whether the kernels under test take Winograd's method. */
let winograd = false;

const weightSize = (s: ConvShape) =>
  s.outChannels * (s.channels / s.groups) * s.kernelH * s.kernelW;

/** The struct that the kernels take. */
function sizesOf(s: ConvShape) {
  const { n: _, bottom: __, right: ___, ...rest } = s;
  return struct(Sizes, { ...rest, ...outputSize(s) });
}

const inputSize = (s: ConvShape) => s.n * s.channels * s.h * s.w;
const outputLength = (s: ConvShape) => {
  const { outH, outW } = outputSize(s);
  return s.n * s.outChannels * outH * outW;
};

const TOLERANCE = { rtol: 1e-6, scaled: 2e-6 };
type Expected = ArrayLike<number> | undefined;

function forward(
  s: ConvShape,
  x: Float32Array,
  weight: Float32Array,
  {
    bias,
    relu = false,
    expected,
  }: { bias?: Float32Array; relu?: boolean; expected?: Expected } = {},
): Float32Array {
  const { values } = kernelCase({
    name: JSON.stringify({ ...s, bias: !!bias, relu }),
    inputs: { x, weight, bias },
    outputs: { y: { expected, length: outputLength(s), ...(relu ? { rtol: 0 } : TOLERANCE) } },
    structs: { shape: sizesOf(s) },
    scratch: {
      scratch: (k, { shape }) =>
        (winograd ? k.winogradForwardScratch : k.conv2dForwardScratch)(shape),
    },
    range: { total: s.n, step: 1 },
    call: (k, { y, x, weight, bias, shape, scratch }, from, to) =>
      (winograd ? k.winogradForward : k.conv2dForward)(
        y,
        x,
        weight,
        bias,
        shape,
        relu ? 1 : 0,
        from,
        to,
        scratch,
      ),
  });
  return values.y as Float32Array;
}

function inputGradient(
  s: ConvShape,
  dy: Float32Array,
  weight: Float32Array,
  expected?: Expected,
): Float32Array {
  const { values } = kernelCase({
    name: JSON.stringify(s),
    inputs: { dy, weight },
    outputs: { dx: { expected, length: inputSize(s), ...TOLERANCE } },
    structs: { shape: sizesOf(s) },
    scratch: {
      scratch: (k, { shape }) =>
        (winograd ? k.winogradInputGradientScratch : k.conv2dInputGradientScratch)(shape),
    },
    range: { total: s.n, step: 1 },
    call: (k, { dx, dy, weight, shape, scratch }, from, to) =>
      (winograd ? k.winogradInputGradient : k.conv2dInputGradient)(
        dx,
        dy,
        weight,
        shape,
        from,
        to,
        scratch,
      ),
  });
  return values.dx as Float32Array;
}

/** Added to `start`; ranges are ranges of a filter's taps. */
function weightGradient(
  s: ConvShape,
  dy: Float32Array,
  x: Float32Array,
  start: Float32Array,
  expected?: Expected,
): Float32Array {
  const { values } = kernelCase({
    name: JSON.stringify(s),
    inputs: { dy, x },
    updates: { dWeight: { start, expected, ...TOLERANCE } },
    structs: { shape: sizesOf(s) },
    scratch: {
      scratch: (k, { shape }) =>
        (winograd ? k.winogradWeightGradientScratch : k.conv2dWeightGradientScratch)(shape),
    },
    range: { total: winograd ? s.channels : weightSize(s) / s.outChannels },
    call: (k, { dWeight, dy, x, shape, scratch }, from, to) =>
      (winograd ? k.winogradWeightGradient : k.conv2dWeightGradient)(
        dWeight,
        dy,
        x,
        s.n,
        shape,
        from,
        to,
        scratch,
      ),
  });
  return values.dWeight as Float32Array;
}

/** Forward and the gradients against the float64 reference, with a random upstream gradient. */
function check(s: ConvShape, seed: number): void {
  const random = new TestRandom(seed);
  const x = random.normals(inputSize(s));
  const weight = random.normals(weightSize(s));
  const bias = random.normals(s.outChannels);
  const dy = random.normals(outputLength(s));
  const start = random.normals(weight.length);
  const clamped = (values: Float32Array) => values.map((value) => Math.max(value, 0));
  const y = forward(s, x, weight, { bias, expected: convForward(s, x, weight, bias) });
  forward(s, x, weight, { bias, relu: true, expected: clamped(y) });
  const plain = forward(s, x, weight);
  forward(s, x, weight, { relu: true, expected: clamped(plain) });
  inputGradient(s, dy, weight, convInputGradient(s, dy, weight));
  const dWeight = convWeightGradient(s, dy, x);
  const expected = dWeight.map((v, i) => v + start[i]!);
  weightGradient(s, dy, x, start, expected);
}

describe('convolution by Winograd’s method', () => {
  const cases: Record<string, Parameters<typeof shapeOf>[0]> = {
    'one tile': { n: 1, channels: 1, outChannels: 1, h: 6, w: 6 },
    'one tile of one output': { n: 1, channels: 1, outChannels: 1, h: 3, w: 3 },
    'padding 1': { p: 1 },
    'padding 2': { p: 2, h: 7, w: 10 },
    'four different sides': { top: 0, left: 2, bottom: 3, right: 1, h: 5, w: 8 },
    'images of one column': { w: 1, p: 1, h: 13, n: 3 },
    'images of one row': { h: 1, p: 1, w: 13, n: 3 },
    'more filters than a panel': { outChannels: 21, channels: 11, p: 1, h: 8, w: 8 },
    'more channels than a block': { outChannels: 7, channels: 37, p: 1, h: 5, w: 4, n: 3 },
    'many small images': { n: 41, h: 4, w: 4, channels: 16, outChannels: 17, p: 1 },
    'many tiles in a row': { n: 1, h: 6, w: 150, channels: 17, outChannels: 16, p: 1 },
    'blocks that end in the middle of an image': {
      n: 5,
      h: 29,
      w: 31,
      channels: 40,
      outChannels: 36,
      p: 1,
    },
  };
  Object.entries(cases).forEach(([name, changes], i) => {
    it(name, () => {
      winograd = true;
      try {
        check(shapeOf(changes), i);
      } finally {
        winograd = false;
      }
    });
  });

  it('at every extent around a tile', () => {
    winograd = true;
    try {
      for (let h = 1; h < 10; h++) {
        for (let w = 1; w < 10; w++) check(shapeOf({ h, w, p: 1, n: 2 }), 10 * h + w);
      }
    } finally {
      winograd = false;
    }
  });
});

describe('conv2d kernels against the reference', () => {
  const cases: Record<string, Parameters<typeof shapeOf>[0]> = {
    'a stride beyond the image': { h: 4, w: 4, s: 3000 },
    'the largest stride': { h: 4, w: 5, s: 2 ** 30, p: 1 },
    'a stride beyond the image along one axis': { h: 5, w: 7, strideH: 3, strideW: 100, p: 2 },
    'the largest dilation of one tap': { h: 4, w: 4, k: 1, dilationH: 2 ** 30, dilationW: 2 ** 30 },
    'taps far apart': {
      ...{ n: 1, channels: 1, outChannels: 1, h: 1, w: 6, kernelH: 1 },
      ...{ dilationW: 50_000, left: 50_000, right: 50_000 },
    },
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
    // kernelCase cuts at 16 and at the last multiple of 16; here 108 taps, kernel rows of 36.
    const s = shapeOf({ channels: 12, n: 11, p: 1, outChannels: 6 });
    const random = new TestRandom(5);
    const x = random.normals(inputSize(s));
    const dy = random.normals(outputLength(s));
    const dWeight = weightGradient(s, dy, x, new Float32Array(weightSize(s)));
    expectClose(dWeight, convWeightGradient(s, dy, x), TOLERANCE);
  });

  it('NaN and infinity reach the positions that read them and no other', () => {
    const s = shapeOf({ p: 1, n: 1 });
    const random = new TestRandom(6);
    const x = random.normals(inputSize(s));
    x[12] = Number.NaN;
    x[80] = Infinity;
    const weight = random.normals(weightSize(s));
    forward(s, x, weight, { expected: convForward(s, x, weight) });
    const back = shapeOf({ p: 1, n: 1, channels: 4, outChannels: 3 });
    inputGradient(back, x, weight, convInputGradient(back, x, weight));
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
    const x = Float64Array.from(random.normals(inputSize(s)));
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
