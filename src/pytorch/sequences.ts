/** How PyTorch makes recurrent networks and attention: classes of the package that are composites. */
import { GELU } from '../layers/activation/gelu.ts';
import { MultiheadAttention } from '../layers/attention/attention.ts';
import { TransformerEncoderLayer } from '../layers/attention/encoderlayer.ts';
import { GRU, LSTM, RNN } from '../layers/recurrent/recurrent.ts';
import { type Class, type Entry, entry } from './entry.ts';
import { make } from './python.ts';

function recurrent(): Entry[] {
  return Object.entries({ RNN, LSTM, GRU }).map(([name, type]) =>
    entry<RNN>(type as unknown as Class<RNN>, (l, needs) => {
      needs.need('Recurrent');
      needs.need(name as 'RNN');
      return make(name, [l.inputSize, l.hiddenSize], {
        num_layers: [1, l.numLayers],
        nonlinearity: ['tanh', l.nonlinearity],
        bias: [true, l.hasBias],
        batch_first: [false, l.batchFirst],
        dropout: [0, l.dropout],
        bidirectional: [false, l.bidirectional],
        last: [false, l.returns === 'last'],
      });
    }),
  );
}

export function sequences(): Entry[] {
  return [
    ...recurrent(),
    entry(MultiheadAttention, (l, needs) => {
      needs.need('MultiheadAttention');
      return make('MultiheadAttention', [l.embedDim, l.numHeads], {
        dropout: [0, l.dropout],
        bias: [true, l.in_proj_bias !== undefined],
        batch_first: [false, l.batchFirst],
        causal: [false, l.causal],
      });
    }),
    entry(TransformerEncoderLayer, (l, needs) => {
      const { embedDim, numHeads, dropout, batchFirst, causal } = l.self_attn;
      // PyTorch's own takes x alone, and masks of another kind.
      const plain = !causal && needs.inputsOf(l) === 1;
      if (!plain) needs.need('TransformerEncoderLayer');
      return make(`${plain ? 'nn.' : ''}TransformerEncoderLayer`, [embedDim, numHeads], {
        dim_feedforward: [2048, l.linear1.outFeatures],
        dropout: [0.1, dropout],
        activation: ['relu', l.activation instanceof GELU ? 'gelu' : 'relu'],
        layer_norm_eps: [1e-5, l.norm1.eps],
        batch_first: [false, batchFirst],
        norm_first: [false, l.normFirst],
        causal: [false, causal],
      });
    }),
  ];
}
