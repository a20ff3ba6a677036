import { Conv2d, Linear, SGD, WeightNorm } from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { SUMS } from '../checks/layer.ts';

export default ofGoldens('weightnorm', ({ kind, keys, state, steps }) => {
  const [outputs, inputs] = state.weight_v.shape;
  const bias = 'bias' in state;
  const layer = new WeightNorm(
    kind === 'linear'
      ? new Linear(inputs, outputs, { bias })
      : new Conv2d(inputs, outputs, 3, { bias }),
  );
  equal(Object.keys(layer.stateDict()), keys, 'keys');
  layer.loadStateDict(state);
  const optimizer = new SGD(layer.parameters(), { lr: 0.05 });
  for (const { x, dy, y, dx, gradients } of steps) {
    close(layer.forward(x).toArray(), y.data, SUMS, 'y');
    optimizer.zeroGrad();
    close(layer.backward(dy).toArray(), dx.data, SUMS, 'dx');
    for (const [key, parameter] of layer.namedParameters()) {
      close(parameter.grad!.toArray(), gradients[key].data, SUMS, key);
    }
    optimizer.step();
  }
  optimizer.dispose();
  layer.dispose();
  return layer;
});
