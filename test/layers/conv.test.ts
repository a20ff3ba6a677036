import { describe, expect, it } from 'vitest';
import { Conv1d, Conv2d, manualSeed, Tensor } from '../../src/index.ts';
import { convBiasGradient } from '../reference/conv2d.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

describe('Conv2d', () => {
  it('sums the bias gradient over a large plane', () => {
    const random = new TestRandom(1);
    using layer = new Conv2d(1, 2, 1);
    const s = {
      n: 2,
      h: 60,
      w: 71,
      outChannels: 2,
      kernelH: 1,
      kernelW: 1,
      strideH: 1,
      strideW: 1,
    };
    const zero = { top: 0, left: 0, bottom: 0, right: 0, dilationH: 1, dilationW: 1 };
    const shape = [2, 2, 60, 71];
    const dy = random.normals(2 * 2 * 60 * 71, 1);
    layer.forward(Tensor.zeros([2, 1, 60, 71]));
    layer.backward({ data: dy, shape });
    const expected = convBiasGradient({ ...s, ...zero, channels: 1, groups: 1 }, dy);
    expectClose(layer.bias!.grad!.toArray(), expected, { rtol: 1e-6 });
  });

  it('takes a smaller last batch, and gives a sample the same bits in any', () => {
    const random = new TestRandom(2);
    using layer = new Conv2d(3, 7, 3, { padding: 1, stride: 2 });
    const data = random.normals(23 * 3 * 7 * 7);
    const whole = layer.forward({ data, shape: [23, 3, 7, 7] }).toArray();
    const last = layer.forward({ data: data.slice(20 * 147), shape: [3, 3, 7, 7] }).toArray();
    expect(last).toEqual(whole.slice(20 * 7 * 16));
  });

  it('gives a frozen weight no gradient', () => {
    using layer = new Conv2d(1, 1, 2);
    layer.weight.requiresGrad = false;
    layer.forward(Tensor.zeros([1, 1, 3, 3]));
    expect(layer.backward(Tensor.zeros([1, 1, 2, 2])).shape).toEqual([1, 1, 3, 3]);
    expect(layer.weight.grad).toBeNull();
  });

  it("starts within ±1/√fan_in, fan_in being a group's", () => {
    manualSeed(1);
    using layer = new Conv2d(16, 32, [2, 8], { groups: 4 });
    expect(layer.weight.shape).toEqual([32, 4, 2, 8]);
    for (const values of [layer.weight.data.toArray(), layer.bias!.data.toArray()]) {
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / 8);
      expect(Math.max(...values)).toBeGreaterThan(0.1);
    }
  });

  it('says what is wrong with its options', () => {
    const make =
      (options: object, kernel: unknown = 3) =>
      () =>
        new Conv2d(4, 6, kernel as number, options);
    expect(make({ groups: 3 })).toThrow(
      new RangeError(
        'Conv2d: groups expected a divisor of inChannels 4 and of outChannels 6, got 3',
      ),
    );
    expect(make({ stride: 0 })).toThrow(
      new RangeError('Conv2d: stride expected a whole number ≥ 1, got 0'),
    );
    expect(make({ stride: [1, 2, 3] })).toThrow(
      new RangeError('Conv2d: stride expected a number or a pair, got [1, 2, 3]'),
    );
    expect(make({ padding: -1 })).toThrow(
      new RangeError('Conv2d: padding expected a whole number ≥ 0, got -1'),
    );
    expect(make({ padding: 'valid' })).toThrow(TypeError);
    expect(make({ padding: [1, 2, 3] })).toThrow(TypeError);
    expect(make({ padding: 'same', stride: 2 })).toThrow(
      new RangeError(
        "Conv2d: padding 'same' expected stride 1, got 2: give the padding in numbers",
      ),
    );
    expect(make({ dilation: 1.5 })).toThrow(RangeError);
    expect(make({}, 0)).toThrow(RangeError);
    expect(make({}, '3')).toThrow(TypeError);
    expect(() => new Conv2d(0, 1, 1)).toThrow(RangeError);
    expect(make({ init: 'nonsense' })).toThrow(TypeError);
  });

  it('says what is wrong with its input, and stays usable', () => {
    using layer = new Conv2d(3, 8, 5, { dilation: 2, padding: [1, 0] });
    expect(() => layer.forward(Tensor.zeros([2, 4, 9, 9]))).toThrow(
      new RangeError('Conv2d(3, 8, 5): input expected [N, 3, H, W], got [2, 4, 9, 9]'),
    );
    expect(() => layer.forward(Tensor.zeros([3, 9, 9]))).toThrow(
      new RangeError('Conv2d(3, 8, 5): input expected [N, 3, H, W], got [3, 9, 9]'),
    );
    expect(() => layer.forward(Tensor.zeros([2, 3, 9, 8]))).toThrow(
      new RangeError(
        'Conv2d(3, 8, 5): kernel expected to fit the padded input, 11×8, got 5×5 with dilation 2×2',
      ),
    );
    expect(layer.forward(Tensor.zeros([2, 3, 9, 9])).shape).toEqual([2, 8, 3, 1]);
  });
});

describe('Conv1d', () => {
  it('says what is wrong', () => {
    const make = (options: object) => () => new Conv1d(4, 6, 3, options);
    expect(make({ padding: [1, 2, 3] })).toThrow(
      new TypeError("Conv1d: padding expected a number, [before, after] or 'same', got [1, 2, 3]"),
    );
    expect(make({ padding: 'same', stride: 2 })).toThrow(RangeError);
    expect(make({ padding: 0.5 })).toThrow(RangeError);
    using layer = new Conv1d(2, 1, 5, { padding: [1, 0] });
    expect(() => layer.forward(Tensor.zeros([1, 2, 1, 9]))).toThrow(
      new RangeError('Conv1d(2, 1, 5): input expected [N, 2, L], got [1, 2, 1, 9]'),
    );
    expect(() => layer.forward(Tensor.zeros([1, 2, 3]))).toThrow(
      new RangeError('Conv1d(2, 1, 5): kernel expected to fit the padded input, 4, got 5'),
    );
    expect(layer.forward(Tensor.zeros([1, 2, 4])).shape).toEqual([1, 1, 1]);
  });
});
