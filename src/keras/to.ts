import { graphOf, type ModelGraph, type TracedStep } from '../analysis/graphof.ts';
import { Elementwise } from '../layers/activation/elementwise.ts';
import { BatchNorm1d } from '../layers/batchnorm/batchnorm.ts';
import { Concat } from '../layers/concat.ts';
import { Dropout } from '../layers/dropout.ts';
import { Linear } from '../layers/linear.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { Module } from '../module/module.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import type { Shape } from '../tensor/shape.ts';
import { WRITERS } from './export/images.ts';
import { isToFirst, isToLast } from './export/layers.ts';
import { type Out, refuse, Writer } from './export/writer.ts';
import { rememberedShapes } from './remembered.ts';

export interface ToLayersModelOptions {
  /**
   * The shape of the input, [N, C, H, W] or what the model takes, with any batch; for several inputs an array of
   * shapes. May be left out for models that come from `fromLayersModel` and for those that begin with a Linear.
   */
  inputShape?: Shape | readonly Shape[];
}

/** The contents of model.json. */
export interface LayersModelJson {
  readonly format: 'layers-model';
  readonly generatedBy: string;
  readonly convertedBy: null;
  readonly modelTopology: object;
  readonly weightsManifest: readonly {
    readonly paths: string[];
    readonly weights: readonly { name: string; shape: readonly number[]; dtype: 'float32' }[];
  }[];
}

export interface LayersModel {
  /** What belongs in model.json. */
  modelJson: LayersModelJson;
  /** What belongs in the only shard, weights.bin. */
  weights: ArrayBuffer;
}

const WHO = 'toLayersModel';

/**
 * Writes a model as a layers model, which TensorFlow.js and Keras read.
 *
 * ```ts
 * const { modelJson, weights } = toLayersModel(model, { inputShape: [1, 3, 32, 32] });
 * await writeFile('model/model.json', JSON.stringify(modelJson));
 * await writeFile('model/weights.bin', new Uint8Array(weights));
 * ```
 *
 * The result has channels last: where ours takes [N, C, H, W] it takes [N, H, W, C], and signals [N, L, C] for
 * ours [N, C, L] where convolutions or pooling read them. The rows of a Linear behind a Flatten change places
 * accordingly. Layers have their names in our model. A running variance is written as it is, biased or not.
 *
 * @throws TypeError if `model` is no Module
 * @throws RangeError for layers or options that Keras does not have, with their names in the model; and if the
 *   shape of the input is not known
 */
