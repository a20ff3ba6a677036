/** As Keras, through TensorFlow.js: channels last, eps 1e-3, decay 0.99, biased. */
import { close, ofGoldens } from '../checks/check.ts';
import { batchNormFor, RUNNING } from '../checks/layer.ts';

// TensorFlow.js sums in float32 throughout.
const LOOSE = { scaled: 1e-5, atol: 1e-5 };

export default ofGoldens('batchnorm-keras', ({ name, weight, bias, steps, inference }) => {
  const [, decay, eps] = /momentum (.*), epsilon (.*)/.exec(name) ?? ['', '0.99', '1e-3'];
  const bn = batchNormFor(steps[0].x.shape, {
    eps: Number(eps),
    decay: Number(decay),
    runningVariance: 'biased',
    channelsLast: true,
  });
  bn.weight!.assign(weight);
  bn.bias!.assign(bias);
  for (const step of steps) {
    for (const parameter of bn.parameters()) parameter.zeroGrad();
    close(bn.forward(step.x).toArray(), step.y.data, { scaled: 2e-6 }, 'y');
    close(bn.backward(step.dy).toArray(), step.dx.data, LOOSE, 'dx');
    close(bn.weight!.grad!.toArray(), step.dWeight.data, LOOSE, 'dWeight');
    close(bn.bias!.grad!.toArray(), step.dBias.data, LOOSE, 'dBias');
    close(bn.runningMean!.data.toArray(), step.runningMean.data, RUNNING, 'mean');
    close(bn.runningVar!.data.toArray(), step.runningVar.data, RUNNING, 'variance');
  }
  close(bn.predict(inference.x).toArray(), inference.y.data, { scaled: 2e-6 }, 'predict');
  bn.dispose();
  return bn;
});
