import {
  Add,
  Conv1d,
  Conv2d,
  type Input,
  Linear,
  Module,
  SGD,
  SpectralNorm,
  type Tensor,
} from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { SUMS } from '../checks/layer.ts';

/** The sum of a layer's outputs for several inputs. */
class Several extends Module {
  readonly add = new Add();

  constructor(readonly layer: Module) {
    super();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const [first, ...rest] = (Array.isArray(x) ? x : [x]).map((input) => this.layer.forward(input));
    return rest.reduce((sum, y) => this.add.forward([sum, y]), first!);
  }
}

export default ofGoldens('spectralnorm', ({ kind, rounds, keys, state, ...golden }) => {
  const [outputs, inputs] = state.weight_orig.shape;
  const bias = 'bias' in state;
  const plain =
    kind === 'Linear'
      ? new Linear(inputs, outputs, { bias })
      : new (kind === 'Conv1d' ? Conv1d : Conv2d)(inputs, outputs, 3, { bias });
  const layer = new SpectralNorm(plain, { nPowerIterations: rounds });
  const model = new Several(layer);
  equal(Object.keys(layer.stateDict()), keys, 'keys');
  layer.loadStateDict(state);
  const optimizer = new SGD(layer.parameters(), { lr: 0.05 });
  for (const { x, dy, y, dx, weight_u, weight_v, gradients } of golden.steps) {
    close(model.forward(x).toArray(), y.data, SUMS, 'y');
    close(layer.weightU.data.toArray(), weight_u.data, SUMS, 'u');
    close(layer.weightV.data.toArray(), weight_v.data, SUMS, 'v');
    optimizer.zeroGrad();
    const returned = [model.backward<Tensor | Tensor[]>(dy)].flat();
    for (const [key, parameter] of layer.namedParameters()) {
      close(parameter.grad!.toArray(), gradients[key].data, SUMS, key);
    }
    // predict computes the weight anew between backward and the reading of dx.
    model.predict(x);
    for (const [i, gradient] of returned.entries()) {
      close(gradient.toArray(), dx[i].data, SUMS, 'dx');
    }
    optimizer.step();
  }
  layer.eval();
  const values = () =>
    Object.entries(layer.stateDict()).map(([name, tensor]) => [name, [...tensor.toArray()]]);
  const before = values();
  const { x, y } = golden.evaluated;
  close(layer.forward(x).toArray(), y.data, SUMS, 'eval');
  close(layer.predict(x).toArray(), layer.forward(x).toArray(), {}, 'predict');
  equal(values(), before, 'state');
  optimizer.dispose();
  model.dispose();
  return layer;
});
