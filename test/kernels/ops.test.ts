/** The kernels of operations on tensors in poisoned memory. */
import { describe, it } from 'vitest';
import {
  BroadcastShape,
  type Kernels,
  type Pointer,
  ReduceShape,
} from '../../src/generated/kernels.ts';
import * as reference from '../reference/ops.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const random = new TestRandom(91);

/** The loops of y [2, 3, width] beside operands that step like this. */
function loops(width: number, a: number[], b: number[], c: number[] = [0, 0, 0]) {
  const fields: Record<string, number> = {};
  for (let i = 0; i < 6; i++) {
    fields[`n${i}`] = [2, 3, width][i - 3] ?? 1;
    for (const [name, steps] of Object.entries({ a, b, c }))
      fields[`${name}${i}`] = steps[i - 3] ?? 0;
  }
  return struct(BroadcastShape, fields as unknown as BroadcastShape);
}

/** The operand's shape, and its steps beside y. */
const operands = (width: number): Record<string, [number[], number[]]> => ({
  whole: [
    [2, 3, width],
    [3 * width, width, 1],
  ],
  row: [[width], [0, 0, 1]],
  column: [
    [2, 3, 1],
    [3, 1, 0],
  ],
});

const share = (a: number, b: number) => (a > b ? 1 : a === b ? 0.5 : 0);

type Call = (
  k: Kernels,
  y: Pointer,
  a: Pointer,
  b: Pointer,
  shape: Pointer<'BroadcastShape'>,
  from: number,
  to: number,
) => void;
const BINARY: Record<string, [Call, (a: number, b: number) => number]> = {
  subBroadcast: [(k, ...all) => k.subBroadcast(...all), (a, b) => a - b],
  divBroadcast: [(k, ...all) => k.divBroadcast(...all), (a, b) => a / b],
  maximumBroadcast: [(k, ...all) => k.maximumBroadcast(...all), Math.max],
  minimumBroadcast: [(k, ...all) => k.minimumBroadcast(...all), Math.min],
  maximumShare: [(k, ...all) => k.maximumShare(...all), share],
  minimumShare: [(k, ...all) => k.minimumShare(...all), (a, b) => share(b, a)],
  sameBroadcast: [
    (k, ...all) => k.sameBroadcast(...all),
    (a, b) => Number(Object.is(a, b) || a === b),
  ],
  gateBroadcast: [(k, ...all) => k.gateBroadcast(...all), (a, b) => (b === 0 ? 0 : a * b)],
};

/** Whole numbers from −2 to 2, so that there are ties and zeros, and now and then a fraction. */
const few = (n: number) =>
  Float32Array.from({ length: n }, () => random.integer(5) - 2 + (random.integer(4) ? 0 : 0.25));

describe.each(Object.entries(BINARY))('%s', (_, [call, f]) => {
  for (const width of [1, 3, 4, 5, 16, 17]) {
    it(`with broadcasting, ${width} wide, whole, in pieces and in place`, () => {
      for (const [shape, steps] of Object.values(operands(width))) {
        const whole = { shape: [2, 3, width], data: few(6 * width) };
        const part = { shape, data: few(reference.sizeOf(shape)) };
        const full = operands(width).whole![1];
        const frame = {
          inputs: { whole: whole.data, part: part.data },
          range: { total: 2, step: 1 },
        };
        kernelCase({
          ...frame,
          outputs: { y: { expected: reference.elementwise(f, whole, part).data, rtol: 1e-6 } },
          inPlace: { y: 'whole' },
          structs: { shape: loops(width, full, steps) },
          // Three outer loops have one iteration: the planes are those of the axis of two.
          call: (k, { y, whole, part, shape }, from, to) =>
            call(k, y, whole, part, shape, from, to),
        });
        kernelCase({
          ...frame,
          outputs: { y: { expected: reference.elementwise(f, part, whole).data, rtol: 1e-6 } },
          inPlace: { y: 'whole' },
          structs: { shape: loops(width, steps, full) },
          call: (k, { y, whole, part, shape }, from, to) =>
            call(k, y, part, whole, shape, from, to),
        });
      }
    });
  }
});

describe('whereBroadcast', () => {
  for (const width of [1, 4, 5, 17]) {
    it(`chooses between operands of every kind, ${width} wide`, () => {
      const kinds = Object.values(operands(width));
      for (const [i, [shape, steps]] of kinds.entries()) {
        const [aShape, aSteps] = kinds[(i + 1) % 3]!;
        const [bShape, bSteps] = kinds[(i + 2) % 3]!;
        const [c, a, b] = [shape, aShape, bShape].map((each) => ({
          shape: each,
          data: few(reference.sizeOf(each)),
        })) as unknown as [reference.Array64, reference.Array64, reference.Array64];
        const { data: expected } = reference.elementwise((c, a, b) => (c ? a : b), c, a, b);
        kernelCase({
          inputs: { c: c.data, a: a.data, b: b.data },
          outputs: { y: { expected } },
          range: { total: 2, step: 1 },
          structs: { shape: loops(width, aSteps, bSteps, steps) },
          call: (k, { y, c, a, b, shape }, from, to) =>
            k.whereBroadcast(y, c, a, b, shape, from, to),
        });
      }
    });
  }
});

