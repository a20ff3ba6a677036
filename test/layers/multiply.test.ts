import { describe, expect, it } from 'vitest';
import { BroadcastShape, ReduceShape } from '../../src/generated/kernels.ts';
import { Multiply, Tensor } from '../../src/index.ts';
import * as reference from '../reference/ops.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

/** Shapes of factors: equal ones, rows, columns, gates, numbers, and axes that alternate. */
const FACTORS: number[][][] = [
  [[7], [7]],
  [
    [2, 3, 4],
    [2, 3, 4],
  ],
  [[3, 5], [5]],
  [
    [3, 17],
    [3, 1],
  ],
  [
    [3, 1],
    [1, 5],
  ],
  [
    [2, 3, 4, 5],
    [2, 3, 1, 1],
  ],
  [
    [2, 3, 1, 1],
    [2, 3, 4, 5],
  ],
  [[300, 6], [6]],
  [
    [2, 3, 4, 5],
    [3, 1, 5],
  ],
  [[1], [2, 9]],
  [
    [2, 1, 3, 1, 4],
    [1, 5, 1, 2, 4],
  ],
  [
    [2, 1, 3, 1, 2, 1],
    [1, 2, 1, 3, 1, 2],
  ],
  [
    [4, 6],
    [4, 6],
    [4, 6],
  ],
  [[4, 6], [6], [4, 1]],
  [[6], [1, 1], [2, 3, 6], [3, 1]],
];

describe('Multiply', () => {
  it.each(FACTORS.map((shapes) => [JSON.stringify(shapes), shapes] as const))(
    'of %s agrees with float64, forward and backward',
    (_, shapes) => {
      const random = new TestRandom(shapes.flat().length + 10 * shapes.flat()[0]!);
      const inputs = shapes.map((shape) => ({
        shape,
        data: random.normals(reference.sizeOf(shape)),
      }));
      const layer = new Multiply();
      const expected = reference.product(...inputs);
      const y = layer.forward(inputs);
      expect(y.shape).toEqual(expected.shape);
      expectClose(y.toArray(), expected.data, { rtol: 1e-6 }, 'y');
      expect(layer.predict(inputs).toArray()).toEqual(y.toArray());
      const dy = { shape: expected.shape, data: random.normals(expected.data.length) };
      const slopes = reference.productGradients(dy, ...inputs);
      for (const [i, dx] of layer.backward<Tensor[]>(dy).entries()) {
        expect(dx.shape).toEqual(shapes[i]);
        // Sums in float32 runs of terms of size one.
        expectClose(dx.toArray(), slopes[i]!.data, { rtol: 1e-6, scaled: 1e-6 }, `dx${i}`);
        if (expected.data.length > 130) continue;
        const loss = (at: ArrayLike<number>) => {
          const moved = inputs.map((input, j) => (j === i ? { ...input, data: at } : input));
          const out = reference.product(...moved).data;
          return Array.from(out).reduce((sum, v, k) => sum + v * dy.data[k]!, 0);
        };
        expectGradient({ gradient: slopes[i]!.data, at: inputs[i]!.data, of: loss, atol: 1e-7 });
      }
    },
  );

  it('takes one tensor twice: the square', () => {
    const x = Tensor.from([1, -2, 3]);
    const layer = new Multiply();
    expect([...layer.forward([x, x]).toArray()]).toEqual([1, 4, 9]);
  });

  it('keeps many terms: float64 after every run', () => {
    const random = new TestRandom(8);
    const a = { shape: [3, 70_001], data: random.normals(210_003, 1) };
    const b = { shape: [3, 1], data: random.normals(3) };
    const dy = { shape: a.shape, data: random.normals(210_003, 1) };
    const layer = new Multiply();
    layer.forward([a, b]);
    const [, db] = layer.backward<Tensor[]>(dy);
    const expected = reference.productGradients(dy, a, b)[1]!.data;
    expectClose(db!.toArray(), expected, { rtol: 1e-6 }, 'db');
  });

  it('names what is wrong', () => {
    const zeros = (...shape: number[]) => Tensor.zeros(shape);
    expect(() => new Multiply().forward(zeros(2))).toThrow('Multiply: expected two inputs or more');
    expect(() => new Multiply().forward([zeros(2, 3), zeros(2)])).toThrow(
      'Multiply(): inputs expected to broadcast: equal lengths, or 1, along each axis counted from the last, ' +
        'got [2, 3] and [2]',
    );
    const many = zeros(2, 1, 2, 1, 2, 1, 2);
    expect(() => new Multiply().forward([many, zeros(1, 2, 1, 2, 1, 2, 1)])).toThrow(RangeError);
  });
});

