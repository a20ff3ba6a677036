import { ReLU, Sequential, Tensor } from 'evenkeel';
import type { GoldenCase, GoldenTensor } from '../../support/stored.ts';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { batchNormFor, RUNNING, SUMS } from '../checks/layer.ts';

export default ofGoldens('batchnorm', (golden) =>
  [false, true].map((channelsLast) => compare(golden, channelsLast)),
);

function compare({ eps, momentum, weight, bias, relu, ...golden }: GoldenCase, last: boolean) {
  const lay = (tensor: GoldenTensor) => (last ? channelsLast(tensor) : tensor);
  const affine = weight !== null;
  const { shape } = lay(golden.steps[0].x);
  const bn = batchNormFor(shape, { eps, momentum, affine, channelsLast: last });
  const model = relu ? new Sequential(bn, new ReLU()) : new Sequential(bn);
  bn.loadStateDict({
    ...(affine && { weight, bias }),
    running_mean: golden.runningMean,
    running_var: golden.runningVar,
    num_batches_tracked: Tensor.from(0),
  });
  for (const step of golden.steps) {
    model.train(step.mode === 'train');
    close(model.forward(lay(step.x)).toArray(), lay(step.y).data, { scaled: 2e-6 }, 'y');
    for (const parameter of bn.parameters()) parameter.zeroGrad();
    close(model.backward(lay(step.dy)).toArray(), lay(step.dx).data, SUMS, 'dx');
    if (affine) {
      close(bn.weight!.grad!.toArray(), step.dWeight.data, SUMS, 'dWeight');
      close(bn.bias!.grad!.toArray(), step.dBias.data, SUMS, 'dBias');
    }
    const state = bn.stateDict();
    close(state.running_mean!.toArray(), step.runningMean.data, RUNNING, 'mean');
    close(state.running_var!.toArray(), step.runningVar.data, RUNNING, 'variance');
    equal(state.num_batches_tracked!.item(), step.batches, 'batches');
  }
  model.dispose();
  return bn;
}

/** [N, C, …] to [N, …, C]. */
function channelsLast({ shape, data }: GoldenTensor): GoldenTensor {
  const [n, c, ...space] = shape as [number, number, ...number[]];
  const s = space.reduce((a, b) => a * b, 1);
  const out = new Float32Array(data.length);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < c; j++) {
      for (let k = 0; k < s; k++) out[(i * s + k) * c + j] = data[(i * c + j) * s + k]!;
    }
  }
  return { shape: [n, ...space, c], data: out };
}
