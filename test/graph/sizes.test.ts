/** Sizes that do not fit: a layer refuses them by its name and with the number, before memory is touched. */
import { describe, expect, it } from 'vitest';
import { Plan } from '../../src/graph/plan.ts';
import { traceModule } from '../../src/graph/trace.ts';
import * as evenkeel from '../../src/index.ts';
import {
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  BatchNorm2d,
  Concat,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  Flatten,
  Layer,
  Linear,
  LocalResponseNorm,
  MaxPool2d,
  type Module,
  memoryUsage,
  ReLU,
  Sequential,
  Softmax,
  SpectralNorm,
  Tensor,
  Upsample,
} from '../../src/index.ts';

const MOST = 2 ** 30;

/** Plans a step without data. */
function plan(module: Module, ...shape: number[]): Plan {
  return new Plan(traceModule(module, [shape]), true, []);
}

class Emptying extends Layer {
  outputShape([n]: readonly number[]): number[] {
    return [n!, 0, 4, 4];
  }
  compute(): void {}
  differentiate(): void {}
}

describe('an option beyond what kernels take is refused by the layer', () => {
  const tooLarge = MOST + 1;
  const makers: Record<string, (value: number) => unknown> = {
    'Conv1d: kernelSize': (value) => new Conv1d(1, 1, value),
    'Conv1d: stride': (stride) => new Conv1d(1, 1, 1, { stride }),
    'Conv1d: dilation': (dilation) => new Conv1d(1, 1, 1, { dilation }),
    'Conv1d: padding': (padding) => new Conv1d(1, 1, 1, { padding }),
    'Conv2d: kernelSize': (value) => new Conv2d(1, 1, [1, value]),
    'Conv2d: stride': (stride) => new Conv2d(1, 1, 1, { stride }),
    'Conv2d: dilation': (dilation) => new Conv2d(1, 1, 1, { dilation }),
    'Conv2d: padding': (padding) => new Conv2d(1, 1, 1, { padding }),
    'ConvTranspose2d: stride': (stride) => new ConvTranspose2d(1, 1, 1, { stride }),
    'ConvTranspose2d: outputPadding': (outputPadding) =>
      new ConvTranspose2d(1, 1, 1, { outputPadding }),
    'MaxPool2d: kernelSize': (value) => new MaxPool2d(value),
    'MaxPool2d: stride': (stride) => new MaxPool2d(2, { stride }),
    'MaxPool2d: dilation': (dilation) => new MaxPool2d(2, { dilation }),
    'AvgPool2d: padding': (padding) => new AvgPool2d(2, { padding }),
    'AdaptiveAvgPool2d: outputSize': (value) => new AdaptiveAvgPool2d(value),
    'LocalResponseNorm: size': (value) => new LocalResponseNorm(value),
    'Upsample: size': (size) => new Upsample({ size }),
    'SpectralNorm: nPowerIterations': (nPowerIterations) =>
      new SpectralNorm(new Linear(1, 1), { nPowerIterations }),
  };
  it.each(Object.entries(makers))('%s', (name, make) => {
    for (const value of [tooLarge, 2 ** 31, 2 ** 32, 2 ** 53]) {
      const message = new RegExp(
        `^${name} expected a whole number from [01] to ${MOST}, got ${value}$`,
      );
      expect(() => make(value)).toThrow(message);
      expect(() => make(value)).toThrow(RangeError);
    }
  });
});

describe('padding and kernels that cover too much are refused:', () => {
  it.each<[Module, string]>([
    [new Conv2d(1, 1, 3, { padding: 20_000 }), '40004×40004'],
    [new Conv2d(1, 1, 1, { padding: MOST }), `${2 * MOST + 4}×${2 * MOST + 4}`],
    [new AvgPool2d(100_000, { padding: 50_000 }), '100004×100004'],
    [new MaxPool2d(40_000, { padding: 16_000, ceilMode: true }), '40000×40000'],
    [new AvgPool2d(MOST, { stride: MOST, ceilMode: true }), `${MOST}×${MOST}`],
    [new ConvTranspose2d(1, 1, 3, { padding: [20_000, 20_000], stride: 13_334 }), '40005×40005'],
  ])('%s', (layer, size) => {
    const message = `${layer}: padded input and kernel expected to cover at most ${MOST} positions, got ${size}`;
    expect(() => plan(layer, 1, 1, 4, 4)).toThrow(message);
  });

  it('the mean of a window that is far larger than the image has its divisor', () => {
    using pool = new AvgPool1d(2 ** 20, { padding: 2 ** 19 });
    const y = pool.predict({ data: [1, 2, 3], shape: [1, 1, 3] });
    expect([...y.toArray()]).toEqual([6 / 2 ** 20]);
  });
});