describe('element by element', () => {
  type Two = (k: Kernels, y: Pointer, x: Pointer, dy: Pointer, from: number, to: number) => void;
  const PAIRS: Record<string, [Two, (x: number, dy: number) => number]> = {
    absBackward: [(k, ...all) => k.absBackward(...all), (x, dy) => dy * Math.sign(x)],
    squareBackward: [(k, ...all) => k.squareBackward(...all), (x, dy) => 2 * x * dy],
    sqrtBackward: [(k, ...all) => k.sqrtBackward(...all), (y, dy) => dy / (2 * y)],
    rsqrtBackward: [(k, ...all) => k.rsqrtBackward(...all), (y, dy) => (-dy * y ** 3) / 2],
    expBackward: [(k, ...all) => k.expBackward(...all), (y, dy) => y * dy],
    logBackward: [(k, ...all) => k.logBackward(...all), (x, dy) => dy / x],
    clampBackward: [
      (k, dx, x, dy, from, to) => k.clampBackward(dx, x, dy, -0.5, 1, from, to),
      (x, dy) => (x >= -0.5 && x <= 1 ? dy : 0),
    ],
    negativeProduct: [(k, ...all) => k.negativeProduct(...all), (a, b) => -a * b],
    below: [(k, ...all) => k.below(...all), (u, p) => Number(u < p)],
  };
  it.each(Object.entries(PAIRS))('%s', (_, [call, f]) => {
    for (const n of [1, 3, 4, 5, 15, 16, 17, 37]) {
      const x = random.normals(n);
      const dy = random.normals(n);
      kernelCase({
        inputs: { x, dy },
        outputs: { y: { expected: dy.map((d, i) => f(x[i]!, d)), rtol: 1e-6 } },
        range: n,
        inPlace: { y: ['x', 'dy'] },
        call: (k, { y, x, dy }, from, to) => call(k, y, x, dy, from, to),
      });
    }
  });

  type One = (k: Kernels, y: Pointer, x: Pointer, from: number, to: number) => void;
  const SINGLES: Record<string, [One, (x: number) => number]> = {
    absForward: [(k, ...all) => k.absForward(...all), Math.abs],
    squareForward: [(k, ...all) => k.squareForward(...all), (x) => x * x],
    sqrtForward: [(k, ...all) => k.sqrtForward(...all), Math.sqrt],
    rsqrtForward: [(k, ...all) => k.rsqrtForward(...all), (x) => 1 / Math.sqrt(x)],
    scaled: [(k, y, x, from, to) => k.scaled(y, x, -1.5, from, to), (x) => -1.5 * x],
  };
  it.each(Object.entries(SINGLES))('%s', (_, [call, f]) => {
    for (const n of [1, 3, 4, 5, 15, 16, 17, 37]) {
      const x = random.normals(n);
      kernelCase({
        inputs: { x },
        outputs: { y: { expected: Array.from(x, f), rtol: 1e-6 } },
        range: n,
        inPlace: { y: 'x' },
        call: (k, { y, x }, from, to) => call(k, y, x, from, to),
      });
    }
  });
});

describe('maxOver', () => {
  const none = { k0: 1, k1: 1, k2: 1, r0: 1, r1: 1, r2: 1 };
  const still = { ak0: 0, ak1: 0, ak2: 0, ar0: 0, ar1: 0, ar2: 0 };
  const apart = { bk0: 0, bk1: 0, bk2: 0, br0: 0, br1: 0, br2: 0 };
  it.each([
    [5, 3],
    [3, 17],
    [17, 8],
    [1, 1],
    [2, 40],
  ])('over rows and columns, %i by %i', (rows, width) => {
    const a = random.normals(rows * width);
    a[rows * width - 1] = NaN;
    const x = { shape: [rows, width], data: a };
    const largest = (values: number[]) => Math.max(...values);
    const sizes = { ...none, ...still, ...apart };
    kernelCase({
      inputs: { a },
      outputs: { y: { expected: reference.reduce(largest, x, [1]).data } },
      range: { total: rows, step: 1 },
      structs: {
        shape: struct(ReduceShape, {
          ...sizes,
          k2: rows,
          r2: width,
          ak2: width,
          ar2: 1,
          columns: 0,
        }),
      },
      call: (k, { y, a, shape }, from, to) => k.maxOver(y, a, shape, from, to),
    });
    kernelCase({
      inputs: { a },
      outputs: { y: { expected: reference.reduce(largest, x, [0]).data } },
      range: { total: width, step: 1 },
      structs: {
        shape: struct(ReduceShape, {
          ...sizes,
          k2: width,
          r2: rows,
          ak2: 1,
          ar2: width,
          columns: 1,
        }),
      },
      call: (k, { y, a, shape }, from, to) => k.maxOver(y, a, shape, from, to),
    });
  });
});

describe('gatherRows and scatterRows', () => {
  it.each([1, 3, 4, 5, 17])('%i wide', (width) => {
    const w = random.normals(6 * width);
    const index = Int32Array.from([5, 0, 3, 5, 5, 1, 0]);
    const table = { shape: [6, width], data: w };
    const expected = reference.gather({ shape: [7], data: index }, table).data;
    kernelCase({
      inputs: { w, index },
      outputs: { y: { expected } },
      range: { total: 7, step: 1 },
      call: (k, { y, index, w }, from, to) => k.gatherRows(y, index, w, width, from, to),
    });
    const dy = random.normals(7 * width);
    const sums = Float64Array.from(w);
    for (const [i, row] of index.entries()) {
      for (let j = 0; j < width; j++) sums[row * width + j]! += dy[i * width + j]!;
    }
    kernelCase({
      inputs: { index, dy },
      updates: { dw: { start: w, expected: sums, rtol: 1e-6, atol: 1e-6 } },
      range: width,
      call: (k, { dw, index, dy }, from, to) => k.scatterRows(dw, index, dy, 7, width, from, to),
    });
  });
});