export function toLayersModel(
  model: Module,
  ...rest: [options?: ToLayersModelOptions | undefined]
): LayersModel {
  checkInstance(`${WHO}: model`, model, Module, 'a Module');
  const { inputShape } = optionsOf(WHO, rest, { inputShape: undefined });
  const shape = inputShape ?? rememberedShapes(model) ?? firstShape(model);
  if (!shape) {
    throw new RangeError(
      `${WHO}: ${model} expected the shape of its input, got none: pass { inputShape: [1, 3, 32, 32] }`,
    );
  }
  if (!Array.isArray(shape))
    throw new TypeError(`${WHO}: inputShape expected a shape such as [1, 784]`);
  const graph = graphOf(model, shape);
  const writer = new Writer();
  const values = new Map<string, Out>();
  const readers = readersOf(graph);
  for (const [i, name] of graph.inputs.entries()) {
    const own = graph.inputShapes[i]!.slice(1);
    const last = readers.get(name)?.every(({ layer }) => isToFirst(layer)) ?? false;
    const moved = !last && (own.length > 2 || (own.length === 2 && slides(name, readers)));
    const axes = moved ? [...own.slice(1), own[0]!] : own;
    values.set(name, writer.input(name, axes, moved ? 'moved' : 'same'));
  }
  for (const step of graph.steps) {
    const { layer } = step;
    const name = step.name.replace(/#\d+$/, '');
    const write = WRITERS.get(layer.constructor as never);
    if (!write) throw refuse({ layer, name }, 'a layer that it lacks');
    const inputs = step.inputs.map((input) => values.get(input)!);
    const onlyLinear = leadsToLinear(step.name, graph, readers);
    values.set(step.name, write({ writer, layer, name, step, inputs, x: inputs[0]!, onlyLinear }));
  }
  let output = values.get(graph.output)!;
  const last = graph.steps.at(-1)?.layer;
  if (output.order === 'same' && output.shape.length > 2 && !(last && isToLast(last))) {
    output = writer.ordered('output', output, 'moved');
  }
  return filesOf(writer, graph, values, output);
}

function filesOf(
  { layers, weights }: Writer,
  { inputs }: ModelGraph,
  values: ReadonlyMap<string, Out>,
  { ref: [layer, call] }: Out,
): LayersModel {
  const bytes = new ArrayBuffer(4 * weights.reduce((sum, { data }) => sum + data.length, 0));
  const view = new DataView(bytes);
  let at = 0;
  for (const { data } of weights) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  const config = {
    name: 'model',
    trainable: true,
    layers: layers.map(({ inbound_nodes, ...entry }) => ({
      ...entry,
      inbound_nodes,
    })),
    input_layers: inputs.map((name) => [values.get(name)!.ref[0], 0, 0]),
    output_layers: [[layer, call, 0]],
  };
  const specs = weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const }));
  return {
    modelJson: {
      format: 'layers-model',
      generatedBy: 'evenkeel',
      convertedBy: null,
      modelTopology: {
        class_name: 'Functional',
        config,
        keras_version: '2.15.0',
        backend: 'tensorflow',
      },
      weightsManifest: [{ paths: ['weights.bin'], weights: specs }],
    },
    weights: bytes,
  };
}

/** The input's shape of a model whose first layer is a Linear. */
function firstShape(model: Module): Shape | undefined {
  const first = model.namedModules().find(([, module]) => !module.isComposite)?.[1];
  return first instanceof Linear ? [1, first.inFeatures] : undefined;
}

/** Which steps read a tensor. */
function readersOf({ steps }: ModelGraph): Map<string, TracedStep[]> {
  const readers = new Map<string, TracedStep[]>();
  for (const step of steps) {
    for (const input of new Set(step.inputs))
      readers.set(input, [...(readers.get(input) ?? []), step]);
  }
  return readers;
}

/** Whether the layers that first read [N, C, L], elementwise ones aside, have its channels on axis 1. */
function slides(name: string, readers: ReadonlyMap<string, TracedStep[]>): boolean {
  const seen = new Set([name]);
  for (const at of seen) {
    for (const { layer, name: next } of readers.get(at) ?? []) {
      if (layer instanceof Linear || layer instanceof LayerNorm) return false;
      if (/^(Conv|MaxPool|AvgPool|Global|Adaptive|BatchNorm)/.test(`${layer}`)) return true;
      if (layer instanceof Elementwise || layer instanceof Dropout) seen.add(next);
    }
  }
  return false;
}

/** Whether only Linear layers that run once read what comes of a step, through layers that take any order. */
function leadsToLinear(
  name: string,
  { steps, output }: ModelGraph,
  readers: ReadonlyMap<string, TracedStep[]>,
): boolean {
  const once = (layer: Module): boolean =>
    steps.filter((step) => step.layer === layer).length === 1;
  const seen = new Set([name]);
  for (const at of seen) {
    const next = readers.get(at) ?? [];
    if (at === output || next.length === 0) return false;
    for (const { layer, name } of next) {
      if (!once(layer)) return false;
      if (layer instanceof Linear) continue;
      const any =
        layer instanceof Elementwise ||
        layer instanceof Dropout ||
        layer instanceof BatchNorm1d ||
        layer instanceof Concat;
      if (!any) return false;
      seen.add(name);
    }
  }
  return true;
}
