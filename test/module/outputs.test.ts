/** Several outputs of a model, their gradients, a loss that a model returns, and what is refused. */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  add,
  BatchNorm1d,
  Buffer,
  div,
  fit,
  fold,
  Generator,
  graphOf,
  type Input,
  Linear,
  Loss,
  LSTM,
  lossOf,
  Module,
  MSELoss,
  MultiheadAttention,
  manualSeed,
  mean,
  mul,
  ReLU,
  Sequential,
  SGD,
  square,
  sub,
  summary,
  Tensor,
} from '../../src/index.ts';
import { observe } from '../../src/inspect/index.ts';
import { TestRandom } from '../support/random.ts';

/** h = relu(bn(x·A)), two heads of it, and h itself. */
class Heads extends Module {
  readonly body = new Linear(5, 7);
  readonly bn = new BatchNorm1d(7);
  readonly relu = new ReLU();
  readonly left = new Linear(7, 3);
  readonly right = new Linear(7, 2);

  override forward(x: Input) {
    const h = this.relu.forward(this.bn.forward(this.body.forward(x)));
    return { left: this.left.forward(h), h, right: this.right.forward(h) };
  }
}

/** The same with one output: Σ of the outputs times constants, so that it has the gradients of their sum. */
class Joined extends Module<Tensor> {
  constructor(
    readonly heads: Heads,
    readonly weights: Readonly<Record<string, Tensor>>,
  ) {
    super();
  }

  override forward(x: Input): Tensor {
    const outputs = this.heads.forward(x) as Record<string, Tensor>;
    return Object.entries(this.weights)
      .map(([name, dy]) => mul(mean(mul(outputs[name]!, dy)), dy.size))
      .reduce((a, b) => add(a, b));
  }
}

const random = new TestRandom(3);
const tensor = (...shape: number[]) =>
  Tensor.from(random.normals(shape.reduce((a, b) => a * b, 1)), shape);
const x = tensor(6, 5);
const dys = { left: tensor(6, 3), h: tensor(6, 7), right: tensor(6, 2) };
const gradients = (model: Module) =>
  Object.fromEntries(model.namedParameters().map(([k, p]) => [k, p.grad?.toArray()]));

function near(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual[i]).toBeCloseTo(expected[i]!, 4);
}

describe('several outputs', () => {
  it('have the values of the layers, in forward and predict', () => {
    const model = new Heads();
    const { left, h, right } = model.forward(x);
    expect([left.shape, h.shape, right.shape]).toEqual([
      [6, 3],
      [6, 7],
      [6, 2],
    ]);
    near(left.toArray(), model.left.predict(h).toArray());
    near(right.toArray(), model.right.predict(h).toArray());
    const predicted = model.eval().predict(x);
    expect(Object.keys(predicted)).toEqual(['left', 'h', 'right']);
    near(predicted.right.toArray(), model.right.predict(predicted.h).toArray());
  });

  it.each([
    [['left', 'h', 'right']],
    [['left']],
    [['right']],
    [['h']],
    [['left', 'right']],
    [['h', 'right']],
  ] as ('left' | 'h' | 'right')[][][])('with gradients of %s: those of the sum', (names) => {
    const model = new Heads();
    const given = Object.fromEntries(names.map((name) => [name, dys[name]]));
    const joined = new Joined(model.clone(), given);
    joined.forward(x);
    const expectedDx = joined.backward().toArray();
    model.forward(x);
    const dx = model.backward(given);
    near(dx.toArray(), expectedDx);
    const expected = gradients(joined.heads);
    for (const [name, gradient] of Object.entries(gradients(model))) {
      if (expected[name]) near(gradient!, expected[name]);
    }
    // What leads to none of them gets no gradient, and an optimizer leaves it alone.
    for (const head of ['left', 'right'] as const) {
      expect(model[head].weight.touched).toBe(names.includes(head));
    }
  });

  it('may be a list, may name a tensor twice, and may be an input', () => {
    class Listed extends Module {
      readonly linear = new Linear(5, 5);

      override forward(x: Input): [Tensor, Tensor, Input] {
        const y = this.linear.forward(x);
        return [y, y, x];
      }
    }
    const model = new Listed();
    const dy = tensor(6, 5);
    const outputs = model.forward(x);
    expect(outputs.length).toBe(3);
    expect((outputs[2] as Tensor).toArray()).toEqual(x.toArray());
    const both = model.backward([dy, dy, null]).toArray();
    const twice = gradients(model)['linear.weight']!;
    model.zeroGrad();
    model.forward(x);
    near(model.backward([mul(dy, 2)]).toArray(), both);
    near(gradients(model)['linear.weight']!, twice);
    model.forward(x);
    expect(model.backward([null, undefined, dy]).toArray()).toEqual(dy.toArray());
  });

  it('are kept when another model takes the workspace', () => {
    const [a, b] = [new Heads(), new Heads()];
    const { left, right } = a.forward(x);
    const copies = [left.toArray(), right.toArray()];
    a.backward({ left: dys.left });
    new SGD(a.parameters(), { lr: 0.1 }).step();
    for (let i = 0; i < 3; i++) b.forward(x);
    expect([left.toArray(), right.toArray()]).toEqual(copies);
  });

  it('of a part of a model are tensors for the rest', () => {
    class Whole extends Module<Tensor> {
      readonly heads = new Heads();

      override forward(x: Input): Tensor {
        const { left, right } = this.heads.forward(x);
        return add(mean(left), mean(right));
      }
    }
    const model = new Whole();
    model.forward(x);
    model.backward();
    expect(model.heads.left.weight.grad!.toArray().some((v) => v !== 0)).toBe(true);
  });

  it('several losses of one output add up', () => {
    const model = new Heads();
    const { left } = model.forward(x);
    const [a, b] = [
      new MSELoss(),
      lossOf((p, _t, g) => p.reduce((s, v, i) => s + (g[i] = v) * v, 0) / 2),
    ];
    a.forward(left, dys.left);
    b.forward(left, [0]);
    const [da, db] = [a.backward(), b.backward(0.5)];
    const sum = add(da, db);
    model.backward({ left: da }, { left: db });
    const found = gradients(model);
    model.zeroGrad();
    model.forward(x);
    model.backward({ left: sum });
    for (const [k, v] of Object.entries(gradients(model))) if (v) near(found[k]!, v);
    const single = new Linear(5, 3);
    single.forward(x);
    const dx = single.backward(da.clone(), db.clone()).toArray();
    single.forward(x);
    near(single.backward(sum).toArray(), dx);
  });

  it('are observed, summarised, and refused where one output is needed', () => {
    const model = new Heads();
    const seen: string[] = [];
    const stop = observe(model, ({ name }) => void seen.push(name));
    model.forward(x);
    model.backward({ right: dys.right });
    stop.stop?.();
    expect(seen).toContain('right');
    expect(summary(model, [6, 5])).toContain('left');
    expect(() => fold(model)).toThrow('fold: Heads expected one output, got left, h, right');
    expect(() => graphOf(model)).toThrow('graphOf: Heads expected one output');
    expect(Object.keys(model.predict(x, { at: ['left'] }))).toEqual(['left']);
  });
});

