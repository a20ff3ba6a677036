import { describe, expect, it } from 'vitest';
import { BatchNorm3d, Conv3d, manualSeed, ReLU, Sequential, Tensor } from '../../src/index.ts';
import {
  type Conv3dShape,
  conv3dBackward,
  conv3dForward,
  outputSize,
  volumeOf,
} from '../reference/conv3d.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

type Changes = Partial<Conv3dShape>;

/** A cubic convolution, changed as told. */
function shapeOf(changes: Changes): Conv3dShape {
  return {
    n: 2,
    channels: 3,
    size: [5, 6, 7],
    outChannels: 4,
    kernel: [3, 3, 3],
    stride: [1, 1, 1],
    padding: [
      [1, 1],
      [1, 1],
      [1, 1],
    ],
    dilation: [1, 1, 1],
    groups: 1,
    ...changes,
  };
}

const none = [
  [0, 0],
  [0, 0],
  [0, 0],
] as const;

function dataOf(s: Conv3dShape, seed: number) {
  const random = new TestRandom(seed);
  return {
    x: random.normals(s.n * s.channels * volumeOf(s.size)),
    weight: random.normals(s.outChannels * (s.channels / s.groups) * volumeOf(s.kernel)),
    bias: random.normals(s.outChannels),
    dy: random.normals(s.n * s.outChannels * volumeOf(outputSize(s))),
  };
}

function layerOf(s: Conv3dShape, { weight, bias }: { weight: Float32Array; bias: Float32Array }) {
  const { stride, padding, dilation, groups } = s;
  const layer = new Conv3d(s.channels, s.outChannels, s.kernel, {
    ...{ stride, dilation, groups },
    padding: padding.flat() as unknown as [number, number, number, number, number, number],
  });
  layer.weight.data.set(weight);
  layer.bias!.data.set(bias);
  return layer;
}

// A sum has k terms, each rounded; 3·27 of them here.
const TOLERANCE = { rtol: 1e-6, scaled: 2e-6 };

