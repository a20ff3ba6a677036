import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Conv2d, ConvTranspose1d, ConvTranspose2d, manualSeed, Tensor } from '../../src/index.ts';
import {
  type ConvTransposeShape,
  convTransposeForward,
  convTransposeGradients,
  outputSize,
} from '../reference/convtranspose.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

const TOLERANCE = { rtol: 1e-6, scaled: 2e-6 };

/** Any options, and an input that they leave something of. */
const shapes = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    depth: fc.integer({ min: 1, max: 5 }),
    height: fc.integer({ min: 1, max: 5 }),
    groups: fc.integer({ min: 1, max: 3 }),
    size: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
    kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    padding: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
    extra: fc.tuple(fc.nat(3), fc.nat(3)),
  })
  .map(({ depth, height, groups, size: [h, w], stride, dilation, extra, ...rest }) => {
    const most = (axis: 0 | 1) => Math.max(stride[axis], dilation[axis]) - 1;
    const outputPadding = [Math.min(extra[0], most(0)), Math.min(extra[1], most(1))] as const;
    const channels = depth * groups;
    const outChannels = height * groups;
    return { ...rest, h, w, channels, outChannels, groups, stride, dilation, outputPadding };
  })
  .filter((s) => Math.min(...outputSize(s)) >= 1);