describe('gradients that are refused', () => {
  const model = new Heads();
  const refused = (dy: unknown, message: string, kind: typeof Error = Error) => {
    model.forward(x);
    expect(() => model.backward(dy as never)).toThrow(message);
    expect(() => model.backward(dy as never)).toThrow(kind);
    model.backward({ left: dys.left }); // nothing is lost
  };

  it('of another name', () => {
    refused({ latent: dys.h }, 'Heads.backward: expected gradients of the outputs left, h, right');
    refused([dys.left], 'expected gradients of the outputs left, h, right');
    refused({ data: [1], shape: [1] }, 'got the string data');
  });
  it('of another shape', () => {
    refused(
      { left: dys.right },
      'Heads.backward: left: expected the gradient of the last output, [6, 3], got [6, 2]',
      RangeError,
    );
  });
  it('none, or no record', () => {
    refused({}, 'expected gradients of the outputs left, h, right, got none', RangeError);
    refused({ left: null, h: undefined }, 'got none', RangeError);
    refused(undefined, 'got undefined', TypeError);
    refused(dys.left, 'got a Tensor', TypeError);
    refused({ left: 'abc' }, 'left: expected a Tensor', TypeError);
    refused({ left: 2 }, 'left: expected a Tensor', TypeError);
  });
  it('of an older forward', () => {
    const loss = new MSELoss();
    loss.forward(model.forward(x).left, dys.left);
    const old = loss.backward();
    refused({ left: old }, 'this loss gradient belongs to an older forward');
  });
  it('what forward returns must be tensors that it made', () => {
    const returning = (make: (x: Tensor) => unknown) =>
      new (class Odd extends Module {
        override forward(x: Input) {
          return make(x as Tensor);
        }
      })();
    expect(() => returning(() => ({})).forward(x)).toThrow(
      'must return at least one tensor, got none',
    );
    expect(() => returning(() => []).forward(x)).toThrow(
      'must return at least one tensor, got none',
    );
    expect(() => returning((y) => ({ y, z: 3 })).forward(x)).toThrow('got the number 3 as z');
    expect(() => returning((y) => ({ y, z: { y } })).forward(x)).toThrow('got a Object as z');
    expect(() => returning((y) => [y, x]).forward(x)).toThrow(
      'got a Tensor as 1: pass only tensors',
    );
  });
});

