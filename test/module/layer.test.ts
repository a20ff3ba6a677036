/** Layers of one's own with several inputs. */
import { describe, expect, it } from 'vitest';
import {
  type Input,
  Layer,
  type LayerContext,
  Linear,
  Module,
  MSELoss,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

type Pair<T> = readonly [T, T];

/** y = x·g, element by element. */
class Gate extends Layer<2> {
  override readonly inputCount = 2;

  outputShape([x]: readonly (readonly number[])[]) {
    return x!;
  }

  compute([x, gate]: Pair<Float32Array>, y: Float32Array, ctx: LayerContext) {
    ctx.save(ctx.inputShapes[0]!).set(x);
    ctx.save(ctx.inputShapes[1]!).set(gate);
    for (let i = 0; i < y.length; i++) y[i] = x[i]! * gate[i]!;
  }

  differentiate(dy: Float32Array, [dx, dgate]: Pair<Float32Array | null>, ctx: LayerContext) {
    const [x, gate] = ctx.saved as Pair<Float32Array>;
    for (let i = 0; i < dy.length; i++) {
      if (dx) dx[i] = dy[i]! * gate[i]!;
      if (dgate) dgate[i] = dy[i]! * x[i]!;
    }
  }
}

class Identity extends Layer {
  outputShape(shape: readonly number[]) {
    return shape;
  }
  compute(x: Float32Array, y: Float32Array) {
    y.set(x);
  }
  differentiate(dy: Float32Array, dx: Float32Array | null) {
    dx?.set(dy);
  }
}

/** y = l(x)·x: the gate's gradient reaches the weights of l. */
class Gated extends Module {
  readonly linear = new Linear(4, 4);
  readonly gate = new Gate();

  override forward(x: Input): Tensor {
    return this.gate.forward([x, this.linear.forward(x)]);
  }
}

describe('a Layer of two inputs', () => {
  const random = new TestRandom(5);
  const values = () => random.normals(12);
  const tensor = (data: ArrayLike<number>) => Tensor.from(Float32Array.from(data), [3, 4]);

  it('gets both, and gives both gradients', () => {
    using gate = new Gate();
    const [x, g, dy] = [values(), values(), values()];
    const y = gate.forward([tensor(x), tensor(g)]);
    y.toArray().forEach((v, i) => {
      expect(v).toBeCloseTo(x[i]! * g[i]!, 6);
    });
    const [dx, dg] = gate.backward<Tensor[]>(tensor(dy)).map((d) => d.toArray());
    const product = (a: ArrayLike<number>) => (b: Float64Array) => b.map((v, i) => v * a[i]!);
    expectGradient({ gradient: dx!, at: x, of: product(g), dy, atol: 1e-6 });
    expectGradient({ gradient: dg!, at: g, of: product(x), dy, atol: 1e-6 });
  });

  it('trains what stands before either', () => {
    using model = new Gated();
    const [input, target] = [tensor(values()), tensor(values())];
    const loss = new MSELoss();
    const value = () => loss.forward(model.forward(input), target);
    value();
    model.backward(loss.backward());
    const { weight } = model.linear;
    const slopes = weight.grad!.toArray();
    expect(slopes.some((slope) => slope !== 0)).toBe(true);
    const start = weight.data.toArray();
    for (let i = 0; i < start.length; i++) {
      const h = 1e-2;
      const at = (by: number) => {
        weight.data.set(start.map((v, k) => (k === i ? v + by : v)));
        return value();
      };
      expect(slopes[i]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 2);
    }
    weight.data.set(start);
    const optimizer = new SGD(model.parameters(), { lr: 0.05 });
    const before = value();
    for (let step = 0; step < 20; step++) {
      value();
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
    }
    expect(value()).toBeLessThan(before);
  });

  it('gets null for a gradient that nobody needs', () => {
    const seen: boolean[][] = [];
    class Watched extends Gate {
      override differentiate(
        dy: Float32Array,
        d: Pair<Float32Array | null>,
        ctx: LayerContext,
      ): void {
        seen.push(d.map((each) => each !== null));
        super.differentiate(dy, d, ctx);
      }
    }
    class Net extends Module {
      readonly linear = new Linear(4, 4);
      readonly gate = new Watched();
      override forward(x: Input): Tensor {
        return this.gate.forward([x, this.linear.forward(x)]);
      }
    }
    using model = new Net();
    model.forward(tensor(values()));
    const dx = model.backward(tensor(values()));
    expect(seen).toEqual([[false, true]]); // x itself is the model's input, whose gradient is deferred
    dx.toArray();
    expect(seen.at(-1)![0]).toBe(true);
  });

  it('predicts, and works with shapes that differ', () => {
    class Scaled extends Layer<2> {
      override readonly inputCount = 2;
      outputShape([x]: readonly (readonly number[])[]) {
        return x!;
      }
      compute([x, s]: Pair<Float32Array>, y: Float32Array) {
        for (let i = 0; i < y.length; i++) y[i] = x[i]! * s[0]!;
      }
      differentiate() {}
    }
    using layer = new Scaled();
    const y = layer.predict([tensor(new Float32Array(12).fill(2)), Tensor.from([3])]);
    expect([...new Set(y.toArray())]).toEqual([6]);
  });

  it('refuses another number of inputs', () => {
    const x = tensor(values());
    using gate = new Gate();
    expect(() => gate.forward(x)).toThrow('Gate: expected 2 inputs, got 1');
    expect(() => gate.forward([x, x, x])).toThrow('Gate: expected at most 2 inputs, got 3');
    using identity = new Identity();
    expect(() => identity.predict([x, x])).toThrow('Identity: expected one input, got 2');
    using wrong = new Identity();
    Object.assign(wrong, { inputCount: 'two' });
    expect(() => wrong.forward(x)).toThrow(/inputCount expected a number, got the string two/);
  });
});
