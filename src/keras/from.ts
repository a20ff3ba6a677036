import type { GraphModule } from '../module/graphmodule.ts';
import { parseJson } from '../state/json.ts';
import { optionsOf } from '../tensor/options.ts';
import { sizeOf } from '../tensor/shape.ts';
import { toFirst, toLast } from './axes.ts';
import { Builder, Call, type Dim, type Value } from './builder.ts';
import { type Fields, fault, kindOf, named, own } from './fields.ts';
import { graphOfModel, type Node } from './graph.ts';
import { LAYERS, readerOf } from './layers/readers.ts';
import { remember } from './remembered.ts';
import { readModel } from './topology.ts';
import { joinShards, readWeights, WeightIndex } from './weights.ts';

export interface FromLayersModelOptions {
  /**
   * The axes of images, in inputs and output. 'NCHW', the default: ours, channels in front. 'NHWC': the model's
   * own, at the price of moving the numbers of each input.
   */
  layout?: 'NCHW' | 'NHWC';
  /**
   * Keras's shape of the input without the batch, such as `[224, 224, 3]`, for models that leave sizes open;
   * for several inputs an array of shapes.
   */
  inputShape?: readonly number[] | readonly (readonly number[])[];
  /** Which output, by the name of its layer or by index; for models that have several. */
  output?: string | number;
}

const WHO = 'fromLayersModel';

/** How deep the JSON may be: a model of 32 levels of models needs 130. */
const DEPTH = 200;

/**
 * Builds a model from a layers model of Keras or TensorFlow.js: `model.json` and its shards. The result predicts
 * what Keras's does, and trains on.
 *
 * ```ts
 * const modelJson = await (await fetch('model/model.json')).json();
 * const shards = modelJson.weightsManifest.flatMap(({ paths }) => paths);
 * const load = async (path) => (await fetch(`model/${path}`)).arrayBuffer();
 * const model = fromLayersModel(modelJson, await Promise.all(shards.map(load)));
 * ```
 *
 * Images are [N, C, H, W] and signals [N, C, L], unless `layout` is 'NHWC' or the model has channels in front
 * itself; [N, T, features] that a Dense or LayerNormalization reads stays as it is. State-dict keys are the
 * names of Keras's layers with PyTorch's names of parameters: `conv1.weight`, `bn1.running_mean`.
 * docs/keras.md lists the layers.
 *
 * @param modelJson what model.json holds: an object, or the text or bytes of the file
 * @param weights the shards in the order of the manifest, or all of their bytes in one ArrayBuffer
 * @throws TypeError if an argument is of another kind
 * @throws RangeError if the files are not a layers model, for a layer or option that ours has no layer for
 *   (with its name in the model), if weights are missing or left over, and for several outputs without `output`
 */
export function fromLayersModel(
  modelJson: object | string,
  weights: ArrayBuffer | ArrayBufferView | readonly (ArrayBuffer | ArrayBufferView)[],
  ...rest: [options?: FromLayersModelOptions | undefined]
): GraphModule {
  const { layout, inputShape, output } = optionsOf(WHO, rest, {
    layout: ['NCHW', 'NHWC'],
    inputShape: undefined,
    output: undefined,
  });
  if (!['string', 'number', 'undefined'].includes(typeof output)) {
    throw new TypeError(`${WHO}: output expected a name or an index, got ${kindOf(output)}`);
  }
  const json = jsonOf(modelJson);
  const bytes = joinShards(WHO, weights);
  if (own(json, 'format') === 'graph-model') {
    throw new RangeError(
      `${WHO}: modelJson expected a layers model, got a graph model, which has no layers: convert the Keras ` +
        'model with --output_format tfjs_layers_model',
    );
  }
  const topology = own(json, 'modelTopology');
  const config = own(topology, 'model_config') ?? topology;
  if (typeof config !== 'object') {
    throw fault(`${WHO}: modelJson`, '{ modelTopology, weightsManifest }, as in model.json', json);
  }
  const index = new WeightIndex(readWeights(WHO, own(json, 'weightsManifest') ?? [], bytes));
  const { inputs, output: end, order } = graphOfModel(WHO, readModel(WHO, config), output);
  const builder = new Builder(WHO, index, order, isTensorFlowJs(topology));
  const values = new Map<Node, Value>();
  const shapes = inputShapes(inputs, inputShape);
  const first = order.some(({ layer }) => layer.fields.get('data_format') === 'channels_first');
  for (const [i, node] of inputs.entries()) {
    const shape = shapes[i]!;
    const moved = layout === 'NCHW' && wantsMoved(node, shape.length, first);
    values.set(node, { name: node.name, shape, order: moved ? 'moved' : 'keras' });
  }
  const calls = new Map<string, number>();
  for (const { name } of order) calls.set(name, (calls.get(name) ?? 0) + 1);
  for (const node of order) {
    if (values.has(node)) continue;
    const { className, fields } = node.layer;
    const reader = readerOf(className);
    if (!reader) throw unsupported(fields.place);
    const given = node.inputs.map((input) => values.get(input)!);
    const call = new Call(builder, node, calls.get(node.name)! > 1, given);
    const value = reader.read(call, onlyDense(node, end, calls));
    for (const dim of value.shape) if (dim !== null) checkSize(fields, value, dim);
    values.set(node, value);
  }
  const unused = output === undefined ? index.unused : [];
  if (unused.length > 0) {
    throw new RangeError(
      `${WHO}: weights expected for the model's layers alone, got others: ` +
        unused.slice(0, 5).map(named).join(', '),
    );
  }
  const last = values.get(end)!;
  const rank = last.shape.length + 1;
  let { name } = last;
  if (layout === 'NHWC' && last.order === 'moved') name = builder.output(last, toLast(rank));
  else if (layout === 'NCHW' && last.order === 'keras' && rank > 3 && !first) {
    name = builder.output(last, toFirst(rank));
  }
  const model = builder.build({ inputs: inputs.map(({ name }) => name), output: name });
  remember(
    model,
    inputs.map((node) => values.get(node)!),
  );
  return model;
}

