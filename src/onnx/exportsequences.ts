/** Recurrent networks and attention, as nodes. */
import type { MultiheadAttention } from '../layers/attention/attention.ts';
import { GRU, LSTM, type RNN } from '../layers/recurrent/recurrent.ts';
import type { Parameter } from '../tensor/parameter.ts';
import type { AttributeValue, Name } from './draft.ts';
import { GATES } from './gates.ts';
import type { StepDraft } from './step.ts';
import { FLOAT, INT32 } from './tensors.ts';

/** A node with one input besides what it is to read: operator, attributes, further inputs. */
type Link = readonly [
  opType: string,
  attributes?: Readonly<Record<string, AttributeValue>>,
  inputs?: readonly Name[],
];

/** Nodes one after another. The last gives the layer's output, unless there are more behind it. */
function chain(step: StepDraft, x: Name, links: readonly Link[], more = false): Name {
  return links.reduce((from, [opType, attributes = {}, inputs = []], i) => {
    const given = [from, ...inputs];
    const last = !more && i === links.length - 1;
    return last ? step.result(opType, given, attributes) : step.node(opType, given, attributes);
  }, x);
}

const TURN: Link = ['Transpose', { perm: [1, 0, 2] }];

/** The rows of a parameter with its gates in ONNX's order. */
function inOrder({ data, size }: Parameter, gates: readonly number[]): Float32Array {
  const values = data.toArray();
  const part = size / gates.length;
  const result = new Float32Array(size);
  for (const [to, from] of gates.entries()) {
    result.set(values.subarray(from * part, (from + 1) * part), to * part);
  }
  return result;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * RNN, LSTM or GRU, a node for each layer with its one or two directions. ONNX has sequences as [T, N, ...], its output
 * as [T, directions, N, hidden], and the biases of both products side by side.
 */
export function writeRecurrent(step: StepDraft, layer: RNN | LSTM | GRU): Name {
  const { hiddenSize: hidden, bidirectional, batchFirst, returns, hasBias } = layer;
  const own = layer as unknown as Record<string, Parameter>;
  const directions = bidirectional ? ['', '_reverse'] : [''];
  const opType = layer instanceof LSTM ? 'LSTM' : layer instanceof GRU ? 'GRU' : 'RNN';
  const gates = GATES[opType];
  const activation = layer.nonlinearity === 'relu' ? 'Relu' : 'Tanh';
  const attributes = {
    direction: bidirectional ? 'bidirectional' : 'forward',
    hidden_size: hidden,
    ...(opType === 'GRU' && { linear_before_reset: 1 }),
    ...(opType === 'RNN' && { activations: { texts: directions.map(() => activation) } }),
  };
  const [, given] = step.inputs;
  const lengths = given === undefined ? '' : step.node('Cast', [given], { to: INT32 });
  /** The parameters of both directions that begin with these names, side by side. */
  const stored = (names: readonly string[], l: number): Name => {
    const parts = directions.flatMap((end) => names.map((name) => own[`${name}_l${l}${end}`]!));
    const [rows, ...rest] = parts[0]!.shape as [number, ...number[]];
    return step.arranged(
      `${names[0]}_l${l}`,
      [directions.length, names.length * rows, ...rest],
      () => joined(parts.map((part) => inOrder(part, gates))),
    );
  };
  /** [T, directions, N, hidden] → [T, N, directions·hidden], and the same without T. */
  const aside = (last: boolean): Link[] => {
    const axis = last ? 0 : 1;
    if (!bidirectional) return [['Squeeze', {}, [step.integers('axes', [axis])]]];
    const perm = last ? [1, 0, 2] : [0, 2, 1, 3];
    const shape = last ? [0, 2 * hidden] : [0, 0, 2 * hidden];
    return [
      ['Transpose', { perm }],
      ['Reshape', {}, [step.integers('shape', shape)]],
    ];
  };
  let y = batchFirst ? step.node('Transpose', [step.x], TURN[1]) : step.x;
  for (let l = 0; l < layer.numLayers; l++) {
    const top = l === layer.numLayers - 1;
    const last = top && returns === 'last';
    const weights = [stored(['weight_ih'], l), stored(['weight_hh'], l)];
    const biases = hasBias ? stored(['bias_ih', 'bias_hh'], l) : '';
    const inputs = [y, ...weights, biases, lengths];
    while (inputs.at(-1) === '') inputs.pop();
    const states = step.node(opType, inputs, attributes, last ? 1 : 0);
    const links = aside(last);
    if (top && batchFirst && !last) links.push(TURN);
    y = chain(step, states, links, !top);
  }
  return y;
}

/**
 * Attention as products and a softmax. With q, k, v [N, steps, E] = x·Wᵀ + b, in heads of width d:
 *
 *   y = softmax(q·kᵀ/√d + mask)·v, heads side by side, then out_proj
 */
export function writeAttention(step: StepDraft, layer: MultiheadAttention): Name {
  const { embedDim, numHeads, in_proj_weight, in_proj_bias, out_proj, batchFirst, causal } = layer;
  const width = embedDim / numHeads;
  const mask = step.inputs.length % 2 === 0 ? step.inputs.at(-1)! : undefined;
  const tensors = step.inputs.slice(0, step.inputs.length - (mask === undefined ? 0 : 1));
  const [query, key = query, value = key] = tensors as [Name, Name?, Name?];
  const bound = (at: number) => step.integers('bound', [at]);
  /** Part `part` of three, along an axis. */
  const third = (of: Name, part: number, axis: number): Name =>
    step.node('Slice', [of, bound(part * embedDim), bound((part + 1) * embedDim), bound(axis)]);
  const weight = step.node('Transpose', [step.parameter(in_proj_weight, 'in_proj_weight')], {
    perm: [1, 0],
  });
  const bias = in_proj_bias && step.parameter(in_proj_bias, 'in_proj_bias');
  /** [N, heads, steps, width], or its last axes the other way round. */
  const heads = (tensor: Name, part: number, perm: readonly number[]): Name => {
    const x = batchFirst ? tensor : step.node('Transpose', [tensor], TURN[1]);
    const product = step.node('MatMul', [x, third(weight, part, 1)]);
    const projected = bias ? step.node('Add', [product, third(bias, part, 0)]) : product;
    const shape = step.integers('heads', [0, 0, numHeads, width]);
    return step.node('Transpose', [step.node('Reshape', [projected, shape])], { perm });
  };
  const q = heads(query, 0, [0, 2, 1, 3]);
  const k = heads(key, 1, [0, 2, 3, 1]);
  const v = heads(value, 2, [0, 2, 1, 3]);
  const scaled = step.node('Mul', [q, step.scalar('scale', 1 / Math.sqrt(width))]);
  let scores = step.node('MatMul', [scaled, k]);
  if (causal) {
    // −∞ above the diagonal, else 0.
    const sizes = step.node('Shape', [scores], { start: -2 });
    const low = step.node('Expand', [step.scalar('low', -Infinity), sizes]);
    const diagonal = step.integers('diagonal', [1], []);
    scores = step.node('Add', [scores, step.node('Trilu', [low, diagonal], { upper: 1 })]);
  }
  if (mask !== undefined) {
    const numbers = step.node('Cast', [mask], { to: FLOAT });
    const kept = step.node('Equal', [numbers, step.scalar('zero', 0)]);
    const each = step.node('Unsqueeze', [kept, step.integers('axes', [1, 2])]);
    scores = step.node('Where', [each, scores, step.scalar('low', -Infinity)]);
  }
  const mixed = step.node('MatMul', [step.node('Softmax', [scores], { axis: -1 }), v]);
  const turned = step.node('Transpose', [mixed], { perm: [0, 2, 1, 3] });
  const wide = step.node('Reshape', [turned, step.integers('shape', [0, 0, embedDim])]);
  const last = step.node('Transpose', [step.parameter(out_proj.weight, 'out_proj.weight')], {
    perm: [1, 0],
  });
  const links: Link[] = [['MatMul', {}, [last]]];
  if (out_proj.bias) links.push(['Add', {}, [step.parameter(out_proj.bias, 'out_proj.bias')]]);
  if (!batchFirst) links.push(TURN);
  return chain(step, wide, links);
}
