import { describe, expect, it } from 'vitest';
import {
  type Input,
  MultiheadAttention,
  Tensor,
  TransformerEncoderLayer,
} from '../../src/index.ts';
import { attention, attentionGradients, type Head, probabilities } from '../reference/attention.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

describe('the float64 gradients', () => {
  it('are those of finite differences', () => {
    for (const head of [
      { queries: 3, keys: 4, width: 2 },
      { queries: 4, keys: 4, width: 3, causal: true, padding: [0, 0, 1, 0] },
    ]) {
      const random = new TestRandom(2);
      const q = random.normals(head.queries * head.width);
      const [k, v] = [0, 1].map(() => random.normals(head.keys * head.width)) as [
        Float32Array,
        Float32Array,
      ];
      const dy = random.normals(q.length);
      const { dq, dk, dv } = attentionGradients(dy, q, k, v, head);
      expectGradient({ gradient: dq, at: q, of: (at) => attention(at, k, v, head), dy });
      expectGradient({ gradient: dk, at: k, of: (at) => attention(q, at, v, head), dy });
      expectGradient({ gradient: dv, at: v, of: (at) => attention(q, k, at, head), dy });
    }
  });
});

/** A layer of one head whose projections are the identity: its output is the head's, its gradients those of q, k, v. */
function identity(width: number, causal: boolean): MultiheadAttention {
  const layer = new MultiheadAttention(width, 1, { batchFirst: true, causal, bias: false });
  const eye = (rows: number) =>
    Float32Array.from({ length: rows * width }, (_, i) =>
      Math.floor(i / width) % width === i % width ? 1 : 0,
    );
  layer.in_proj_weight.assign({ data: eye(3 * width), shape: [3 * width, width] });
  layer.out_proj.weight.assign({ data: eye(width), shape: [width, width] });
  return layer;
}

describe('MultiheadAttention', () => {
  it('agrees with float64 at the edges of lanes and of blocks of queries', () => {
    for (const [queries, keys, width] of [
      [1, 1, 1],
      [3, 5, 4],
      [4, 4, 3],
      [7, 17, 8],
      [16, 15, 5],
      [119, 7, 2],
      [120, 3, 4],
      [121, 130, 3],
      [250, 9, 4],
    ] as const) {
      for (const causal of [false, true]) {
        const random = new TestRandom(queries + keys);
        using layer = identity(width, causal);
        const q = random.normals(queries * width);
        const [k, v] = [0, 1].map(() => random.normals(keys * width)) as [
          Float32Array,
          Float32Array,
        ];
        const padding =
          keys > 4 ? Array.from({ length: keys }, (_, j) => (j % 3 === 2 ? 1 : 0)) : undefined;
        const head: Head = { queries, keys, width, causal, padding };
        const inputs: Input[] = [
          { data: q, shape: [1, queries, width] },
          { data: k, shape: [1, keys, width] },
          { data: v, shape: [1, keys, width] },
          ...(padding ? [{ data: padding, shape: [1, keys] }] : []),
        ];
        const what = `${JSON.stringify([queries, keys, width, causal])}`;
        const y = layer.forward(inputs);
        expectClose(
          y.toArray(),
          attention(q, k, v, head),
          { scaled: 2e-6, atol: 1e-6 },
          `${what} y`,
        );
        const dy = random.normals(q.length);
        const [dq, dk, dv] = layer.backward<Tensor[]>({ data: dy, shape: y.shape });
        const expected = attentionGradients(dy, q, k, v, head);
        const near = { scaled: 3e-6, atol: 2e-6 };
        expectClose(dq!.toArray(), expected.dq, near, `${what} dq`);
        expectClose(dk!.toArray(), expected.dk, near, `${what} dk`);
        expectClose(dv!.toArray(), expected.dv, near, `${what} dv`);
      }
    }
  });

  it('takes scores far from 0', () => {
    using layer = identity(4, false);
    const x = Float32Array.from([300, 0, 0, 0, -300, 0, 1, 2, 299, 1, 0, 0]);
    const y = layer.forward({ data: x, shape: [1, 3, 4] }).toArray();
    expectClose(y, attention(x, x, x, { queries: 3, keys: 3, width: 4 }), {
      rtol: 1e-5,
      atol: 1e-5,
    });
  });

  it('with the batch second gives the same numbers', () => {
    const random = new TestRandom(3);
    const x = random.normals(2 * 3 * 8);
    using first = new MultiheadAttention(8, 2, { batchFirst: true });
    using second = new MultiheadAttention(8, 2);
    second.loadStateDict(first.stateDict());
    const turned = Float32Array.from(
      x,
      (_, i) => x[((Math.floor(i / 8) % 2) * 3 + Math.floor(i / 16)) * 8 + (i % 8)]!,
    );
    const a = first.predict({ data: x, shape: [2, 3, 8] }).toArray();
    const b = second.predict({ data: turned, shape: [3, 2, 8] }).toArray();
    expect(b).toEqual(
      a.map((_, i) => a[((Math.floor(i / 8) % 2) * 3 + Math.floor(i / 16)) * 8 + (i % 8)]!),
    );
  });

  it('drops attention weights in training, and differentiates what it computed', () => {
    const random = new TestRandom(4);
    const length = 130;
    const layer = new MultiheadAttention(4, 2, { batchFirst: true, dropout: 0.3 });
    const x = { data: random.normals(length * 4), shape: [1, length, 4] };
    const y = layer.forward(x).toArray();
    expect(layer.predict(x).toArray()).not.toEqual(y);
    // Values times two: the output doubles, apart from the same mask. dv is linear, so y·dy = v·dv.
    using plain = identity(2, false);
    const dropping = new MultiheadAttention(2, 1, { batchFirst: true, dropout: 0.3, bias: false });
    dropping.loadStateDict(plain.stateDict());
    const parts = [0, 1, 2].map(() => ({
      data: random.normals(length * 2),
      shape: [1, length, 2],
    }));
    const out = dropping.forward(parts).toArray();
    const dy = random.normals(length * 2);
    const dv = dropping.backward<Tensor[]>({ data: dy, shape: [1, length, 2] })[2]!.toArray();
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a).reduce((s, v, i) => s + v * b[i]!, 0);
    expectClose([dot(out, dy)], [dot(parts[2]!.data, dv)], { rtol: 1e-4, atol: 1e-4 });
    layer.eval();
    expect(layer.forward(x).toArray()).toEqual(layer.predict(x).toArray());
  });

  it('says what is wrong', () => {
    expect(() => new MultiheadAttention(6, 4)).toThrow(
      new RangeError(
        'MultiheadAttention: embedDim expected a multiple of numHeads, got 6 for 4 heads',
      ),
    );
    using layer = new MultiheadAttention(8, 2, { batchFirst: true });
    expect(() => layer.forward(Tensor.zeros([2, 3, 7]))).toThrow(
      new RangeError('MultiheadAttention(8, 2): input expected [N, T, 8], got [2, 3, 7]'),
    );
    const x = Tensor.zeros([2, 3, 8]);
    expect(() => layer.forward([x, Tensor.zeros([2, 4])])).toThrow(
      new RangeError('MultiheadAttention(8, 2): keyPaddingMask expected [2, 3], got [2, 4]'),
    );
    expect(() => layer.forward([x, x, Tensor.zeros([2, 4, 8])])).toThrow(RangeError);
    expect(() => layer.forward([x, x, x, Tensor.zeros([2, 3]), x])).toThrow(RangeError);
  });
});

