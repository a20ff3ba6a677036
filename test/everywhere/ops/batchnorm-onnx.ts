/** As the ONNX standard's node tests: decay 0.9, biased. */
import { Tensor } from 'evenkeel';
import { close, ofGoldens } from '../checks/check.ts';
import { batchNormFor, RUNNING, SUMS } from '../checks/layer.ts';

export default ofGoldens('batchnorm-onnx', ({ eps, decay, training, weight, bias, ...golden }) => {
  const bn = batchNormFor(golden.x.shape, { eps, decay, runningVariance: 'biased' });
  bn.loadStateDict({
    weight,
    bias,
    running_mean: golden.mean,
    running_var: golden.variance,
    num_batches_tracked: Tensor.from(0),
  });
  bn.train(training);
  close(bn.forward(golden.x).toArray(), golden.y.data, SUMS, 'y');
  if (training) {
    close(bn.runningMean!.data.toArray(), golden.runningMean.data, RUNNING, 'mean');
    close(bn.runningVar!.data.toArray(), golden.runningVar.data, RUNNING, 'variance');
  }
  bn.dispose();
  return bn;
});
