/** Other houses' batch norm, by options: Keras (through TensorFlow.js) and ONNX. PyTorch's is the default. */
import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  Tensor,
} from '../src/index.ts';
import { expectClose } from './support/close.ts';
import { readGoldens } from './support/goldens.ts';

const SUMS = { scaled: 2e-6, atol: 2e-6 };
const RUNNING = { rtol: 2e-6, atol: 2e-7 };

function layerFor(shape: number[], options: BatchNormOptions) {
  const layers = { 2: BatchNorm1d, 3: BatchNorm1d, 4: BatchNorm2d, 5: BatchNorm3d } as const;
  const c = options.channelsLast ? shape.at(-1)! : shape[1]!;
  return new layers[shape.length as 2 | 3 | 4 | 5](c, options);
}

describe('as Keras: channels last, eps 1e-3, decay 0.99, biased', () => {
  for (const { name, weight, bias, steps, inference } of readGoldens('batchnorm-keras')) {
    it(name, () => {
      const [, decay, eps] = /momentum (.*), epsilon (.*)/.exec(name) ?? ['', '0.99', '1e-3'];
      using bn = layerFor(steps[0].x.shape, {
        eps: Number(eps),
        decay: Number(decay),
        runningVariance: 'biased',
        channelsLast: true,
      });
      bn.weight!.assign(weight);
      bn.bias!.assign(bias);
      for (const step of steps) {
        for (const parameter of bn.parameters()) parameter.zeroGrad();
        expectClose(bn.forward(step.x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
        // TensorFlow.js sums in float32 throughout
        const loose = { scaled: 1e-5, atol: 1e-5 };
        expectClose(bn.backward(step.dy).toArray(), step.dx.data, loose, 'dx');
        expectClose(bn.weight!.grad!.toArray(), step.dWeight.data, loose, 'dWeight');
        expectClose(bn.bias!.grad!.toArray(), step.dBias.data, loose, 'dBias');
        expectClose(bn.runningMean!.data.toArray(), step.runningMean.data, RUNNING, 'mean');
        expectClose(bn.runningVar!.data.toArray(), step.runningVar.data, RUNNING, 'variance');
      }
      expectClose(bn.predict(inference.x).toArray(), inference.y.data, { scaled: 2e-6 }, 'y');
    });
  }
});

describe('as ONNX: decay 0.9, biased', () => {
  const goldens = readGoldens('batchnorm-onnx');

  it('has tests of both modes', () => {
    expect(goldens.map(({ training }) => training)).toEqual([false, true, false, true]);
  });

  for (const golden of goldens) {
    it(golden.name, () => {
      const { eps, decay, training, x, weight, bias, mean, variance } = golden;
      using bn = layerFor(x.shape, { eps, decay, runningVariance: 'biased' });
      bn.loadStateDict({
        weight,
        bias,
        running_mean: mean,
        running_var: variance,
        num_batches_tracked: Tensor.from(0),
      });
      bn.train(training);
      expectClose(bn.forward(x).toArray(), golden.y.data, SUMS, 'y');
      if (!training) return;
      expectClose(bn.runningMean!.data.toArray(), golden.runningMean.data, RUNNING, 'mean');
      expectClose(bn.runningVar!.data.toArray(), golden.runningVar.data, RUNNING, 'variance');
    });
  }
});
