/** The same bits for every number of threads. Each test has evenkeel afresh, with every call divided. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PINNED } from '../everywhere/checks/pinned.ts';
import { run } from '../everywhere/checks/run.ts';
import { hashed } from '../support/hashed.ts';

let evenkeel: typeof import('../../src/index.ts');
let threading: typeof import('../../src/threads/index.ts');
let data: typeof import('../../src/data/index.ts');
let close = () => {};

beforeEach(async () => {
  vi.resetModules();
  evenkeel = await import('../../src/index.ts');
  threading = await import('../../src/threads/index.ts');
  data = await import('../../src/data/index.ts');
  const { LIMITS } = await import('../../src/threads/pool.ts');
  Object.assign(LIMITS, { call: 0, share: 0, small: 0 });
});
afterEach(() => close());

async function start(n: number): Promise<void> {
  const threads = await threading.useThreads(n);
  expect(threads.reason).toBeUndefined();
  expect(threads.count).toBe(n);
  close = threads.close;
}

describe('training on n threads', () => {
  for (const n of [1, 2, 3, 4, 7]) {
    it(`has the pinned hash with ${n}`, async () => {
      await start(n);
      expect((await run(evenkeel, data)).hash).toBe(PINNED);
    });
  }

  it('has it when threads come and go in the middle', async () => {
    const { batches } = data;
    // biome-ignore lint/suspicious/noExplicitAny: an iterator of any batches
    const changing = (...args: any[]) => {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      const source = (batches as any)(...args);
      let step = 0;
      return {
        *[Symbol.iterator]() {
          for (const batch of source) {
            if (++step === 20) close();
            yield batch;
          }
        },
      };
    };
    await start(3);
    expect((await run(evenkeel, { batches: changing as never })).hash).toBe(PINNED);
  });
});

/** Layers whose kernels the network of the pinned hash lacks, and the shapes of their inputs. */
const LAYERS: [name: string, make: () => unknown, shape: number[]][] = [
  ['LayerNorm', () => new evenkeel.LayerNorm(37), [700, 37]],
  ['RMSNorm', () => new evenkeel.RMSNorm(37), [700, 37]],
  ['GroupNorm', () => new evenkeel.GroupNorm(3, 12), [9, 12, 5, 7]],
  ['InstanceNorm2d', () => new evenkeel.InstanceNorm2d(5, { affine: true }), [9, 5, 5, 7]],
  ['LocalResponseNorm', () => new evenkeel.LocalResponseNorm(3), [9, 12, 5, 7]],
  ['BatchNorm1d', () => new evenkeel.BatchNorm1d(83), [101, 83]],
  ['BatchNorm2d', () => new evenkeel.BatchNorm2d(21), [7, 21, 5, 7]],
  ['BatchNorm2d of 40 rows', () => new evenkeel.BatchNorm1d(40), [301, 40]],
  ['channels last', () => new evenkeel.BatchNorm2d(35, { channelsLast: true }), [7, 5, 7, 35]],
  ['Linear', () => new evenkeel.Linear(61, 47), [103, 61]],
  ['Conv2d', () => new evenkeel.Conv2d(5, 7, 3, { stride: 2, padding: 1 }), [11, 5, 13, 9]],
  ['grouped Conv2d', () => new evenkeel.Conv2d(6, 9, 3, { groups: 3 }), [11, 6, 13, 9]],
  ['depthwise Conv2d', () => new evenkeel.Conv2d(6, 6, 3, { groups: 6 }), [11, 6, 13, 9]],
  ['ConvTranspose2d', () => new evenkeel.ConvTranspose2d(5, 7, 3, { stride: 2 }), [11, 5, 6, 9]],
  ['Conv3d', () => new evenkeel.Conv3d(5, 7, 3, { padding: 1 }), [3, 5, 9, 11, 7]],
  ['GELU', () => new evenkeel.GELU(), [33, 101]],
  ['Softmax', () => new evenkeel.Softmax(), [333, 11]],
  ['LogSoftmax', () => new evenkeel.LogSoftmax(), [333, 11]],
  ['PReLU', () => new evenkeel.PReLU(5), [31, 5, 9]],
  ['AvgPool2d', () => new evenkeel.AvgPool2d(3, { stride: 2, padding: 1 }), [7, 5, 9, 11]],
  ['AdaptiveAvgPool2d', () => new evenkeel.AdaptiveAvgPool2d([3, 4]), [7, 5, 9, 11]],
  ['MaxPool2d', () => new evenkeel.MaxPool2d(3, { stride: 2, padding: 1 }), [7, 5, 9, 11]],
  ['AvgPool3d', () => new evenkeel.AvgPool3d(3, { stride: 2, padding: 1 }), [3, 7, 9, 11, 8]],
  ['MaxPool3d', () => new evenkeel.MaxPool3d(3, { stride: 2, padding: 1 }), [3, 7, 9, 11, 8]],
  ['Upsample', () => new evenkeel.Upsample({ scaleFactor: 2, mode: 'bilinear' }), [7, 5, 9, 11]],
  ['Dropout', () => new evenkeel.Dropout(0.3), [33, 101]],
  ['Dropout2d', () => new evenkeel.Dropout2d(0.3), [33, 7, 3, 5]],
  ['RNN', () => new evenkeel.RNN(6, 19, { nonlinearity: 'relu', returns: 'last' }), [4, 23, 6]],
  ['LSTM', () => new evenkeel.LSTM(6, 19, { bidirectional: true }), [4, 23, 6]],
  ['GRU', () => new evenkeel.GRU(6, 19, { numLayers: 2 }), [4, 23, 6]],
  ['weight norm', () => new evenkeel.WeightNorm(new evenkeel.Linear(61, 47)), [103, 61]],
];

describe('a layer on n threads has the bits of one', () => {
  for (const [name, make, shape] of LAYERS) {
    it(name, async () => {
      const size = shape.reduce((a, b) => a * b);
      const x = Float32Array.from(hashed(1, size), (u) => 6 * u - 3);
      const step = () => {
        evenkeel.manualSeed(3);
        const layer = make() as InstanceType<typeof evenkeel.Linear>;
        const y = layer.forward({ data: x, shape });
        const dy = Float32Array.from(hashed(2, y.size), (u) => 2 * u - 1);
        const out = y.toArray();
        const dx = layer.backward({ data: dy, shape: [...y.shape] }).toArray();
        const state = Object.values(layer.stateDict()).map((tensor) => [...tensor.toArray()]);
        const gradients = layer.parameters().map((p) => [...p.grad!.toArray()]);
        const predicted = layer.predict({ data: x, shape }).toArray();
        layer.dispose();
        return [out, dx, predicted, state, gradients];
      };
      const alone = step();
      for (const n of [2, 3, 7]) {
        await start(n);
        expect(step()).toEqual(alone);
      }
    });
  }
});
