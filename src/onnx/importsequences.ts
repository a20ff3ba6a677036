/** Recurrent networks, as layers. */

import { Unflatten } from '../layers/flatten.ts';
import { Permute } from '../layers/permute.ts';
import { GRU, LSTM, RNN } from '../layers/recurrent/recurrent.ts';
import { concat } from '../ops/concat.ts';
import { squeeze, unsqueeze } from '../ops/reshape.ts';
import { slice } from '../ops/slice.ts';
import { GATES } from './gates.ts';
import { type Computed, isConstant, type Unsupported } from './graph.ts';
import { withValues } from './importweights.ts';
import type { NodeReading } from './reading.ts';
import type { Constant } from './tensors.ts';

const CURVES = {
  RNN: ['Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
} as const;

/** The part of a constant that belongs to a direction, and of it part `part` of `parts`, with our order of gates. */
function arranged(
  { values }: Constant,
  [directions, direction]: readonly [number, number],
  gates: readonly number[],
  [parts, part] = [1, 0],
): Float32Array {
  const size = values.length / directions / parts;
  const from = (direction * parts + part) * size;
  const result = new Float32Array(size);
  const gate = size / gates.length;
  for (const [at, ours] of gates.entries()) {
    const start = from + at * gate;
    result.set(values.subarray(start, start + gate), ours * gate);
  }
  return result;
}

/** @throws RangeError for an input that is there and not 0 */
function checkZero(node: NodeReading, i: number, what: string): void {
  const constant = node.constant(i);
  if (constant?.values.some((value) => value !== 0))
    throw node.unsupported(`${what} expected to be left out, or 0`);
}

/** Whether all curves are those that the layer has. An RNN may have ReLU. */
function curvesOf(node: NodeReading, kind: keyof typeof CURVES, count: number): 'tanh' | 'relu' {
  const given = node.texts('activations');
  const usual = CURVES[kind];
  const list = given ?? Array.from({ length: count }, () => usual).flat();
  const all = (wanted: readonly string[]) =>
    list.length === count * wanted.length &&
    list.every((name, i) => name.toLowerCase() === wanted[i % wanted.length]!.toLowerCase());
  if (all(usual)) return 'tanh';
  if (kind === 'RNN' && all(['Relu'])) return 'relu';
  throw node.unsupported(`activations expected ${usual.join(', ')}, got ${list.join(', ')}`);
}

/**
 * RNN, LSTM and GRU of one layer, whose states are 0 at first. The node gives all states, Y, and the last, Y_h; the
 * layer one of them, or if both are read the last is taken from all.
 */
export function readRecurrent(node: NodeReading): Computed | Unsupported {
  const kind = node.op as keyof typeof GATES;
  const gates = GATES[kind];
  const x = node.computed();
  if (x.shape.length !== 3)
    throw node.unsupported(`input expected with three axes, got ${x.shape.length}`);
  const inputs = x.shape[2]!;
  const batchFirst = node.int('layout', 0) === 1;
  const direction = node.text('direction', 'forward');
  if (direction === 'reverse')
    throw node.unsupported("direction expected 'forward' or 'bidirectional', got reverse");
  const bidirectional = direction === 'bidirectional';
  const count = bidirectional ? 2 : 1;
  const given = node.weight(1, [count, undefined, inputs]);
  const hidden = node.int('hidden_size', given.shape[1]! / gates.length);
  const wide = gates.length * hidden;
  const weightIh = node.weight(1, [count, wide, inputs]);
  const weightHh = node.weight(2, [count, wide, hidden]);
  const biases = node.inputs[3] ? node.weight(3, [count, 2 * wide]) : undefined;
  const nonlinearity = curvesOf(node, kind, count);
  if (kind === 'GRU' && node.int('linear_before_reset', 0) !== 1)
    throw node.unsupported('linear_before_reset expected 1, got 0');
  if (node.int('input_forget', 0) !== 0) throw node.unsupported('input_forget expected 0, got 1');
  checkZero(node, 5, 'initial_h');
  if (kind === 'LSTM') {
    checkZero(node, 6, 'initial_c');
    checkZero(node, 7, 'P');
  }
  const steps = batchFirst ? 1 : 0;
  const lengths = node.inputs[4];
  if (isConstant(lengths) && lengths.values.some((length) => length !== x.shape[steps]))
    throw node.unsupported('sequence_lens expected computed, or as long as the input');
  const read = lengths && !isConstant(lengths) ? [x, node.indices(4)] : [x];

  const [all, last] = [node.isRead(0), node.isRead(1)];
  const both = all && last;
  if (both && read.length > 1)
    throw node.unsupported('one output expected for sequences with lengths, got two');
  const make = () => {
    const common = { bias: biases !== undefined, batchFirst, bidirectional };
    const returns = last && !all ? 'last' : 'output';
    const options = { ...common, returns } as const;
    const layer =
      kind === 'RNN'
        ? new RNN(inputs, hidden, { ...options, nonlinearity })
        : new (kind === 'LSTM' ? LSTM : GRU)(inputs, hidden, options);
    const values = (bidirectional ? ['_l0', '_l0_reverse'] : ['_l0']).map((end, d) => ({
      [`weight_ih${end}`]: arranged(weightIh, [count, d], gates),
      [`weight_hh${end}`]: arranged(weightHh, [count, d], gates),
      [`bias_ih${end}`]: biases && arranged(biases, [count, d], gates, [2, 0]),
      [`bias_hh${end}`]: biases && arranged(biases, [count, d], gates, [2, 1]),
    }));
    return withValues(layer, Object.assign({}, ...values));
  };
  const plain = node.trained(make, biases ? [1, 2, 3] : [1, 2], read);
  const sizes = { count, hidden, batchFirst };
  if (last && !all) {
    node.gives(1, apart(node, plain, sizes, '.last'));
    return { error: node.unsupported('all states expected to be read in the file') };
  }
  if (both) {
    const end = node.operations(
      (states) => {
        const at = (from: number, to?: number) => squeeze(slice(states, steps, from, to), steps);
        if (!bidirectional) return at(-1);
        const parts = [slice(at(-1), 1, 0, hidden), slice(at(0, 1), 1, hidden)];
        return concat(parts, 1);
      },
      [plain],
      '.last',
    );
    node.gives(1, apart(node, end, sizes, '.last'));
  }
  return apart(node, plain, sizes, '.directions');
}

/**
 * What a layer gives with its directions on an axis of their own, as ONNX has it: before the samples, or with `layout`
 * behind them.
 */
function apart(
  node: NodeReading,
  plain: Computed,
  { count, hidden, batchFirst }: { count: number; hidden: number; batchFirst: boolean },
  what: string,
): Computed {
  const rank = plain.shape.length;
  const axis = batchFirst ? rank - 1 : rank - 2;
  if (count === 1) {
    const y = node.operations((states) => unsqueeze(states, axis), [plain], what);
    return { ...y, directions: { plain, axis } };
  }
  const split = node.layer(() => new Unflatten(rank - 1, [count, hidden]), [plain], what);
  if (batchFirst) return { ...split, directions: { plain, axis } };
  const dims = rank === 3 ? [0, 2, 1, 3] : [1, 0, 2];
  const y = node.layer(() => new Permute(dims), [split], what);
  return { ...y, directions: { plain, axis } };
}
