import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  Dropout,
  defaultGenerator,
  type Input,
  Layer,
  type LayerContext,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Sequential,
  SpectralNorm,
  Tanh,
  type Tensor,
} from '../../src/index.ts';
import { gradcheck } from '../../src/inspect/index.ts';

/** y = x² with a factor of the gradient, which is 2 if it is right. */
class Square extends Layer {
  constructor(readonly factor = { of: 2 }) {
    super();
  }
  outputShape(shape: readonly number[]) {
    return shape;
  }
  compute(x: Float32Array, y: Float32Array, ctx: LayerContext) {
    ctx.save(ctx.inputShape).set(x);
    for (let i = 0; i < x.length; i++) y[i] = x[i]! * x[i]!;
  }
  differentiate(dy: Float32Array, dx: Float32Array | null, ctx: LayerContext) {
    for (let i = 0; dx && i < dx.length; i++) dx[i] = this.factor.of * ctx.saved[0]![i]! * dy[i]!;
  }
}

/** y = x + noise, drawn from the context's generator. */
class Noisy extends Square {
  override compute(x: Float32Array, y: Float32Array, ctx: LayerContext) {
    super.compute(x, y, ctx);
    const noise = ctx.generator.normal(ctx.outputShape).toArray();
    for (let i = 0; i < y.length; i++) y[i]! += noise[i]!;
  }
}

class Two extends Module {
  readonly a = new Linear(3, 2);
  readonly square = new Square();

  override forward(x: Input) {
    const a = this.a.forward(x);
    return { a, b: this.square.forward(a) };
  }
}

describe('gradcheck', () => {
  it.each([
    [new Square(), [5, 3]],
    [new Noisy(), [5, 3]],
    [new Two(), [5, 3]],
    [new Sequential(new Linear(3, 8), new BatchNorm1d(8), new ReLU(), new Linear(8, 2)), [6, 3]],
    [new Sequential(new SpectralNorm(new Linear(3, 4)), new Tanh(), new Dropout(0.5)), [6, 3]],
  ] as [Module, number[]][])('finds the gradients of %s right', (module, shape) => {
    const before = module.stateDict();
    const { state } = defaultGenerator;
    const { checked, worst } = gradcheck(module, shape);
    expect(checked).toBeGreaterThan(14);
    expect(worst).toBeLessThan(0.02);
    expect(module.stateDict()).toEqual(before);
    expect(defaultGenerator.state).toEqual(state);
  });

  it.each([1.9, 0, -2, NaN])('finds a factor of %d instead of 2', (of) => {
    expect(() => gradcheck(new Square({ of }), [5, 3])).toThrow(
      /gradcheck: Square: the gradient of the input expected .* by differences, got/,
    );
    expect(() => gradcheck(new Sequential(new Linear(3, 3), new Square({ of })), [5, 3])).toThrow();
  });

  it("ctx.generator is the default one, and a prediction's copy of it", () => {
    const layer = new Noisy();
    const x = { data: [0, 0, 0, 0], shape: [4] };
    manualSeed(3);
    const expected = defaultGenerator.normal([4]).toArray();
    manualSeed(3);
    expect(layer.predict(x).toArray()).toEqual(expected);
    expect(layer.predict(x).toArray()).toEqual(expected);
    expect(defaultGenerator.state.counter).toBe(0);
    const y: Tensor = layer.forward(x);
    expect(y.toArray()).toEqual(expected);
    expect(defaultGenerator.state.counter).toBe(1);
  });
});
