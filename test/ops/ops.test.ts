/** Operations on tensors: values, gradients by differences of the float64 reference, and errors. */
import { describe, expect, it } from 'vitest';
import * as E from '../../src/index.ts';
import { Tensor } from '../../src/index.ts';
import { detectAnomaly } from '../../src/inspect/index.ts';
import * as reference from '../reference/ops.ts';
import { expectClose } from '../support/close.ts';
import { checkProgram, Program } from '../support/program.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(5);
const draw = (...shape: number[]) => ({ shape, data: random.normals(reference.sizeOf(shape)) });
const positive = (...shape: number[]) => {
  const x = draw(...shape);
  return { shape, data: x.data.map((v) => Math.abs(v) + 0.3) };
};

/** Pairs of shapes: equal, rows, columns, numbers, gates, both ways, alternating axes. */
const PAIRS: [number[], number[]][] = [
  [[5], [5]],
  [
    [3, 4, 5],
    [3, 4, 5],
  ],
  [[3, 17], [17]],
  [
    [3, 17],
    [3, 1],
  ],
  [[17], [3, 1]],
  [[], [4, 3]],
  [[4, 3], [1]],
  [
    [2, 3, 4, 5],
    [3, 1, 1],
  ],
  [
    [2, 1, 4, 1],
    [3, 1, 5],
  ],
  [[40, 33], [33]],
];

type Two = (a: number, b: number) => number;
const BINARY: Record<string, [(a: E.Operand, b: E.Operand) => Tensor, Two, boolean?]> = {
  add: [E.add, (a, b) => a + b],
  sub: [E.sub, (a, b) => a - b],
  mul: [E.mul, (a, b) => a * b],
  div: [E.div, (a, b) => a / b, true],
  maximum: [E.maximum, Math.max],
  minimum: [E.minimum, Math.min],
};

describe.each(Object.entries(BINARY))('%s', (_, [op, f, divides]) => {
  it.each(PAIRS)('of %j and %j', (first, second) => {
    checkProgram({
      inputs: [draw(...first), divides ? positive(...second) : draw(...second)],
      body: (a, b) => op(a, b),
      reference: (a, b) => reference.elementwise(f, a!, b!),
    });
  });

  it('takes a number and a constant tensor on either side', () => {
    const c = positive(3, 1);
    const x = positive(3, 4);
    const cases: [(x: Tensor) => Tensor, (x: reference.Array64) => reference.Array64][] = [
      [(x) => op(x, 2.5), (x) => reference.elementwise((v) => f(v, 2.5), x)],
      [(x) => op(2.5, x), (x) => reference.elementwise((v) => f(2.5, v), x)],
      [(x) => op(x, Tensor.from(c.data, c.shape)), (x) => reference.elementwise(f, x, c)],
      [(x) => op(c as never, x), (x) => reference.elementwise(f, c, x)],
      [(x) => op(x, x), (x) => reference.elementwise(f, x, x)],
    ];
    for (const [body, expected] of cases) {
      checkProgram({ inputs: [x], body, reference: (x) => expected(x!) });
    }
  });
});

describe('maximum and minimum', () => {
  it('halve the gradient between equals, and pass NaN', () => {
    const model = new Program((a, b) => E.maximum(a, b));
    const [a, b] = [Tensor.from([1, 2, NaN, 4, 0]), Tensor.from([1, 3, 1, NaN, -1])];
    expect([...model.forward([a, b]).toArray()]).toEqual([1, 3, NaN, NaN, 0]);
    const [da, db] = model.backward<Tensor[]>(Tensor.from([2, 2, 2, 2, Infinity]));
    expect([...da!.toArray()]).toEqual([1, 0, 2, 2, Infinity]);
    expect([...db!.toArray()]).toEqual([1, 2, 2, 2, 0]);
  });
});

