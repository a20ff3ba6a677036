/** Embeddings and recurrent networks. */
import { transposed } from '../axes.ts';
import type { Call, Value } from '../builder.ts';

/** A table of vectors, looked up by number. */
export function readEmbedding(call: Call): Value {
  const value = call.ordered('keras');
  const rows = call.fields.size('input_dim');
  const width = call.fields.size('output_dim');
  if (call.fields.boolean('mask_zero', false)) throw call.fields.fault('mask_zero', 'false', true);
  const state = { weight: [[rows, width], call.weight('embeddings', [rows, width])] as const };
  const name = call.step('', 'Embedding', [rows, width], [value], { state });
  return { name, shape: [...value.shape, width], order: 'keras' };
}

/**
 * The order of the gates in Keras: which of ours stands at each place. LSTM has the same, i, f, c, o; GRU has z, r, h in
 * the place of r, z, n.
 */
const GATES = {
  SimpleRNN: { kind: 'RNN', gates: [0] },
  LSTM: { kind: 'LSTM', gates: [0, 1, 2, 3] },
  GRU: { kind: 'GRU', gates: [1, 0, 2] },
} as const;

/** Rows with their gates in our order. */
function inOrder(values: Float32Array, gates: readonly number[]): Float32Array {
  const part = values.length / gates.length;
  const result = new Float32Array(values.length);
  for (const [from, to] of gates.entries()) {
    result.set(values.subarray(from * part, (from + 1) * part), to * part);
  }
  return result;
}

/**
 * SimpleRNN, LSTM and GRU. Keras has kernels as [in, gates·units], and one bias where ours has two, whose second is 0
 * then; only a GRU with `reset_after` has two, and any other GRU computes something else.
 */
export function readRecurrent(call: Call): Value {
  const value = call.ordered('keras', 2);
  const { fields } = call;
  const { kind, gates } = GATES[call.node.layer.className as keyof typeof GATES];
  const inputs = call.known(value.shape[1], 'number of features');
  const units = fields.size('units');
  for (const name of ['go_backwards', 'stateful', 'return_state', 'time_major']) {
    if (fields.boolean(name, false)) throw fields.fault(name, 'false', true);
  }
  for (const name of ['dropout', 'recurrent_dropout']) {
    const p = fields.number(name, 0);
    if (p !== 0) throw fields.fault(name, '0', p);
  }
  const curves = kind === 'RNN' ? (['tanh', 'relu'] as const) : (['tanh'] as const);
  const nonlinearity = fields.choice('activation', curves);
  if (kind !== 'RNN') {
    // TensorFlow.js has another default, and writes what it has.
    fields.choice('recurrent_activation', ['sigmoid']);
  }
  const twice = kind === 'GRU';
  if (twice && !fields.boolean('reset_after', true))
    throw fields.fault('reset_after', 'true', false);
  const bias = fields.boolean('use_bias', true);
  const sequences = fields.boolean('return_sequences', false);
  const wide = gates.length * units;
  const rows = (name: string, columns: number): Float32Array =>
    inOrder(transposed(call.weight(name, [columns, wide]), [columns, wide], [1, 0]), gates);
  const weights = { ih: rows('kernel', inputs), hh: rows('recurrent_kernel', units) };
  const given = bias ? call.weight('bias', twice ? [2, wide] : [wide]) : undefined;
  const second = twice ? given?.subarray(wide) : given && new Float32Array(wide);
  const state = {
    weight_ih_l0: [[wide, inputs], weights.ih] as const,
    weight_hh_l0: [[wide, units], weights.hh] as const,
    ...(given && {
      bias_ih_l0: [[wide], inOrder(given.subarray(0, wide), gates)] as const,
      bias_hh_l0: [[wide], inOrder(second!, gates)] as const,
    }),
  };
  const options = {
    batchFirst: true,
    bias,
    returns: sequences ? 'output' : 'last',
    ...(kind === 'RNN' && { nonlinearity }),
  };
  const name = call.step('', kind, [inputs, units, options], [value], { state });
  return { name, shape: sequences ? [value.shape[0]!, units] : [units], order: 'keras' };
}
