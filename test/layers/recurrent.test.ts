import { describe, expect, it } from 'vitest';
import { RecurrentShape } from '../../src/generated/kernels.ts';
import { GRU, type Input, Linear, LSTM, RNN, Sequential, Tensor } from '../../src/index.ts';
import { type Pass, recurrent, recurrentGradients } from '../reference/recurrent.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const GATES = { RNN: 1, LSTM: 4, GRU: 3 };
/** Sums over a state and over steps in float32, of terms of size one. */
const NEAR = { scaled: 3e-6, atol: 3e-6 };

function passOf(seed: number, given: Partial<Pass> & { kind: Pass['kind'] }): Pass {
  const random = new TestRandom(seed);
  const sizes = { steps: 4, batch: 3, inputs: 5, hidden: 7, ...given };
  const wide = GATES[sizes.kind] * sizes.hidden;
  const scale = 1 / Math.sqrt(sizes.hidden);
  const draw = (n: number) => random.normals(n).map((v) => v * scale);
  return {
    weightIh: draw(wide * sizes.inputs),
    weightHh: draw(wide * sizes.hidden),
    biasIh: draw(wide),
    biasHh: draw(wide),
    ...sizes,
  };
}

const KINDS = [
  { kind: 'RNN' },
  { kind: 'RNN', relu: true },
  { kind: 'LSTM' },
  { kind: 'GRU' },
] as const;

describe('the float64 gradients', () => {
  it('are those of finite differences', () => {
    for (const [i, kind] of KINDS.entries()) {
      for (const last of [false, true]) {
        const pass = passOf(i + 5, {
          ...kind,
          inputs: 2,
          hidden: 3,
          reverse: last,
          lengths: [4, 2, 1],
        });
        const random = new TestRandom(9);
        const x = Float64Array.from(random.normals(24));
        const dy = Float64Array.from(random.normals(last ? 9 : 36));
        const got = recurrentGradients(dy, x, pass, last);
        expectGradient({ gradient: got.dx, at: x, of: (at) => recurrent(at, pass, last), dy });
        const keys = {
          weightIh: 'dWeightIh',
          weightHh: 'dWeightHh',
          biasIh: 'dBiasIh',
          biasHh: 'dBiasHh',
        } as const;
        for (const [name, slope] of Object.entries(keys)) {
          expectGradient({
            gradient: got[slope],
            at: pass[name as keyof typeof keys],
            of: (at) => recurrent(x, { ...pass, [name]: at }, last),
            dy,
          });
        }
      }
    }
  });
});

/** One direction as the layers compute it: `reverse` is the second half of a bidirectional layer. */
function check(pass: Pass, last: boolean, seed = 1): void {
  const { kind, steps, batch, inputs, hidden, lengths, reverse } = pass;
  const Kind = { RNN, LSTM, GRU }[kind];
  const options = {
    bidirectional: reverse ?? false,
    returns: last ? 'last' : 'output',
    ...(pass.relu && { nonlinearity: 'relu' }),
  } as object;
  using layer = new Kind(inputs, hidden, options);
  const suffix = reverse ? '_l0_reverse' : '_l0';
  const random = new TestRandom(seed);
  const state: Record<string, Input> = {};
  const wide = GATES[kind] * hidden;
  const put = (name: string, data: ArrayLike<number>, shape: number[]) => {
    state[name + suffix] = { data: Float32Array.from(data), shape };
  };
  put('weight_ih', pass.weightIh, [wide, inputs]);
  put('weight_hh', pass.weightHh, [wide, hidden]);
  put('bias_ih', pass.biasIh, [wide]);
  put('bias_hh', pass.biasHh, [wide]);
  layer.loadStateDict(state, { strict: false });
  const x = { data: random.normals(steps * batch * inputs), shape: [steps, batch, inputs] };
  const both: Input[] = lengths ? [x, { data: [...lengths], shape: [batch] }] : [x];
  const directions = reverse ? 2 : 1;
  const half = (values: ArrayLike<number>) =>
    Array.from(values).filter((_, i) => Math.floor(i / hidden) % directions === directions - 1);
  const what = `${kind} ${[steps, batch, inputs, hidden]}`;
  const y = layer.forward(both);
  expectClose(half(y.toArray()), recurrent(x.data, pass, last), NEAR, `${what} y`);
  const up = random.normals((last ? 1 : steps) * batch * hidden);
  const dy = new Float32Array(up.length * directions);
  for (let i = 0; i < up.length; i++) {
    dy[Math.floor(i / hidden) * hidden * directions + (directions - 1) * hidden + (i % hidden)] =
      up[i]!;
  }
  const back = layer.backward<Tensor | Tensor[]>({ data: dy, shape: y.shape });
  const expected = recurrentGradients(up, x.data, pass, last);
  const grad = (name: string) =>
    layer
      .namedParameters()
      .find(([own]) => own === name + suffix)![1]
      .grad!.toArray();
  expectClose(grad('weight_ih'), expected.dWeightIh, NEAR, `${what} dW_ih`);
  expectClose(grad('weight_hh'), expected.dWeightHh, NEAR, `${what} dW_hh`);
  expectClose(grad('bias_ih'), expected.dBiasIh, NEAR, `${what} db_ih`);
  expectClose(grad('bias_hh'), expected.dBiasHh, NEAR, `${what} db_hh`);
  const dx = (Array.isArray(back) ? back[0]! : back).toArray();
  expectClose(dx, expected.dx, NEAR, `${what} dx`);
}