describe('strides beyond the image', () => {
  it('take no time, whatever they are', () => {
    const start = performance.now();
    for (const stride of [5, 3000, MOST]) {
      using layer = new Conv2d(1, 1, 3, { stride });
      using model = new Sequential(layer);
      const y = model.forward(Tensor.zeros([1, 1, 4, 4]));
      expect(y.shape).toEqual([1, 1, 1, 1]);
      const [dx] = [model.backward({ data: [1], shape: [1, 1, 1, 1] })].flat();
      const weight = layer.weight.data.toArray();
      const row = (u: number) => [...weight.slice(3 * u, 3 * u + 3), 0];
      expect([...dx!.toArray()]).toEqual([...row(0), ...row(1), ...row(2), 0, 0, 0, 0]);
    }
    expect(performance.now() - start).toBeLessThan(5000); // 79 s once
  });
});

describe('a tensor that is empty or larger than memory is refused', () => {
  it.each<[Module, number[]]>([
    [new ConvTranspose2d(1, 1, 1, { stride: 30_000 }), [1, 1, 3, 3]],
    [new ConvTranspose2d(1, 1, 1, { stride: MOST }), [1, 1, 1000, 1000]],
    [new Upsample({ scaleFactor: 65_536 }), [1, 1, 2, 2]],
    [new Upsample({ scaleFactor: 65_536 }), [1, 1, 70_000, 1]],
    [new Upsample({ size: MOST, mode: 'linear' }), [1, 1, 2]],
    [new AdaptiveAvgPool2d(MOST), [1, 1, 2, 2]],
    [new Conv2d(1, MOST / 16, 1, { bias: false }), [1, 1, 4, 4]],
  ])('%s: output, of %j', (layer, shape) => {
    const before = memoryUsage();
    expect(() => plan(layer, ...shape)).toThrow(
      /: output expected below 4 GiB \(2³⁰ numbers\), got \[.*\]: use a smaller batch/,
    );
    expect(memoryUsage().used).toBe(before.used);
  });

  it('as an input, whatever the first layer is', () => {
    for (const shape of [
      [2 ** 31, 1, 1, 1],
      [2 ** 40, 1, 1, 1],
      [1, 1, 2 ** 15, 2 ** 15],
    ]) {
      for (const layer of [new ReLU(), new Conv2d(1, 1, 1), new BatchNorm2d(1), new Flatten()]) {
        expect(() => plan(layer, ...shape)).toThrow(/: input expected below 4 GiB/);
      }
    }
  });

  it('as the output of a Layer, so that no layer after it sees an empty one', () => {
    const after: Module[] = [new Conv2d(0 + 1, 1, 1), new Upsample({ scaleFactor: 2 }), new ReLU()];
    for (const layer of [...after, new Softmax(1), new Concat(), new MaxPool2d(2)]) {
      using model = new Sequential(new Emptying(), layer);
      const step = () => model.forward(Tensor.zeros([2, 3]));
      expect(step).toThrow(new RangeError('Emptying: output is empty, got [2, 0, 4, 4]'));
    }
  });

  it('as the input of every layer', () => {
    for (const shape of [
      [0, 1, 4, 4],
      [2, 0, 4, 4],
      [2, 1, 0, 4],
      [2, 1, 4, 0],
    ]) {
      const layers = [new Conv2d(1, 1, 1), new Upsample({ scaleFactor: 2 }), new BatchNorm2d(1)];
      for (const layer of [...layers, new MaxPool2d(2), new evenkeel.InstanceNorm2d(1)]) {
        expect(() => layer.predict({ data: [], shape })).toThrow(/: input is empty, got \[/);
      }
    }
  });
});

describe('a step that needs more than 4 GiB is refused with its number', () => {
  it('and names the layer that needs most', () => {
    const model = new Sequential(new ReLU(), new Conv2d(1, 16, 3, { padding: 1 }), new ReLU());
    expect(() => plan(model, 1, 1, 7000, 7000)).toThrow(
      /^Conv2d\(1, 16, 3\): a step of 9\.\d\d GiB expected below 4 GiB, with \d\.\d\d GiB for this layer on \[1, 1, 7000, 7000\]: use a smaller batch$/,
    );
  });

  it('also if its scratch alone would wrap 32 bits', () => {
    const layer = new Conv2d(1, 1, 3, { padding: 1 });
    expect(() => plan(layer, 1, 1, 20_000, 20_000)).toThrow(
      /a step of .* GiB expected below 4 GiB/,
    );
  });
});