/** A loss in forward: mean((x·W − t)²), with t = x's first columns and a buffer that shifts it. */
class OwnLoss extends Module<Tensor> {
  readonly linear = new Linear(5, 5);
  readonly shift = new Buffer(Tensor.from([1, 0, 0, 0, 0]));

  override forward(x: Input): Tensor {
    return mean(square(sub(this.linear.forward(x), add(x, this.shift))));
  }
}

/** Two recurrent layers and an attention that read one input; an output each. */
class Sequences extends Module {
  readonly embed = new Linear(4, 4);
  readonly lstm = new LSTM(4, 3);
  readonly attention = new MultiheadAttention(4, 2);

  override forward(input: Input) {
    const h = this.embed.forward(input);
    return { lstm: this.lstm.forward(h), attention: this.attention.forward(h) };
  }
}

describe('outputs of sequence layers', () => {
  it('have the gradients of their own when the others have none', () => {
    const model = new Sequences();
    const input = new Generator(4).normal([5, 2, 4]);
    const found = { lstm: new Generator(5).normal([5, 2, 3]), attention: input };
    const run = (dy: object, ...more: object[]) => {
      model.zeroGrad();
      model.forward(input);
      const dx = model.backward(dy, ...more).toArray();
      return [dx, ...model.parameters().map((p) => p.grad?.toArray() ?? [])];
    };
    const both = run(found);
    const apart = [run({ lstm: found.lstm }), run({ attention: found.attention })];
    for (const [i, sum] of both.entries()) {
      near(
        sum,
        sum.map((_, k) => (apart[0]![i]![k] ?? 0) + (apart[1]![i]![k] ?? 0)),
      );
    }
    expect(apart[1]!.filter((each) => each.every((v) => v === 0)).length).toBe(4); // the LSTM's
  });
});

describe("a loss of one's own", () => {
  it('gives a number: it has no terms', () => {
    expect(() => lossOf(() => 0, { reduction: 'none' as never })).toThrow(
      "lossOf: reduction expected 'mean' or 'sum', got the string none",
    );
    class None extends Loss {
      override readonly reduction = 'none';
      override compute = () => 0;
    }
    const loss = new None();
    expect(() => loss.forward(x, x)).toThrow("None: has no reduction 'none'");
    expect(() => loss.backward()).toThrow('call forward again first');
  });
});

describe('a loss that forward returns', () => {
  it('has the gradient of the same loss outside, beginning at 1', () => {
    const model = new OwnLoss();
    const plain = model.linear.clone();
    const value = model.forward(x).item();
    model.backward();
    const loss = new MSELoss();
    expect(loss.forward(plain.forward(x), add(x, Tensor.from([1, 0, 0, 0, 0])))).toBeCloseTo(
      value,
      5,
    );
    plain.backward(loss.backward());
    near(model.linear.weight.grad!.toArray(), plain.weight.grad!.toArray());
    model.zeroGrad();
    model.forward(x);
    model.backward(0.5);
    near(
      model.linear.weight.grad!.toArray(),
      plain.weight.grad!.toArray().map((v) => v / 2),
    );
  });

  it('reads its buffers in every step, and saves them', () => {
    const model = new OwnLoss();
    const before = model.predict(x).item();
    model.shift.assign(Tensor.from([9, 9, 9, 9, 9]));
    expect(model.predict(x).item()).toBeGreaterThan(before + 10);
    expect(Object.keys(model.stateDict())).toEqual(['shift', 'linear.weight', 'linear.bias']);
    expect(model.parameters().length).toBe(2);
  });

  it('a tensor of more elements needs a gradient', () => {
    const model = new Linear(5, 2);
    model.forward(x);
    expect(() => model.backward()).toThrow('expected a Tensor or { data, shape }, got undefined');
  });

  it('trains in fit, alone or as a part of a record', async () => {
    manualSeed(1);
    class Both extends Module {
      readonly inner = new OwnLoss();

      override forward(x: Input) {
        const loss = this.inner.forward(x);
        return { loss, half: div(loss, 2) };
      }
    }
    for (const model of [new OwnLoss(), new Both()]) {
      const optimizer = new Adam(model.parameters(), { lr: 0.05 });
      const losses: number[] = [];
      const data = [{ inputs: { data: x.toArray(), shape: x.shape }, targets: new Int32Array(6) }];
      for await (const step of fit(model, data, { optimizer, epochs: 30, validation: data })) {
        losses.push(step.loss);
        if (step.validation) expect(step.validation.loss).toBeGreaterThan(0);
      }
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 3);
    }
    const model = new Sequential(new Linear(5, 2));
    const optimizer = new Adam(model.parameters());
    const data = { inputs: x, targets: [0, 1, 0, 1, 0, 1] };
    await expect(fit(model, data, { optimizer }).next()).rejects.toThrow(
      'fit: loss expected a loss',
    );
  });
});
