import { GRU, type Input, LSTM, RNN, type Tensor } from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { SUMS } from '../checks/layer.ts';

const KINDS = { RNN, LSTM, GRU };

export default ofGoldens('recurrent', (golden) => {
  const { num_layers = 1, batch_first = false, ...others } = golden.options;
  const returns = golden.last ? 'last' : 'output';
  const options = { ...others, numLayers: num_layers, batchFirst: batch_first, returns };
  const layer = new KINDS[golden.kind as keyof typeof KINDS](golden.inputs, golden.hidden, options);
  equal(Object.keys(layer.stateDict()), Object.keys(golden.state), 'names');
  layer.loadStateDict(golden.state);
  const inputs: Input[] = golden.lengths ? [golden.x, golden.lengths] : [golden.x];
  const y = layer.forward(inputs);
  equal(y.shape, golden.y.shape, 'shape');
  const values = y.toArray();
  close(values, golden.y.data, { scaled: 1e-6, atol: 1e-6 }, 'y');
  close(layer.predict(inputs).toArray(), values, {}, 'y of predict');
  const back = layer.backward<Tensor | Tensor[]>(golden.dy);
  close((Array.isArray(back) ? back[0]! : back).toArray(), golden.dx.data, SUMS, 'dx');
  for (const [name, parameter] of layer.namedParameters()) {
    close(parameter.grad!.toArray(), golden.gradients[name].data, SUMS, `gradient of ${name}`);
  }
  layer.dispose();
  return layer;
});