describe('ConvTranspose2d', () => {
  it('is the equation, whatever the options, and backward its gradients', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 1e6 }), (s: ConvTransposeShape, seed) => {
        const random = new TestRandom(seed);
        const { n, channels, h, w, outChannels, kernel, stride, padding, outputPadding } = s;
        using layer = new ConvTranspose2d(channels, outChannels, kernel, {
          stride,
          padding,
          outputPadding,
          dilation: s.dilation,
          groups: s.groups,
        });
        const weight = random.normals(layer.weight.size);
        const bias = random.normals(outChannels);
        layer.weight.assign({ data: weight, shape: layer.weight.shape });
        layer.bias!.assign({ data: bias, shape: [outChannels] });
        const x = { data: random.normals(n * channels * h * w), shape: [n, channels, h, w] };
        const y = layer.forward(x);
        expect(y.shape).toEqual([n, outChannels, ...outputSize(s)]);
        expectClose(y.toArray(), convTransposeForward(s, x.data, weight, bias), TOLERANCE, 'y');
        const dy = { data: random.normals(y.size), shape: y.shape };
        const exact = convTransposeGradients(s, dy.data, x.data, weight);
        expectClose(layer.backward(dy).toArray(), exact.dx, TOLERANCE, 'dx');
        // Sums over positions may cancel: what they are right to is a share of their terms.
        const sums = (terms: number) => ({ ...TOLERANCE, atol: 2e-7 * terms });
        const { grad: dWeight } = layer.weight;
        const { grad: dBias } = layer.bias!;
        expectClose(dWeight!.toArray(), exact.dWeight, sums(n * h * w), 'dWeight');
        expectClose(dBias!.toArray(), exact.dBias, sums(y.size / outChannels), 'dBias');
      }),
      { numRuns: 150, seed: 12 },
    );
  });

  it('has a reference whose gradients are its finite differences', () => {
    const random = new TestRandom(3);
    const s: ConvTransposeShape = {
      n: 2,
      channels: 4,
      h: 3,
      w: 2,
      outChannels: 2,
      kernel: [3, 2],
      stride: [2, 1],
      padding: [1, 0, 0, 1],
      outputPadding: [1, 0],
      dilation: [1, 2],
      groups: 2,
    };
    const x = Float64Array.from(random.normals(48));
    const weight = Float64Array.from(random.normals(4 * 1 * 6));
    const bias = Float64Array.from(random.normals(2));
    const [outH, outW] = outputSize(s);
    const dy = random.normals(2 * 2 * outH * outW);
    const { dx, dWeight, dBias } = convTransposeGradients(s, dy, x, weight);
    const step = 1e-3;
    expectGradient({
      ...{ gradient: dx, at: x, dy, step },
      of: (x) => convTransposeForward(s, x, weight, bias),
    });
    expectGradient({
      ...{ gradient: dWeight, at: weight, dy, step },
      of: (weight) => convTransposeForward(s, x, weight, bias),
    });
    expectGradient({
      ...{ gradient: dBias, at: bias, dy, step },
      of: (bias) => convTransposeForward(s, x, weight, bias),
    });
  });

  it('is the transpose of Conv2d with the same options', () => {
    const random = new TestRandom(4);
    const options = { stride: [2, 1], padding: [1, 2], bias: false } as const;
    using conv = new Conv2d(3, 5, [4, 3], options);
    using back = new ConvTranspose2d(5, 3, [4, 3], options);
    back.weight.assign(conv.weight.data);
    const x = { data: random.normals(2 * 3 * 8 * 7), shape: [2, 3, 8, 7] };
    const y = conv.forward(x);
    const dy = { data: random.normals(y.size), shape: y.shape };
    expect(back.forward(dy).shape).toEqual(x.shape);
    expect(back.forward(dy).toArray()).toEqual(conv.backward(dy).toArray()); // the same kernel
    expect(back.backward(x).toArray()).toEqual(conv.predict(x).toArray());
  });

  it('gives a sample the same bits alone and in any batch', () => {
    const random = new TestRandom(5);
    for (const [size, kernel, options] of [
      [7, 4, { stride: 2, padding: 1 }],
      [2, 3, { stride: 3, outputPadding: 2 }],
      [5, 3, { groups: 4 }],
    ] as const) {
      using layer = new ConvTranspose2d(8, 12, kernel, options);
      const one = 8 * size * size;
      const data = random.normals(23 * one);
      const whole = layer.forward({ data, shape: [23, 8, size, size] }).toArray();
      for (const [from, to] of [
        [0, 1],
        [20, 23],
        [11, 12],
      ] as const) {
        const part = { data: data.slice(from * one, to * one), shape: [to - from, 8, size, size] };
        const width = whole.length / 23;
        expect(layer.predict(part).toArray()).toEqual(whole.slice(from * width, to * width));
      }
    }
  });

  it('gives a frozen weight no gradient, and an output no tap reaches its bias', () => {
    using layer = new ConvTranspose2d(1, 1, 1, { stride: 3 });
    layer.freeze();
    layer.bias!.assign({ data: [0.5], shape: [1] });
    layer.weight.assign({ data: [2], shape: [1, 1, 1, 1] });
    const y = layer.forward(Tensor.from([[[[1, 2]]]]));
    expect([...y.toArray()]).toEqual([2.5, 0.5, 0.5, 4.5]);
    layer.backward(Tensor.zeros([1, 1, 1, 4]));
    expect(layer.weight.grad).toBeNull();
  });

  it('starts within ±1/√fan_in as PyTorch counts it, by outChannels/groups', () => {
    manualSeed(1);
    using layer = new ConvTranspose2d(32, 16, [2, 8], { groups: 4 });
    expect(layer.weight.shape).toEqual([32, 4, 2, 8]);
    for (const values of [layer.weight.data.toArray(), layer.bias!.data.toArray()]) {
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / 8);
      expect(Math.max(...values)).toBeGreaterThan(0.1);
    }
  });

  it('says what is wrong with its options', () => {
    const make = (options: object) => () => new ConvTranspose2d(4, 6, 3, options);
    expect(make({ groups: 3 })).toThrow(
      new RangeError(
        'ConvTranspose2d: groups expected a divisor of inChannels 4 and of outChannels 6, got 3',
      ),
    );
    expect(make({ outputPadding: 1 })).toThrow(
      new RangeError(
        'ConvTranspose2d: outputPadding expected below the stride or the dilation, 1, got 1',
      ),
    );
    expect(make({ stride: [3, 2], outputPadding: 2 })).toThrow(RangeError);
    expect(make({ outputPadding: -1 })).toThrow(
      new RangeError('ConvTranspose2d: outputPadding expected a whole number ≥ 0, got -1'),
    );
    expect(make({ padding: 'same' })).toThrow(
      new TypeError(
        "ConvTranspose2d: padding expected in numbers, got 'same': for an output of stride times " +
          "the input's size, padding is half of dilation·(kernel − 1) + 1 − stride",
      ),
    );
    expect(make({ stride: 0 })).toThrow(RangeError);
    expect(make({ padding: [1, 2, 3] })).toThrow(TypeError);
    expect(make({ init: 'nonsense' })).toThrow(TypeError);
  });

  it('says what is wrong with its input, and stays usable', () => {
    using layer = new ConvTranspose2d(3, 8, 2, { padding: 1 });
    const before = layer.stateDict();
    for (const shape of [
      [2, 4, 9, 9],
      [3, 9, 9],
    ]) {
      expect(() => layer.forward(Tensor.zeros(shape))).toThrow(
        new RangeError(
          `ConvTranspose2d(3, 8, 2): input expected [N, 3, H, W], got [${shape.join(', ')}]`,
        ),
      );
    }
    expect(() => layer.forward(Tensor.zeros([2, 3, 1, 9]))).toThrow(
      new RangeError(
        'ConvTranspose2d(3, 8, 2): padding expected to leave something of the output, got 0×8',
      ),
    );
    expect(layer.stateDict()).toEqual(before);
    expect(layer.forward(Tensor.zeros([2, 3, 2, 9])).shape).toEqual([2, 8, 1, 8]);
  });
});

