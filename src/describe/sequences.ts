/** Layers of sequences: embeddings, recurrent networks and attention. */
import { GELU } from '../layers/activation/gelu.ts';
import { MultiheadAttention } from '../layers/attention/attention.ts';
import { TransformerEncoderLayer } from '../layers/attention/encoderlayer.ts';
import { Embedding } from '../layers/embedding.ts';
import { GRU, LSTM, RNN } from '../layers/recurrent/recurrent.ts';
import { type Class, type Entry, plain, product } from './entry.ts';

/** The arguments and options that all recurrent networks have. */
function recurrent(name: string, type: Class<RNN>, gates: number, own: object = {}): Entry {
  return plain<RNN>(name, type, {
    args: { inputSize: (l) => l.inputSize, hiddenSize: (l) => l.hiddenSize },
    options: {
      numLayers: [1, (l) => l.numLayers],
      bias: [true, (l) => l.hasBias],
      batchFirst: [false, (l) => l.batchFirst],
      dropout: [0, (l) => l.dropout],
      bidirectional: [false, (l) => l.bidirectional],
      returns: ['output', (l) => l.returns],
      ...own,
    },
    size: ([input, hidden], { numLayers = 1, bidirectional }) => {
      const directions = bidirectional ? 2 : 1;
      const [x, h] = [product(input), product(hidden)];
      const first = gates * h * (x + h + 2);
      const further = gates * h * (directions * h + h + 2);
      return directions * (first + (product(numLayers) - 1) * further);
    },
  });
}

export function sequences(): readonly Entry[] {
  return [
    plain('Embedding', Embedding, {
      args: { numEmbeddings: (l) => l.numEmbeddings, embeddingDim: (l) => l.embeddingDim },
      options: { paddingIdx: [null, (l) => l.paddingIdx] },
      size: ([count, dim]) => product(count) * product(dim),
    }),
    recurrent('RNN', RNN, 1, { nonlinearity: ['tanh', (l: RNN) => l.nonlinearity] }),
    recurrent('LSTM', LSTM, 4),
    recurrent('GRU', GRU, 3),
    plain('MultiheadAttention', MultiheadAttention, {
      args: { embedDim: (l) => l.embedDim, numHeads: (l) => l.numHeads },
      options: {
        dropout: [0, (l) => l.dropout],
        bias: [true, (l) => l.in_proj_bias !== undefined],
        batchFirst: [false, (l) => l.batchFirst],
        causal: [false, (l) => l.causal],
      },
      size: ([dim]) => 4 * product(dim) * (product(dim) + 1),
    }),
    plain('TransformerEncoderLayer', TransformerEncoderLayer, {
      args: { dModel: (l) => l.self_attn.embedDim, nhead: (l) => l.self_attn.numHeads },
      options: {
        dimFeedforward: [2048, (l) => l.linear1.outFeatures],
        dropout: [0.1, (l) => l.self_attn.dropout],
        activation: ['relu', (l) => (l.activation instanceof GELU ? 'gelu' : 'relu')],
        layerNormEps: [1e-5, (l) => l.norm1.eps],
        batchFirst: [false, (l) => l.self_attn.batchFirst],
        normFirst: [false, (l) => l.normFirst],
        causal: [false, (l) => l.self_attn.causal],
      },
      size: ([dim], { dimFeedforward = 2048 }) => {
        const [e, wide] = [product(dim), product(dimFeedforward)];
        return 4 * e * (e + 1) + wide * (2 * e + 1) + 5 * e;
      },
    }),
  ];
}
