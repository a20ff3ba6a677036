import { type Input, MultiheadAttention, type Tensor, TransformerEncoderLayer } from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';
import { SUMS } from '../checks/layer.ts';

export default ofGoldens('attention', (golden) => {
  const { embed, heads, causal, padding, memory, x } = golden;
  const { norm_first = false, ...options } = golden.options;
  const common = { ...options, causal, batchFirst: true };
  const layer =
    golden.kind === 'encoder'
      ? new TransformerEncoderLayer(embed, heads, {
          ...{ ...common, normFirst: norm_first, dimFeedforward: golden.wide, dropout: 0 },
        })
      : new MultiheadAttention(embed, heads, common);
  equal(Object.keys(layer.stateDict()).sort(), Object.keys(golden.state).sort(), 'names');
  layer.loadStateDict(golden.state);
  const inputs: Input[] = [x, ...(memory ? [memory, memory] : []), ...(padding ? [padding] : [])];
  const y = layer.forward(inputs);
  equal(y.shape, golden.y.shape, 'shape');
  const values = y.toArray();
  close(values, golden.y.data, { scaled: 2e-6, atol: 2e-6 }, 'y');
  close(layer.predict(inputs).toArray(), values, {}, 'y of predict');
  const back = layer.backward<Tensor | Tensor[]>(golden.dy);
  const slopes = (Array.isArray(back) ? back : [back]).map((slope) => slope.toArray());
  close(slopes[0]!, golden.dx.data, SUMS, 'dx');
  if (memory) {
    const sum = slopes[1]!.map((v, i) => v + slopes[2]![i]!);
    close(sum, golden.dMemory.data, SUMS, 'gradient of keys and values');
  }
  for (const [name, parameter] of layer.namedParameters()) {
    close(parameter.grad!.toArray(), golden.gradients[name].data, SUMS, `gradient of ${name}`);
  }
  layer.dispose();
  return layer;
});
