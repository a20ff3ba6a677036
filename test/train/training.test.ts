/** Whole training runs against PyTorch, on the shipped images. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { cnn, mlp } from '../../examples/train/network.ts';
import {
  Adam,
  CrossEntropyLoss,
  memoryUsage,
  type Optimizer,
  type Parameter,
  SGD,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { readGoldens } from '../support/goldens.ts';
import { compareSteps } from '../support/steps.ts';
import { setWeights, shippedImages } from '../support/training.ts';

let images: Awaited<ReturnType<typeof shippedImages>>;

beforeAll(async () => {
  images = await shippedImages();
});

const optimizers: Record<string, (parameters: Parameter[]) => Optimizer> = {
  'mlp, Adam': (parameters) => new Adam(parameters, { lr: 1e-3, eps: 1e-5 }),
  'mlp, SGD': (parameters) => new SGD(parameters, { lr: 0.05, momentum: 0.9, weightDecay: 1e-4 }),
};

describe('60 free steps of the MLP with batch norm', () => {
  it.each(readGoldens('training'))('$name: each loss is PyTorch’s', ({ name, losses }) => {
    using model = mlp();
    setWeights(model);
    const loss = new CrossEntropyLoss();
    const optimizer = optimizers[name]!(model.parameters());
    let steady: ReturnType<typeof memoryUsage> | undefined;
    const ours = losses.map((_: number, step: number) => {
      const [from, to] = [step * 100, (step + 1) * 100];
      const inputs = { data: images.pixels.subarray(from * 784, to * 784), shape: [100, 784] };
      const value = loss.forward(model.forward(inputs), images.labels.subarray(from, to));
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
      steady ??= memoryUsage();
      return value;
    });
    expectClose(ours, losses, { rtol: 1e-5 }, 'losses');
    expect(memoryUsage()).toEqual(steady);
    optimizer.dispose();
  });
});

describe('60 steps of a small CNN with batch norm, each from PyTorch’s state before it', () => {
  it('has PyTorch’s loss, gradients and moments', async () => {
    using model = cnn({ channels: [2, 3, 4], hidden: 6 });
    const file = readFileSync(new URL('../goldens/training-cnn.bin', import.meta.url));
    const numbers = new Float32Array(
      file.buffer.slice(file.byteOffset, file.byteOffset + file.length),
    );
    let at = 0;
    await compareSteps(model, (n) => numbers.subarray(at, (at += n)), images, 60);
    expect(at).toBe(numbers.length);
  });
});