describe('ConvTranspose1d', () => {
  it('has the bits of ConvTranspose2d on images of height 1', () => {
    const random = new TestRandom(7);
    for (const options of [
      {},
      { stride: 3, outputPadding: 2, groups: 2 },
      { dilation: 2, bias: false },
    ]) {
      using line = new ConvTranspose1d(4, 6, 3, { ...options, padding: [1, 2] });
      const pair = (value: number | undefined, rest: number) => [rest, value ?? rest] as const;
      const { stride, dilation, outputPadding } = options as Record<string, number>;
      using image = new ConvTranspose2d(4, 6, [1, 3], {
        ...options,
        ...{ stride: pair(stride, 1), dilation: pair(dilation, 1) },
        ...{ outputPadding: pair(outputPadding, 0), padding: [0, 0, 1, 2] },
      });
      for (const [i, parameter] of line.parameters().entries()) {
        const { shape } = image.parameters()[i]!;
        image.parameters()[i]!.assign({ data: parameter.data.toArray(), shape });
      }
      const x = random.normals(2 * 4 * 9);
      const y = line.forward({ data: x, shape: [2, 4, 9] });
      const flat = image.forward({ data: x, shape: [2, 4, 1, 9] });
      expect([y.shape[0], y.shape[1], 1, y.shape[2]]).toEqual([...flat.shape]);
      expect(y.toArray()).toEqual(flat.toArray());
      const dy = random.normals(y.size);
      const dx = line.backward({ data: dy, shape: y.shape }).toArray();
      expect(image.backward({ data: dy, shape: flat.shape }).toArray()).toEqual(dx);
      for (const [i, { grad }] of line.parameters().entries()) {
        expect(grad!.toArray()).toEqual(image.parameters()[i]!.grad!.toArray());
      }
    }
  });

  it('says what is wrong', () => {
    expect(() => new ConvTranspose1d(2, 3, 3, { padding: 'same' as never })).toThrow(TypeError);
    expect(() => new ConvTranspose1d(2, 3, 3, { outputPadding: 1 })).toThrow(
      'ConvTranspose1d: outputPadding expected below the stride or the dilation, 1, got 1',
    );
    expect(() => new ConvTranspose1d(2, 3, 3).forward(Tensor.zeros([1, 3, 4]))).toThrow(
      new RangeError('ConvTranspose1d(2, 3, 3): input expected [N, 2, L], got [1, 3, 4]'),
    );
  });
});