describe('recurrent layers', () => {
  it.each(KINDS)('agree with float64 at the edges of lanes: %o', (kind) => {
    for (const hidden of [1, 3, 4, 5, 8, 15, 16, 17]) {
      for (const batch of [1, 2, 6])
        check(passOf(hidden, { ...kind, hidden, batch }), hidden % 2 > 0);
    }
  });

  it.each(KINDS)(
    'agree with float64 in reverse, and on sequences of several lengths: %o',
    (kind) => {
      const lengths = [3, 5, 1, 2];
      for (const last of [false, true]) {
        for (const reverse of [false, true]) {
          check(passOf(3, { ...kind, steps: 5, batch: 4, lengths, reverse }), last);
        }
        check(passOf(4, { ...kind, reverse: true }), last);
      }
    },
  );

  it.each(KINDS)(
    'agree with float64 on states longer than a block, and batches larger than one: %o',
    (kind) => {
      check(passOf(6, { ...kind, steps: 2, batch: 2, hidden: 260 }), false);
      check(passOf(7, { ...kind, steps: 2, batch: 125, hidden: 6 }), false);
    },
  );

  it('give a sequence the same bits alone, and padding changes nothing', () => {
    const random = new TestRandom(4);
    const x = random.normals(6 * 3 * 4);
    for (const Kind of [RNN, LSTM, GRU]) {
      using layer = new Kind(4, 9, { batchFirst: true, numLayers: 2, bidirectional: true });
      const lengths = { data: [6, 2, 4], shape: [3] };
      const whole = layer.predict([{ data: x, shape: [3, 6, 4] }, lengths]).toArray();
      for (const [n, length] of lengths.data.entries()) {
        const data = x.slice(n * 24, n * 24 + length * 4);
        const alone = layer.predict({ data, shape: [1, length, 4] }).toArray();
        expect(whole.slice(n * 108, n * 108 + length * 18)).toEqual(alone);
        expect(whole.slice(n * 108 + length * 18, (n + 1) * 108).every((v) => v === 0)).toBe(true);
      }
    }
  });

  it('stand in models: gradients add up, frozen ones stay, and x may come first or later', () => {
    const random = new TestRandom(5);
    const x = { data: random.normals(2 * 3 * 4), shape: [3, 2, 4] };
    const dy = { data: random.normals(2 * 5), shape: [2, 5] };
    for (const Kind of [RNN, LSTM, GRU]) {
      const alone = new Kind(4, 5, { returns: 'last' });
      alone.forward(x);
      const dx = alone.backward(dy).toArray();
      const once = alone.parameters().map(({ grad }) => grad!.toArray());
      alone.forward(x);
      alone.backward(dy);
      for (const [i, { grad }] of alone.parameters().entries()) {
        expectClose(
          grad!.toArray(),
          once[i]!.map((v) => 2 * v),
          { scaled: 1e-6 },
        );
      }
      alone.freeze();
      alone.forward(x);
      expect(alone.backward(dy).toArray()).toEqual(dx);
      alone.unfreeze();
      using model = new Sequential(new Linear(4, 4, { init: 'zeros' }), alone);
      model.at<Linear>(0).weight.assign({
        data: Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
        shape: [4, 4],
      });
      alone.zeroGrad();
      model.forward(x);
      expect(model.backward(dy).toArray()).toEqual(dx);
      for (const [i, { grad }] of alone.parameters().entries()) {
        expectClose(grad!.toArray(), once[i]!, { scaled: 1e-6 });
      }
    }
  });

  it('drop out between layers, in training alone', () => {
    using layer = new GRU(3, 8, { numLayers: 2, dropout: 0.5 });
    const x = { data: new TestRandom(6).normals(12), shape: [4, 1, 3] };
    const first = layer.forward(x).toArray();
    expect(layer.forward(x).toArray()).not.toEqual(first);
    expect(layer.predict(x).toArray()).toEqual(layer.predict(x).toArray());
    layer.eval();
    expect(layer.forward(x).toArray()).toEqual(layer.predict(x).toArray());
  });

  it('say what is wrong', () => {
    expect(() => new GRU(0, 4)).toThrow('GRU: inputSize expected a whole number ≥ 1, got 0');
    expect(() => new LSTM(3, 4, { dropout: 2 })).toThrow(RangeError);
    expect(() => new GRU(3, 4, { nonlinearity: 'relu' } as never)).toThrow(TypeError);
    using layer = new GRU(3, 4, { batchFirst: true });
    expect(() => layer.forward(Tensor.zeros([2, 5]))).toThrow(
      new RangeError('GRU(3, 4): input expected [batch, steps, 3], got [2, 5]'),
    );
    const x = Tensor.zeros([2, 5, 3]);
    expect(() => layer.forward([x, { data: [1, 2, 3], shape: [3] }])).toThrow(
      new RangeError('GRU(3, 4): lengths expected [2], got [3]'),
    );
    expect(() => layer.forward([x, { data: [5, 6], shape: [2] }])).toThrow(
      new RangeError('GRU(3, 4): lengths expected whole numbers from 1 to 5, got 6 at [1]'),
    );
    expect(() => layer.forward([x, { data: [0, 6], shape: [2] }])).toThrow(RangeError);
  });
});