function jsonOf(modelJson: unknown): unknown {
  const text = typeof modelJson === 'string' || ArrayBuffer.isView(modelJson);
  if (!text && (typeof modelJson !== 'object' || modelJson === null || Array.isArray(modelJson))) {
    throw new TypeError(`${WHO}: modelJson expected an object or a text, got ${kindOf(modelJson)}`);
  }
  return text ? parseJson(`${WHO}: modelJson`, modelJson as string | Uint8Array, DEPTH) : modelJson;
}

/** TensorFlow.js writes its own version in place of Keras's. */
function isTensorFlowJs(topology: unknown): boolean {
  const version = own(topology, 'keras_version');
  return typeof version === 'string' && version.startsWith('tfjs');
}

function unsupported(place: string): RangeError {
  return new RangeError(
    `${place} expected a layer that is supported, got another: there are ${LAYERS.join(', ')}`,
  );
}

function checkSize(fields: Fields, { shape }: Value, dim: number): void {
  const known = shape.filter((length): length is number => length !== null);
  if (Number.isInteger(dim) && dim > 0 && sizeOf(known) <= 0x40000000) return;
  throw fault(
    `${fields.place}: output`,
    'lengths from 1 on, at most 2³⁰ numbers',
    shape.join(' × '),
  );
}

/** The shapes of the inputs without the batch: the caller's, or the file's. */
function inputShapes(inputs: readonly Node[], given: unknown): Dim[][] {
  const lists: unknown = Array.isArray(given) && !Array.isArray(given[0]) ? [given] : given;
  if (given !== undefined && !(Array.isArray(lists) && lists.length === inputs.length)) {
    throw new TypeError(
      `${WHO}: inputShape expected a shape for each of ${inputs.length} inputs, got ${kindOf(given)}`,
    );
  }
  return inputs.map(({ layer: { fields } }, i) => {
    const own = fields.get('batch_input_shape') ?? fields.get('batch_shape');
    const batch: unknown[] | undefined = Array.isArray(own) ? own.slice(1) : undefined;
    const file = batch ?? fields.get('input_shape') ?? fields.get('shape');
    const shape = (lists as unknown[] | undefined)?.[i] ?? file;
    const good = (dim: unknown): boolean =>
      dim === null ||
      (Number.isInteger(dim) && (dim as number) > 0 && (dim as number) <= 0x40000000);
    if (!Array.isArray(shape) || shape.length === 0 || shape.length > 4 || !shape.every(good)) {
      throw fault(`${fields.place}: shape of the input`, 'from 1 to 4 lengths', shape);
    }
    return shape as Dim[];
  });
}

/**
 * Whether ours takes an input with channels in front: images, unless the model has them there itself; signals if
 * the first layers that are not indifferent slide over them.
 *
 * @param first whether there are layers for which Keras has the channels in front
 */
function wantsMoved(input: Node, rank: number, first: boolean): boolean {
  if (rank === 1) return false;
  if (rank > 2 && !first) return true;
  const seen = new Set<Node>([input]);
  for (const node of seen) {
    for (const consumer of node.consumers) {
      const { className, fields } = consumer.layer;
      const wish = readerOf(className)?.wish;
      if (wish === 'channels') return fields.get('data_format') !== 'channels_first';
      if (wish === 'keras') return false;
      if (wish === 'any') seen.add(consumer);
    }
  }
  return rank > 2;
}

/** Whether every way from a node leads to a Dense of one call, through layers whose features may change places. */
function onlyDense(from: Node, end: Node, calls: ReadonlyMap<string, number>): boolean {
  if (from.layer.className !== 'Flatten') return false;
  const seen = new Set<Node>([from]);
  for (const node of seen) {
    if (node === end || node.consumers.length === 0) return false;
    for (const consumer of node.consumers) {
      const { className } = consumer.layer;
      const alone = calls.get(consumer.name) === 1;
      const softmax =
        className === 'Activation' && consumer.layer.fields.get('activation') === 'softmax';
      if (!alone || softmax) return false;
      if (className === 'Dense') continue;
      if (!readerOf(className)?.permutes) return false;
      seen.add(consumer);
    }
  }
  return true;
}
