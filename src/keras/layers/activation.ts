/** Activations: as layers, and as the `activation` of other layers. */
import type { Call, Value } from '../builder.ts';
import { own } from '../fields.ts';
import type { Kind } from '../kinds.ts';

type Steps = readonly (readonly [kind: Kind, ...args: unknown[]])[];

/** The activations by Keras's names: which layers of ours they are. */
const ACTIVATIONS: Record<string, (value: Value) => Steps> = {
  linear: () => [],
  relu: () => [['ReLU']],
  relu6: () => [['ReLU6']],
  leaky_relu: () => [['LeakyReLU', 0.2]],
  sigmoid: () => [['Sigmoid']],
  // max(0, min(1, 0.2·x + 0.5)), in TensorFlow.js and Keras 2
  hard_sigmoid: () => [
    ['Rescaling', 0.2, 0.5],
    ['Hardtanh', 0, 1],
  ],
  tanh: () => [['Tanh']],
  elu: () => [['ELU']],
  selu: () => [['SELU']],
  softplus: () => [['Softplus']],
  softsign: () => [['Softsign']],
  swish: () => [['SiLU']],
  silu: () => [['SiLU']],
  gelu: () => [['GELU']],
  gelu_new: () => [['GELU', { approximate: 'tanh' }]],
  mish: () => [['Mish']],
  hard_swish: () => [['Hardswish']],
  hard_silu: () => [['Hardswish']],
  softmax: (value) => [['Softmax', axisOf(value, -1)]],
  log_softmax: (value) => [['LogSoftmax', axisOf(value, -1)]],
};

/** An axis of Keras's, which counts the batch, in ours. */
export function axisOf({ shape, order }: Value, axis: number): number {
  const last = shape.length;
  const at = axis < 0 ? axis + last + 1 : axis;
  if (order === 'keras' || at === 0) return at;
  return at === last ? 1 : at + 1;
}

/** The layer's activation on what it gives. */
export function activated(call: Call, value: Value, name = 'activation'): Value {
  const word = wordOf(call, name);
  const find = Object.hasOwn(ACTIVATIONS, word) ? ACTIVATIONS[word] : undefined;
  if (!find) throw call.fields.fault(name, `one of ${Object.keys(ACTIVATIONS).join(', ')}`, word);
  const layer = call.node.layer.className === 'Activation';
  return chain(call, value, find(value), layer ? '' : 'activation');
}

/** An activation is a name, or in Keras 3 an object around it. */
function wordOf(call: Call, name: string): string {
  const given = call.fields.get(name) ?? 'linear';
  const word = typeof given === 'object' ? own(given, 'config') : given;
  if (typeof word !== 'string') throw call.fields.fault(name, 'the name of an activation', word);
  return word;
}

function chain(call: Call, value: Value, steps: Steps, part: string): Value {
  let result = value;
  for (const [i, [kind, ...args]] of steps.entries()) {
    const own = steps.length > 1 ? `${part}${i}` : part;
    result = { ...result, name: call.step(own, kind, args, [result]) };
  }
  return result;
}

export function readActivation(call: Call): Value {
  return activated(call, call.input());
}

/** ReLU with its options: y = max_value above it, x above the threshold, else slope·(x − threshold). */
export function readReLU(call: Call): Value {
  const { fields } = call;
  const most = fields.has('max_value') ? fields.number('max_value', 0) : Infinity;
  const slope = fields.number('negative_slope', 0);
  const threshold = fields.number('threshold', 0);
  if (most < Infinity && (slope !== 0 || threshold !== 0)) {
    throw fields.fault('max_value', 'none beside a slope or threshold', most);
  }
  const value = call.input();
  if (threshold !== 0) return chain(call, value, [['LeakyReLU', slope, { threshold }]], '');
  if (slope !== 0) return chain(call, value, [['LeakyReLU', slope]], '');
  if (most === Infinity) return chain(call, value, [['ReLU']], '');
  return chain(call, value, [most === 6 ? ['ReLU6'] : ['Hardtanh', 0, most]], '');
}

export function readLeakyReLU(call: Call): Value {
  const slope = call.fields.number('negative_slope', call.fields.number('alpha', 0.3));
  return chain(call, call.input(), [['LeakyReLU', slope]], '');
}

export function readELU(call: Call): Value {
  return chain(call, call.input(), [['ELU', call.fields.number('alpha', 1)]], '');
}

/** PReLU has one slope for each position, unless it shares axes: ours has one for each channel. */
export function readPReLU(call: Call): Value {
  const value = call.input();
  const { shape } = value;
  const shared = call.fields.integers('shared_axes', []);
  const slopes = shape.map((dim, i) => (shared.includes(i + 1) ? 1 : call.known(dim, 'size')));
  const channels = slopes.at(-1)!;
  if (slopes.slice(0, -1).some((length) => length > 1)) {
    throw call.fields.fault('shared_axes', 'all axes but the channels', shared);
  }
  const ordered = call.reorder(value, 'moved');
  const state = { weight: [[channels], call.weight('alpha', slopes)] as const };
  return { ...ordered, name: call.step('', 'PReLU', [channels], [ordered], { state }) };
}

export function readSoftmax(call: Call): Value {
  const value = call.input();
  const [axis, ...more] = call.fields.integers('axis', -1);
  const at = axis! < 0 ? axis! + value.shape.length + 1 : axis!;
  if (more.length > 0 || at < 1 || at > value.shape.length) {
    throw call.fields.fault('axis', 'one of the axes behind the batch', axis);
  }
  return chain(call, value, [['Softmax', axisOf(value, at)]], '');
}