describe('the kernels', () => {
  it.each(KINDS)('write what is theirs, in any range of the batch: %o', (kind) => {
    for (const [hidden, reverse, last] of [
      [5, 0, 0],
      [8, 1, 1],
    ] as const) {
      // Seven sequences: shares of threads are multiples of five.
      const lengths = Int32Array.from([3, 1, 2, 3, 2, 1, 3]);
      const pass = passOf(8, {
        ...kind,
        steps: 3,
        batch: lengths.length,
        hidden,
        reverse: reverse > 0,
        lengths: [...lengths],
      });
      const { steps, batch } = pass;
      const gates = GATES[pass.kind];
      const wide = gates * hidden;
      const random = new TestRandom(11);
      const a = random.normals(steps * batch * wide);
      // A GRU's products stand behind a: whatever is there at first, they are overwritten.
      const room = pass.kind === 'GRU' ? new Float32Array(a.length).fill(Number.NaN) : [];
      const states = (pass.kind === 'LSTM' ? 2 : 1) * (steps + 1) * batch * hidden;
      const relu = Number('relu' in kind);
      const shape = struct(RecurrentShape, { steps, batch, hidden, reverse, relu, last });
      const weight = Float32Array.from(pass.weightHh);
      const bias = Float32Array.from(pass.biasHh);
      const scratch = {
        scratch: (k: { recurrentScratch(...sizes: number[]): number }) =>
          k.recurrentScratch(batch, hidden, gates),
      };
      const { values } = kernelCase({
        inputs: { weight, bias, lengths },
        outputs: { h: { length: states } },
        updates: { gates: { start: [...a, ...room] } },
        structs: { shape },
        scratch,
        range: { total: batch, step: 1 },
        call(k, p, from, to) {
          const end = [p.weight, p.bias, p.lengths, p.shape, from, to, p.scratch] as const;
          if (pass.kind === 'RNN') k.rnnForward(p.h, p.gates, ...end);
          else if (pass.kind === 'LSTM') k.lstmForward(p.h, p.gates, ...end);
          else k.gruForward(p.h, p.gates, ...end);
        },
      });
      expect(values.gates.some(Number.isNaN)).toBe(false);
      const size = steps * batch * hidden;
      kernelCase({
        inputs: { h: values.h.slice(0, size + batch * hidden), lengths },
        outputs: { y: { length: last ? batch * hidden : size } },
        structs: { shape },
        range: { total: batch, step: 1 },
        call: (k, p, from, to) => k.recurrentOutput(p.y, p.h, p.lengths, p.shape, from, to),
      });
      kernelCase({
        inputs: { h: values.h, dy: random.normals(last ? batch * hidden : size), weight, lengths },
        updates: { gates: { start: values.gates } },
        structs: { shape },
        scratch,
        range: { total: batch, step: 1 },
        call(k, p, from, to) {
          const end = [p.dy, p.weight, p.lengths, p.shape, from, to, p.scratch] as const;
          if (pass.kind === 'RNN') k.rnnBackward(p.gates, p.h, ...end);
          else if (pass.kind === 'LSTM') k.lstmBackward(p.gates, p.h, ...end);
          else k.gruBackward(p.gates, p.h, ...end);
        },
      });
    }
  });
});