describe('TransformerEncoderLayer', () => {
  it('trains: dropout changes its output in training alone', () => {
    using layer = new TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true });
    const x = { data: new TestRandom(5).normals(40), shape: [1, 5, 8] };
    const y = layer.forward(x).toArray();
    expect(layer.forward(x).toArray()).not.toEqual(y);
    layer.eval();
    expect(layer.forward(x).toArray()).toEqual(layer.predict(x).toArray());
  });

  it('says what is wrong', () => {
    expect(() => new TransformerEncoderLayer(8, 3)).toThrow(RangeError);
    expect(() => new TransformerEncoderLayer(8, 2, { activation: 'tanh' as never })).toThrow(
      TypeError,
    );
    expect(() => new TransformerEncoderLayer(8, 2, { dropout: -1 })).toThrow(RangeError);
  });
});

describe('the kernels', () => {
  it('agree with float64, and write what is theirs', () => {
    for (const [rows, keys, first, causal] of [
      [3, 5, 0, 0],
      [4, 4, 0, 1],
      [2, 17, 9, 1],
      [1, 1, 0, 0],
    ] as const) {
      const random = new TestRandom(keys);
      const s = random.normals(rows * keys);
      const padding =
        keys > 4 ? Int32Array.from({ length: keys }, (_, j) => (j === 2 ? 1 : 0)) : undefined;
      // Keys of unit vectors and queries of scores: q·kᵀ = s; the scale is 1/√keys.
      const eye = Float64Array.from({ length: keys * keys }, (_, i) =>
        i % (keys + 1) === 0 ? 1 : 0,
      );
      const all = new Float64Array((first + rows) * keys);
      all.set(s, first * keys);
      const head: Head = {
        queries: first + rows,
        keys,
        width: keys,
        causal: causal > 0,
        padding: padding && [...padding],
      };
      const whole = probabilities(all, eye, head);
      const [p, l] = [whole.p.slice(first * keys), whole.logSums.slice(first)];
      const scale = 1 / Math.sqrt(keys);
      const near = { rtol: 2e-6, atol: 1e-7 };
      kernelCase({
        inputs: { padding },
        outputs: { l: { expected: l, rtol: 1e-6, atol: 1e-6 } },
        updates: { s: { start: s, expected: p, ...near } },
        call: (k, at) =>
          k.attentionSoftmax(at.s, at.l, at.padding, keys, first, causal, scale, rows),
      });
      kernelCase({
        inputs: { padding, l: Float32Array.from(l) },
        updates: { s: { start: s, expected: p, ...near } },
        call: (k, at) =>
          k.attentionProbabilities(at.s, at.l, at.padding, keys, first, causal, scale, rows),
      });
      const dp = random.normals(rows * keys);
      const own = Float32Array.from(p);
      const expected = Float64Array.from(dp, (d, i) => {
        const row = Math.floor(i / keys) * keys;
        let sum = 0;
        for (let j = row; j < row + keys; j++) sum += dp[j]! * own[j]!;
        return scale * own[i]! * (d - sum);
      });
      kernelCase({
        inputs: { p: own },
        updates: { dp: { start: dp, expected, rtol: 2e-6, atol: 1e-6 } },
        call: (k, at) => k.attentionScoresBackward(at.dp, at.p, keys, scale, rows),
      });
    }
  });
});
