import { describe, expect, it } from 'vitest';
import { Embedding, Linear, Sequential, Tensor } from '../../src/index.ts';
import { embeddingGradient as gradient, embedding as lookUp } from '../reference/embedding.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

describe('Embedding', () => {
  it('looks rows up, and adds their gradients up', () => {
    const index = [2, 0, 2, 4, 2, 1];
    for (const width of [1, 3, 4, 5, 16, 17]) {
      const random = new TestRandom(width);
      using table = new Embedding(5, width);
      const values = table.weight.data.toArray();
      const y = table.forward({ data: index, shape: [2, 3] });
      expect(y.shape).toEqual([2, 3, width]);
      expectClose(y.toArray(), lookUp(values, index, width), {}, 'y');
      const dy = random.normals(6 * width);
      const slope = gradient(dy, index, width, 5);
      expectGradient({ gradient: slope, at: values, of: (at) => lookUp(at, index, width), dy });
      expect([...table.backward({ data: dy, shape: [2, 3, width] }).toArray()]).toEqual(
        Array(6).fill(0),
      );
      expectClose(table.weight.grad!.toArray(), slope, { rtol: 1e-6, atol: 1e-7 }, 'dWeight');
      table.forward({ data: index, shape: [2, 3] });
      table.backward({ data: dy, shape: [2, 3, width] });
      expectClose(
        table.weight.grad!.toArray(),
        slope.map((v) => 2 * v),
        { rtol: 1e-6, atol: 1e-6 },
      );
    }
  });

  it('draws its rows from N(0, 1), and keeps a row of padding at zero', () => {
    using table = new Embedding(200, 50, { paddingIdx: -200 });
    const values = table.weight.data.toArray();
    expect(values.slice(0, 50)).toEqual(new Float32Array(50));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const square = values.reduce((a, b) => a + b * b, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(square - 1)).toBeLessThan(0.05);
    table.forward({ data: [0, 1, 0], shape: [3] });
    table.backward({ data: new Float32Array(150).fill(1), shape: [3, 50] });
    const slope = table.weight.grad!.toArray();
    expect(slope.slice(0, 50)).toEqual(new Float32Array(50));
    expect(slope.slice(50, 100)).toEqual(new Float32Array(50).fill(1));
  });

  it('is the first layer of a model, and a frozen one stays', () => {
    using model = new Sequential(new Embedding(4, 3), new Linear(3, 2));
    const x = { data: [3, 1], shape: [2] };
    model.at<Embedding>(0).freeze();
    model.forward(x);
    model.backward(Tensor.from([1, 2, 3, 4], [2, 2]));
    expect(model.at<Embedding>(0).weight.grad?.toArray() ?? new Float32Array(12)).toEqual(
      new Float32Array(12),
    );
  });

  it('says what is wrong', () => {
    expect(() => new Embedding(0, 3)).toThrow(
      'Embedding: numEmbeddings expected a whole number ≥ 1, got 0',
    );
    expect(() => new Embedding(4, 3, { paddingIdx: 4 })).toThrow(RangeError);
    using table = new Embedding(4, 3);
    expect(() => table.forward({ data: [1, 4], shape: [2] })).toThrow(
      new RangeError('Embedding(4, 3): indices expected whole numbers from 0 to 3, got 4 at [1]'),
    );
    expect(() => table.forward({ data: [1.5], shape: [1] })).toThrow(RangeError);
    expect(() => table.forward({ data: [-1], shape: [1] })).toThrow(RangeError);
  });
});
