/** Ghosts, masks and renormalization, against PyTorch's autograd in float64. */
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type Input,
  MaskedBatchNorm1d,
  MaskedBatchNorm2d,
  MaskedBatchNorm3d,
  Renorm,
  Tensor,
} from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { RUNNING, SUMS } from '../checks/layer.ts';

const PLAIN = [BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d];
const MASKED = [MaskedBatchNorm1d, MaskedBatchNorm1d, MaskedBatchNorm2d, MaskedBatchNorm3d];

export default ofGoldens('batchnorm-variants', ({ ghosts, renorm: bounds, steps, ...golden }) => {
  const { shape } = steps[0].x;
  const Kind = (steps[0].mask ? MASKED : PLAIN)[shape.length - 2]!;
  const renorm = bounds && new Renorm({ rMax: (t) => bounds[t][0], dMax: (t) => bounds[t][1] });
  const bn = new Kind(shape[1], {
    eps: golden.eps,
    momentum: golden.momentum,
    ...(ghosts && { virtualBatchSize: ghosts }),
    ...(renorm && { renorm }),
  });
  bn.loadStateDict({
    weight: golden.weight,
    bias: golden.bias,
    running_mean: golden.runningMean,
    running_var: golden.runningVar,
    num_batches_tracked: Tensor.from(0),
  });
  for (const step of steps) {
    const x: Input[] = step.mask ? [step.x, step.mask] : [step.x];
    for (const parameter of bn.parameters()) parameter.zeroGrad();
    close(bn.forward(x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
    const [dx] = [bn.backward<Tensor | Tensor[]>(step.dy)].flat();
    close(dx!.toArray(), step.dx.data, SUMS, 'dx');
    close(bn.weight!.grad!.toArray(), step.dWeight.data, SUMS, 'dWeight');
    close(bn.bias!.grad!.toArray(), step.dBias.data, SUMS, 'dBias');
    close(bn.runningMean!.data.toArray(), step.runningMean.data, RUNNING, 'mean');
    close(bn.runningVar!.data.toArray(), step.runningVar.data, RUNNING, 'variance');
    equal(bn.numBatchesTracked!.value, step.batches, 'batches');
  }
  bn.dispose();
  return renorm ? [bn, renorm] : bn;
});