describe('Conv3d', () => {
  it.each<[string, Changes]>([
    ['with padding', {}],
    ['of sizes round a vector', { size: [3, 3, 4], padding: none, n: 1 }],
    ['of rows of 15', { size: [4, 3, 15] }],
    ['of rows of 16', { size: [4, 3, 16] }],
    ['of rows of 17', { size: [4, 3, 17] }],
    ['with strides', { size: [7, 8, 9], stride: [2, 3, 1] }],
    ['with strides beyond the kernel', { kernel: [2, 1, 2], stride: [3, 2, 3], padding: none }],
    ['with dilation', { size: [7, 8, 9], dilation: [3, 1, 2] }],
    [
      'with uneven padding',
      {
        padding: [
          [0, 2],
          [1, 0],
          [3, 1],
        ],
      },
    ],
    [
      'with more padding than volume',
      {
        size: [2, 2, 2],
        padding: [
          [4, 4],
          [2, 3],
          [3, 3],
        ],
      },
    ],
    ['in groups', { channels: 4, outChannels: 6, groups: 2 }],
    ['of each channel alone', { channels: 3, outChannels: 6, groups: 3 }],
    ['of one position', { kernel: [1, 1, 1], padding: none }],
    [
      'along the depth',
      {
        kernel: [3, 1, 1],
        padding: [
          [1, 2],
          [0, 0],
          [0, 0],
        ],
        stride: [2, 1, 1],
      },
    ],
    [
      'within slices',
      {
        kernel: [1, 3, 3],
        padding: [
          [0, 0],
          [1, 1],
          [1, 1],
        ],
      },
    ],
    ['by Winograd’s method', { channels: 16, outChannels: 17, n: 1 }],
    [
      'of more images than are handled together',
      { n: 3, size: [6, 40, 40], channels: 4, outChannels: 5 },
    ],
  ])('%s agrees with the reference', (_, changes) => {
    const s = shapeOf(changes);
    const { x, weight, bias, dy } = dataOf(s, 1);
    using layer = layerOf(s, { weight, bias });
    const y = layer.forward({ data: x, shape: [s.n, s.channels, ...s.size] });
    expect(y.shape).toEqual([s.n, s.outChannels, ...outputSize(s)]);
    expectClose(y.toArray(), conv3dForward(s, x, weight, bias), TOLERANCE, 'y');
    const dx = layer.backward({ data: dy, shape: y.shape });
    const expected = conv3dBackward(s, dy, x, weight);
    expectClose(dx.toArray(), expected.dx, TOLERANCE, 'dx');
    expectClose(layer.weight.grad!.toArray(), expected.dWeight, TOLERANCE, 'dWeight');
    expectClose(layer.bias!.grad!.toArray(), expected.db, TOLERANCE, 'db');
  });

  it('has a reference with the gradients that finite differences find', () => {
    const s = shapeOf({
      n: 1,
      channels: 2,
      outChannels: 2,
      groups: 2,
      size: [4, 3, 4],
      stride: [2, 1, 2],
    });
    const { x, weight, bias, dy } = dataOf(s, 2);
    const { dx, dWeight, db } = conv3dBackward(s, dy, x, weight);
    const near = { scaled: 1e-8 };
    expectGradient({
      gradient: dx,
      at: x,
      of: (x) => conv3dForward(s, x, weight, bias),
      dy,
      ...near,
    });
    expectGradient({
      gradient: dWeight,
      at: weight,
      of: (w) => conv3dForward(s, x, w, bias),
      dy,
      ...near,
    });
    expectGradient({
      gradient: db,
      at: bias,
      of: (b) => conv3dForward(s, x, weight, b),
      dy,
      ...near,
    });
  });

  it('gives a sample the same bits in any batch, and absorbs a ReLU', () => {
    const s = shapeOf({ n: 5, size: [9, 20, 20], channels: 5 });
    const { x, weight, bias } = dataOf(s, 3);
    using layer = layerOf(s, { weight, bias });
    const one = s.channels * volumeOf(s.size);
    const whole = layer.forward({ data: x, shape: [5, 5, 9, 20, 20] }).toArray();
    const last = layer.forward({ data: x.slice(4 * one), shape: [1, 5, 9, 20, 20] }).toArray();
    expect(last).toEqual(whole.slice(4 * 4 * 9 * 400));
    const rectified = new Sequential(layer, new ReLU()).predict({
      data: x,
      shape: [5, 5, 9, 20, 20],
    });
    expect(rectified.toArray()).toEqual(whole.map((value) => Math.max(value, 0)));
  });

  it('trains with batch norm, frozen or not', () => {
    manualSeed(1);
    using model = new Sequential(new Conv3d(1, 4, 3), new BatchNorm3d(4), new ReLU());
    const y = model.forward(Tensor.zeros([2, 1, 4, 4, 4]));
    model.backward(Tensor.zeros(y.shape));
    expect(Object.keys(model.stateDict())).toContain('0.weight');
    using layer = new Conv3d(1, 1, 2);
    layer.weight.requiresGrad = false;
    layer.forward(Tensor.zeros([1, 1, 3, 3, 3]));
    expect(layer.backward(Tensor.zeros([1, 1, 2, 2, 2])).shape).toEqual([1, 1, 3, 3, 3]);
    expect(layer.weight.grad).toBeNull();
  });

  it('says what is wrong with its options', () => {
    const make = (options: object) => () => new Conv3d(4, 6, 3, options);
    expect(make({ stride: [1, 2] })).toThrow(
      new RangeError('Conv3d: stride expected a number or a triple, got [1, 2]'),
    );
    expect(make({ padding: [1, 2] })).toThrow(
      new TypeError(
        'Conv3d: padding expected a number, [depth, vertical, horizontal], ' +
          "[front, back, top, bottom, left, right] or 'same', got [1, 2]",
      ),
    );
    expect(make({ padding: 'same', stride: [1, 1, 2] })).toThrow(
      new RangeError(
        "Conv3d: padding 'same' expected stride 1, got 2: give the padding in numbers",
      ),
    );
    expect(make({ padding: -1 })).toThrow(RangeError);
    expect(make({ groups: 3 })).toThrow(RangeError);
    expect(make({ dilation: 0 })).toThrow(RangeError);
  });

  it('says what is wrong with its input, and stays usable', () => {
    using layer = new Conv3d(3, 8, [3, 5, 5], { dilation: [1, 2, 2], padding: [0, 1, 0] });
    expect(() => layer.forward(Tensor.zeros([2, 3, 9, 9]))).toThrow(
      new RangeError('Conv3d(3, 8, [3, 5, 5]): input expected [N, 3, D, H, W], got [2, 3, 9, 9]'),
    );
    expect(() => layer.forward(Tensor.zeros([2, 3, 4, 9, 8]))).toThrow(
      new RangeError(
        'Conv3d(3, 8, [3, 5, 5]): kernel expected to fit the padded input, 4×11×8, got 3×5×5 with dilation 1×2×2',
      ),
    );
    expect(layer.forward(Tensor.zeros([2, 3, 3, 9, 9])).shape).toEqual([2, 8, 1, 3, 1]);
    using cube = new Conv3d(1, 1, 3, { padding: 'same' });
    expect(cube.forward(Tensor.zeros([1, 1, 2, 3, 4])).shape).toEqual([1, 1, 2, 3, 4]);
  });
});