type One = [(x: E.Operand) => Tensor, (x: number) => number, boolean?];
const UNARY: Record<string, One> = {
  neg: [E.neg, (x) => -x],
  abs: [E.abs, Math.abs],
  square: [E.square, (x) => x * x],
  sqrt: [E.sqrt, Math.sqrt, true],
  rsqrt: [E.rsqrt, (x) => 1 / Math.sqrt(x), true],
  exp: [E.exp, Math.exp],
  log: [E.log, Math.log, true],
  sigmoid: [E.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  tanh: [E.tanh, Math.tanh],
  relu: [E.relu, (x) => Math.max(x, 0)],
  clamp: [(x) => E.clamp(x, { min: -0.5, max: 0.75 }), (x) => Math.min(Math.max(x, -0.5), 0.75)],
  'clamp above': [(x) => E.clamp(x, { max: 0.5 }), (x) => Math.min(x, 0.5)],
};

describe.each(Object.entries(UNARY))('%s', (_, [op, f, onlyPositive]) => {
  it.each([[[1]], [[3]], [[5]], [[16]], [[3, 17]]])('of %j, alone and in a chain', (shape) => {
    const x = onlyPositive ? positive(...shape) : draw(...shape);
    checkProgram({
      inputs: [x],
      body: (x) => op(x),
      reference: (x) => reference.elementwise(f, x!),
    });
    checkProgram({
      inputs: [x],
      body: (x) => E.tanh(op(E.mul(x, 1.5))),
      reference: (x) => reference.elementwise((v) => Math.tanh(f(1.5 * v)), x!),
    });
  });
});

describe('where', () => {
  it.each([
    [
      [4, 5],
      [4, 5],
      [4, 5],
    ],
    [[4, 1], [5], [4, 5]],
    [[4, 5], [1], [4, 1]],
    [[3, 1, 17], [2, 1], [1]],
  ])('of %j, %j and %j', (condition, a, b) => {
    const c = { shape: condition, data: draw(...condition).data.map((v) => (v > 0 ? v : 0)) };
    checkProgram({
      inputs: [c, draw(...a), draw(...b)],
      body: (c, a, b) => E.where(c!, a!, b!),
      reference: (c, a, b) => reference.elementwise((c, a, b) => (c ? a : b), c!, a!, b!),
      trained: [1, 2],
    });
  });

  it('takes numbers', () => {
    checkProgram({
      inputs: [draw(3, 4)],
      body: (x) => E.where(E.relu(x), x, E.mul(x, 0.1)),
      reference: (x) => reference.elementwise((v) => (v > 0 ? v : 0.1 * v), x!),
    });
    expect([
      ...E.where([1, 0, 2].map(Number) && Tensor.from([1, 0, NaN]), 7, -7).toArray(),
    ]).toEqual([7, -7, 7]);
  });
});

describe('reductions', () => {
  const DIMS: [number[], number | number[] | undefined][] = [
    [[7], undefined],
    [[3, 5], 0],
    [[3, 5], -1],
    [
      [3, 5],
      [0, 1],
    ],
    [[1, 5], 0],
    [[2, 3, 4], 1],
    [
      [2, 3, 4],
      [0, 2],
    ],
    [
      [2, 3, 4, 5],
      [1, 3],
    ],
    [
      [4, 3, 33],
      [0, 1],
    ],
    [[300, 18], 0],
    [[2, 1100], 1],
    [
      [2, 3, 2, 3, 2, 3],
      [0, 2, 4],
    ],
  ];
  const axesOf = (dim: number | number[] | undefined) =>
    dim === undefined ? undefined : [dim].flat();
  const KINDS = {
    sum: [E.sum, reference.total],
    mean: [E.mean, reference.average],
    max: [E.max, (values: number[]) => Math.max(...values)],
  } as const;

  for (const [name, [op, f]] of Object.entries(KINDS)) {
    it.each(DIMS)(`${name} of %j over %j`, (shape, dim) => {
      for (const keepdim of [false, true]) {
        checkProgram({
          inputs: [draw(...shape)],
          body: (x) => op(x!, dim, { keepdim }),
          reference: (x) => reference.reduce(f, x!, axesOf(dim), keepdim),
          // float32 runs of up to 256 terms of size one.
          tolerance: { rtol: 1e-6, atol: name === 'sum' ? 2e-5 : 1e-6 },
        });
      }
    });
  }

  it.each(DIMS.filter(([shape, dim]) => !(shape[0] === 1 && dim === 0)))(
    'variance of %j over %j',
    (shape, dim) => {
      checkProgram({
        inputs: [draw(...shape)],
        body: (x) => E.variance(x!, dim),
        reference: (x) => reference.reduce(reference.spread(1), x!, axesOf(dim)),
        tolerance: { rtol: 3e-6, atol: 1e-6 },
      });
      checkProgram({
        inputs: [draw(...shape)],
        body: (x) => E.variance(x!, dim, { correction: 0, keepdim: true }),
        reference: (x) => reference.reduce(reference.spread(0), x!, axesOf(dim), true),
        tolerance: { rtol: 3e-6, atol: 1e-6 },
      });
    },
  );

  it('max divides the gradient among equals, and passes NaN', () => {
    const model = new Program((x) => E.max(x, 1));
    const y = model.forward(
      Tensor.from([
        [3, 1, 3],
        [NaN, 5, 2],
      ]),
    );
    expect([...y.toArray()]).toEqual([3, NaN]);
    expect([...model.backward(Tensor.from([4, 1])).toArray()]).toEqual([2, 0, 2, 1, 0, 0]);
  });
});

describe('softmax and logSoftmax', () => {
  it.each([
    [[3, 5], 1],
    [[3, 5], 0],
    [[2, 3, 4], 1],
    [[2, 3, 4], -1],
  ])('of %j along %j', (shape, dim) => {
    const axis = (dim + shape.length) % shape.length;
    checkProgram({
      inputs: [draw(...shape)],
      body: (x) => E.softmax(x!, dim),
      reference: (x) => reference.softmax(x!, axis),
    });
    checkProgram({
      inputs: [draw(...shape)],
      body: (x) => E.logSoftmax(x!, dim),
      reference: (x) => reference.elementwise(Math.log, reference.softmax(x!, axis)),
      tolerance: { rtol: 3e-6, atol: 1e-6 },
    });
  });
});

describe('shapes', () => {
  const x = draw(2, 3, 4);
  type Case = [string, (x: Tensor) => Tensor, (x: reference.Array64) => reference.Array64];
  const cases: Case[] = [
    ['reshape', (x) => E.reshape(x, [4, -1]), (x) => ({ ...x, shape: [4, 6] })],
    ['squeeze', (x) => E.squeeze(E.reshape(x, [2, 1, 12, 1])), (x) => ({ ...x, shape: [2, 12] })],
    [
      'squeeze one',
      (x) => E.squeeze(E.reshape(x, [2, 1, 12, 1]), 1),
      (x) => ({ ...x, shape: [2, 12, 1] }),
    ],
    ['unsqueeze', (x) => E.unsqueeze(x, -1), (x) => ({ ...x, shape: [2, 3, 4, 1] })],
    ['permute', (x) => E.permute(x, [2, 0, -2]), (x) => reference.permute(x, [2, 0, 1])],
    ['transpose', (x) => E.transpose(x, -1, 0), (x) => reference.permute(x, [2, 1, 0])],
    ['transpose rows', (x) => E.transpose(x, 1, 2), (x) => reference.permute(x, [0, 2, 1])],
    ['slice', (x) => E.slice(x, 1, 1), (x) => reference.slice(x, 1, 1, 3)],
    ['slice, to the end', (x) => E.slice(x, -1, -3, -1), (x) => reference.slice(x, 2, 1, 3)],
    [
      'slice in steps',
      (x) => E.slice(x, 2, 0, 4, { step: 3 }),
      (x) => reference.slice(x, 2, 0, 4, 3),
    ],
    ['slice of the first', (x) => E.slice(x, 0, 1, 9), (x) => reference.slice(x, 0, 1, 2)],
    [
      'expand',
      (x) => E.expand(E.slice(x, 1, 0, 1), [5, -1, 3, 4].slice(1)),
      (x) =>
        reference.elementwise(
          (v) => v,
          reference.elementwise((a) => a, reference.slice(x, 1, 0, 1)),
          { shape: [2, 3, 4], data: new Float64Array(24) },
        ),
    ],
    [
      'concat',
      (x) => E.concat([x, E.mul(x, 2)], 1),
      (x) => reference.concat([x, reference.elementwise((v) => 2 * v, x)], 1),
    ],
    [
      'stack',
      (x) => E.stack([x, E.square(x)], 1),
      (x) =>
        reference.concat(
          [x, reference.elementwise((v) => v * v, x)].map(({ data }) => ({
            shape: [2, 1, 3, 4],
            data,
          })),
          1,
        ),
    ],
    [
      'split',
      (x) => {
        const [a, b] = E.split(x, [1, 3], 2);
        return E.mul(a!, b!);
      },
      (x) => reference.product(reference.slice(x, 2, 0, 1), reference.slice(x, 2, 1, 4)),
    ],
    [
      'split into equals',
      (x) => {
        const parts = E.split(x, 3, -1);
        return E.add(E.sum(parts[0]!, 2), E.squeeze(parts[1]!, 2));
      },
      (x) => reference.reduce(reference.total, x, [2]),
    ],
  ];
  it.each(cases)('%s', (_, body, expected) => {
    checkProgram({ inputs: [x], body, reference: (x) => expected(x!) });
    // After and before an operation that could share its memory.
    checkProgram({
      inputs: [x],
      body: (x) => E.tanh(body(E.mul(x, 0.5))),
      reference: (x) =>
        reference.elementwise(Math.tanh, expected(reference.elementwise((v) => v / 2, x!))),
    });
  });

  it('detach stops the gradient', () => {
    const model = new Program((x) => E.mul(x, E.detach(x)));
    model.forward(Tensor.from([2, 3]));
    expect([...model.backward(Tensor.from([1, 1])).toArray()]).toEqual([2, 3]);
    const none = new Program((x) => E.detach(E.square(x)));
    none.forward(Tensor.from([2, 3]));
    expect([...none.backward(Tensor.from([1, 1])).toArray()]).toEqual([0, 0]);
  });
});

describe('matmul', () => {
  it.each([
    [
      [3, 4],
      [4, 5],
    ],
    [
      [2, 3, 4],
      [4, 5],
    ],
    [
      [2, 3, 4],
      [2, 4, 5],
    ],
    [
      [3, 4],
      [2, 4, 5],
    ],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    [
      [2, 3, 1, 9],
      [3, 9, 7],
    ],
    [
      [1, 3, 17],
      [1, 17, 9],
    ],
  ])('of %j and %j', (a, b) => {
    checkProgram({
      inputs: [draw(...a), draw(...b)],
      body: (a, b) => E.matmul(a!, b!),
      reference: (a, b) => reference.matmul(a!, b!),
      tolerance: { rtol: 1e-6, scaled: 1e-6 },
    });
  });

  it('takes vectors', () => {
    const shapes = (a: number[], b: number[]) => E.matmul(draw(...a), draw(...b)).shape;
    expect(shapes([4], [4])).toEqual([]);
    expect(shapes([4], [4, 5])).toEqual([5]);
    expect(shapes([3, 4], [4])).toEqual([3]);
    expect(shapes([2, 3, 4], [4])).toEqual([2, 3]);
    expect(shapes([4], [2, 4, 5])).toEqual([2, 5]);
  });
});

describe('embedding', () => {
  const indices = { shape: [2, 3], data: [4, 0, 2, 4, 4, 1] };

  it('gathers rows and scatters gradients', () => {
    const table = draw(5, 7);
    checkProgram({
      inputs: [table],
      body: (w) => E.embedding(indices, w!),
      reference: (w) => reference.gather(indices, w!),
      tolerance: {},
    });
    const model = new Program((i, w) => E.embedding(E.reshape(i!, [6]), w!));
    const y = model.forward([indices, table]);
    expect(y.shape).toEqual([6, 7]);
    expect([...y.toArray()]).toEqual([...Float32Array.from(reference.gather(indices, table).data)]);
  });

  it('refuses rows that the table lacks, before the step', () => {
    const model = new Program((i, w) => E.embedding(i!, w!));
    for (const [wrong, message] of [
      [5, 'from 0 to 4, got 5 at [1]'],
      [-1, 'got -1 at [1]'],
    ] as const) {
      const given = [{ shape: [2], data: [0, wrong] }, draw(5, 2)];
      expect(() => model.forward(given)).toThrow(message);
      expect(() => E.embedding(given[0]!, given[1]!)).toThrow(message);
    }
    expect(() => E.embedding({ shape: [1], data: [0.5] }, draw(5, 2))).toThrow('whole numbers');
    expect(() =>
      new Program((x) => E.embedding(E.mul(x!, 1), draw(5, 2))).forward(draw(2)),
    ).toThrow('embedding: input 0 expected integers');
  });
});

describe('random draws', () => {
  it('are fresh in each step, and repeat with the generator', () => {
    const generator = new E.Generator(3);
    const model = new Program((x) => E.add(x, E.randn([4, 5], { generator })));
    const zeros = Tensor.zeros([4, 5]);
    const first = model.forward(zeros).toArray();
    const second = model.forward(zeros).toArray();
    expect(second).not.toEqual(first);
    generator.state = { seed: 3, counter: 0 };
    expect(model.forward(zeros).toArray()).toEqual(first);
    generator.state = { seed: 3, counter: 0 };
    const at = E.randn([4, 5], { generator });
    expect(at.toArray()).toEqual(first);
    expect(E.randn([4, 5], { generator }).toArray()).toEqual(second);
  });

  it('leave the generator as it is in a prediction, which draws different numbers at each place', () => {
    const generator = new E.Generator(3);
    const draws = () => E.rand([6], { generator });
    const model = new Program((x) => E.stack([E.add(x, draws()), E.add(x, draws())]));
    const zeros = Tensor.zeros([6]);
    const predicted = model.predict(zeros).toArray();
    expect(generator.state.counter).toBe(0);
    expect(predicted.slice(0, 6)).not.toEqual(predicted.slice(6));
    expect(model.forward(zeros).toArray()).toEqual(predicted);
  });

  it('have the distribution', () => {
    E.manualSeed(1);
    const mean = (t: Tensor) => E.mean(t).item();
    const n = E.randn([10_000]);
    expect(Math.abs(mean(n))).toBeLessThan(0.05);
    expect(Math.abs(E.variance(n).item() - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean(E.rand([10_000])) - 0.5)).toBeLessThan(0.02);
    const p = E.expand(Tensor.from([0.25]), [10_000]);
    expect(Math.abs(mean(E.bernoulli(p)) - 0.25)).toBeLessThan(0.02);
    expect([...E.bernoulli(Tensor.from([0, 1, -1, 2])).toArray()]).toEqual([0, 1, 0, 1]);
  });
});

describe('inside models', () => {
  class Scale extends E.Module {
    readonly scale = new E.Parameter(Tensor.from([0.5, -1, 2]));
    readonly shift = new E.Parameter(Tensor.from([0.25]));
    readonly linear = new E.Linear(3, 3);
    override forward(x: E.Input): Tensor {
      return E.add(E.mul(this.linear.forward(x), this.scale), this.shift);
    }
  }

  it('a Parameter of the module gets its gradient', () => {
    const model = new Scale();
    const x = draw(4, 3);
    const dy = draw(4, 3);
    const z = model.linear.predict(x).toArray();
    model.forward(x);
    model.backward(dy);
    model.forward(x);
    model.backward(dy); // adds up
    const expected = [0, 1, 2].map((c) =>
      [0, 1, 2, 3].reduce((sum, r) => sum + 2 * dy.data[3 * r + c]! * z[3 * r + c]!, 0),
    );
    const close = (actual: ArrayLike<number>, wanted: number[]) =>
      expectClose(actual, wanted, { rtol: 1e-5, atol: 1e-5 });
    close(model.scale.grad!.toArray(), expected);
    close(model.shift.grad!.toArray(), [2 * dy.data.reduce((a, b) => a + b, 0)]);
    expect(Object.keys(model.stateDict())).toEqual([
      'scale',
      'shift',
      'linear.weight',
      'linear.bias',
    ]);
    model.scale.requiresGrad = false;
    model.zeroGrad();
    model.forward(x);
    model.backward(dy);
    close(model.shift.grad!.toArray(), [dy.data.reduce((a, b) => a + b, 0)]);
  });

  it('a Parameter that the module does not hold is refused', () => {
    const foreign = new E.Parameter(Tensor.from([1]));
    expect(() => new Program((x) => E.mul(x, foreign)).forward(draw(2))).toThrow(
      'would not be trained or saved',
    );
  });

  it('a constant is read in every step', () => {
    const c = Tensor.from([1, 2]);
    const model = new Program((x) => E.mul(x, c));
    expect([...model.forward(Tensor.from([3, 3])).toArray()]).toEqual([3, 6]);
    c.set([2, 5]);
    expect([...model.forward(Tensor.from([3, 3])).toArray()]).toEqual([6, 15]);
  });

  it('a steady step takes no memory', () => {
    const model = new Scale();
    const x = draw(4, 3);
    const step = () => {
      model.forward(x);
      model.backward(x);
    };
    step();
    const { used } = E.memoryUsage();
    for (let i = 0; i < 5; i++) step();
    expect(E.memoryUsage().used).toBe(used);
    model.dispose();
  });

  it('what is computed at once leaves no memory', () => {
    E.matmul(draw(8, 8), draw(8, 8));
    const { used } = E.memoryUsage();
    for (let i = 0; i < 5; i++) E.softmax(E.matmul(draw(8, 8), draw(8, 8)), 1);
    expect(E.memoryUsage().used).toBe(used);
  });

  it('fuses a relu into the layer before it, with the same bits', () => {
    const linear = new E.Linear(5, 4);
    class Fused extends E.Module {
      linear = linear;
      override forward(x: E.Input): Tensor {
        return E.relu(this.linear.forward(x));
      }
    }
    const x = draw(3, 5);
    expect(new Fused().predict(x).toArray()).toEqual(E.relu(linear.predict(x)).toArray());
  });
});

describe('errors name the operation, the shapes and the way out', () => {
  const x = Tensor.zeros([2, 3]);
  const fails = (what: () => unknown, message: string) => {
    expect(what).toThrow(message);
    expect(what).toThrow(RangeError);
  };
  it('of operations', () => {
    fails(
      () => E.add(x, Tensor.zeros([2])),
      'add: inputs expected to broadcast: equal lengths, or 1, along each axis counted from the last, got [2, 3] and [2]',
    );
    fails(() => E.sum(x, 2), 'sum: dim expected an axis from -2 to 1 of [2, 3], got 2');
    fails(() => E.mean(x, [0, -2]), 'mean: dim expected each axis at most once');
    fails(() => E.sum(x, []), 'sum: dim expected each axis at most once, and one at least');
    fails(
      () => E.variance(Tensor.from([[1, 2]]), 0),
      'variance: expected more numbers than the correction',
    );
    fails(() => E.reshape(x, [4, -1]), 'reshape: shape expected 6 elements');
    fails(() => E.reshape(x, [-1, -1]), 'at most one −1');
    fails(
      () => E.matmul(x, x),
      'matmul: expected [..., m, k] and [..., k, n], got [2, 3] and [2, 3]',
    );
    fails(() => E.matmul(2, x), 'use mul');
    fails(
      () => E.concat([x, Tensor.zeros([2, 4])]),
      'concat: inputs expected to differ along axis 0 only',
    );
    fails(() => E.split(x, [1, 1], 1), 'split: sizes expected to add up to 3');
    fails(
      () => E.slice(x, 1, 2, 2),
      'slice: expected a part of one or more along axis 1 of [2, 3]',
    );
    fails(() => E.expand(x, [3, 3]), 'expand');
    fails(() => E.permute(x, [0, 0]), 'permute: dims expected to have each axis of [2, 3] once');
    fails(() => E.randn([0]), 'randn is empty');
    fails(() => E.sum({ shape: [0], data: [] }), 'sum: input is empty');
    expect(() => E.add('a' as never, x)).toThrow(TypeError);
  });

  it('in a model at tracing, and the model can be used afterwards', () => {
    const model = new Program((x) => E.add(x, Tensor.zeros([3])));
    fails(() => model.forward(Tensor.zeros([2])), 'add: inputs expected to broadcast');
    expect(model.forward(Tensor.zeros([3])).shape).toEqual([3]);
  });
});

describe('what looks at models', () => {
  class Gated extends E.Module {
    conv = new E.Linear(3, 3);
    override forward(x: E.Input): Tensor {
      const gated = E.where(E.sub(x, 1), this.conv.forward(x), Number.NEGATIVE_INFINITY);
      return E.mul(gated, 2);
    }
  }

  it('summary names operations, fold keeps them, and anomalies spare constants', () => {
    const model = new Gated();
    expect(E.summary(model, [2, 3])).toMatch(/mul +\[2, 3\]/);
    const some = draw(2, 3);
    expect(E.fold(model, [2, 3]).predict(some).toArray()).toEqual(model.predict(some).toArray());
    const anomalies = detectAnomaly(model);
    const x = Tensor.from([2, 3, 4], [1, 3]);
    model.forward(x);
    model.backward(x);
    const bad = Tensor.from([NaN, 3, 4], [1, 3]);
    expect(() => model.forward(bad)).toThrow('input 0');
    expect(() => model.forward(Tensor.from([1, 3, 4], [1, 3]))).toThrow('output of where');
    anomalies.stop();
  });

  it('predict gives the outputs of layers between operations', () => {
    const model = new Gated();
    const { conv } = model.predict(Tensor.from([2, 3, 4], [1, 3]), { at: ['conv'] });
    expect(conv.toArray()).toEqual(model.conv.predict(Tensor.from([2, 3, 4], [1, 3])).toArray());
  });
});