describe('the kernels', () => {
  const random = new TestRandom(77);
  const loops = (n: number[], a: number[], b: number[]) =>
    struct(
      BroadcastShape,
      Object.fromEntries(
        [0, 1, 2, 3, 4, 5].flatMap((i) => [
          [`n${i}`, n[i - 6 + n.length] ?? 1],
          [`a${i}`, a[i - 6 + a.length] ?? 0],
          [`b${i}`, b[i - 6 + b.length] ?? 0],
          [`c${i}`, 0],
        ]),
      ) as unknown as BroadcastShape,
    );
  for (const width of [1, 3, 4, 5, 15, 16, 17]) {
    it(`addBroadcast and mulBroadcast, ${width} wide, whole, in pieces and in place`, () => {
      const shape = [2, 3, 2, width];
      const whole = random.normals(12 * width);
      const operands = {
        row: { shape: [width], steps: [0, 0, 0, 1] },
        column: { shape: [2, 3, 1, 1], steps: [3, 1, 0, 0] },
      };
      const steps = [6 * width, 2 * width, width, 1];
      for (const operand of Object.values(operands)) {
        const part = random.normals(reference.sizeOf(operand.shape));
        for (const [name, f] of [
          ['addBroadcast', (u: number, v: number) => u + v],
          ['mulBroadcast', (u: number, v: number) => u * v],
        ] as const) {
          const expected = reference.elementwise(
            f,
            { shape, data: whole },
            { shape: operand.shape, data: part },
          ).data;
          const frame = {
            inputs: { whole, part },
            outputs: { y: { expected, rtol: 1e-7 } },
            range: { total: 6, step: 1 },
            inPlace: { y: 'whole' as const },
          };
          kernelCase({
            ...frame,
            structs: { shape: loops(shape, steps, operand.steps) },
            call: (k, { y, whole, part, shape }, from, to) =>
              k[name](y, whole, part, shape, from, to),
          });
          kernelCase({
            ...frame,
            structs: { shape: loops(shape, operand.steps, steps) },
            call: (k, { y, whole, part, shape }, from, to) =>
              k[name](y, part, whole, shape, from, to),
          });
        }
      }
    });
  }

  it('sumProducts: rows and columns, with a second factor and without', () => {
    const none = { k0: 1, k1: 1, k2: 1, r0: 1, r1: 1, r2: 1 };
    const still = { ak0: 0, ak1: 0, ak2: 0, ar0: 0, ar1: 0, ar2: 0 };
    const apart = { bk0: 0, bk1: 0, bk2: 0, br0: 0, br1: 0, br2: 0 };
    for (const [rows, width] of [
      [5, 3],
      [5, 4],
      [3, 17],
      [600, 5],
      [9, 1100],
    ] as const) {
      const a = random.normals(rows * width);
      const b = random.normals(rows * width);
      for (const second of [b, undefined]) {
        const all = Array.from(a, (v, i) => v * (second?.[i] ?? 1));
        const inRows = Array.from({ length: rows }, (_, r) =>
          all.slice(r * width, (r + 1) * width).reduce((x, y) => x + y, 0),
        );
        const inColumns = Array.from({ length: width }, (_, c) =>
          all.filter((_, i) => i % width === c).reduce((x, y) => x - y / 2, 0),
        );
        const close = { rtol: 1e-6, scaled: 1e-6 };
        kernelCase({
          inputs: { a, b: second },
          outputs: { y: { expected: inRows, ...close } },
          range: { total: rows, step: 1 },
          structs: {
            shape: struct(ReduceShape, {
              ...none,
              ...still,
              ...apart,
              ...{ k2: rows, r2: width, ak2: width, ar2: 1, bk2: width, br2: 1, columns: 0 },
            }),
          },
          scratch: { scratch: (k, { shape }) => k.sumProductsScratch(shape) },
          call: (k, { y, a, b, shape, scratch }, from, to) =>
            k.sumProducts(y, a, b, shape, 1, from, to, scratch),
        });
        kernelCase({
          inputs: { a, b: second },
          outputs: { y: { expected: inColumns, ...close } },
          range: { total: width, step: 1 },
          structs: {
            shape: struct(ReduceShape, {
              ...none,
              ...still,
              ...apart,
              ...{ k2: width, r2: rows, ak2: 1, ar2: width, bk2: 1, br2: width, columns: 1 },
            }),
          },
          scratch: { scratch: (k, { shape }) => k.sumProductsScratch(shape) },
          call: (k, { y, a, b, shape, scratch }, from, to) =>
            k.sumProducts(y, a, b, shape, -0.5, from, to, scratch),
        });
      }
    }
  });
});
