import { GroupNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { RUNNING, SUMS } from '../checks/layer.ts';

export default ofGoldens('groupnorm', (golden) => {
  const { kind, groups, eps, momentum, track, weight, bias, steps } = golden;
  const { shape } = steps[0].x;
  const affine = weight !== null;
  const Instance = [InstanceNorm1d, InstanceNorm2d, InstanceNorm3d][shape.length - 3]!;
  const norm =
    kind === 'group'
      ? new GroupNorm(groups, shape[1], { eps, affine })
      : new Instance(shape[1], { eps, momentum, affine, trackRunningStats: track });
  if (affine) norm.loadStateDict({ weight, bias }, { strict: !track });
  for (const step of steps) {
    norm.train(step.mode === 'train');
    close(norm.forward(step.x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
    if (!step.dy) continue; // ONNX's cases go forward only
    for (const parameter of norm.parameters()) parameter.zeroGrad();
    close(norm.backward(step.dy).toArray(), step.dx.data, SUMS, 'dx');
    if (affine) {
      close(norm.weight!.grad!.toArray(), step.dWeight.data, SUMS, 'dWeight');
      close(norm.bias!.grad!.toArray(), step.dBias.data, SUMS, 'dBias');
    }
    if (step.mode === 'eval') {
      close(norm.predict(step.x).toArray(), step.y.data, { scaled: 2e-6 }, 'predict');
    }
    if (!track) continue;
    const state = norm.stateDict();
    close(state.running_mean!.toArray(), step.runningMean.data, RUNNING, 'mean');
    close(state.running_var!.toArray(), step.runningVar.data, RUNNING, 'variance');
    equal(state.num_batches_tracked!.item(), step.batches, 'batches');
  }
  norm.dispose();
  return norm;
});
