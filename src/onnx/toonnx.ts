import { fold as folded } from '../analysis/fold.ts';
import { listSteps, type ModelGraph, type TracedStep } from '../analysis/graphof.ts';
import { OperationCall } from '../analysis/operationcall.ts';
import { Reparametrized } from '../layers/norm/reparametrized.ts';
import type { Module } from '../module/module.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import { GraphDraft, type Name } from './draft.ts';
import { exporterOf } from './exporters.ts';
import { writeOperation } from './exportoperations.ts';
import type { Draft } from './schema.ts';
import { type Dimension, StepDraft } from './step.ts';
import { FLOAT, INT64 } from './tensors.ts';
import { encode } from './wire.ts';

/** The version of ONNX's operators that `toONNX` writes: that of ONNX 1.16, which ONNX Runtime has from 1.18 on. */
export const OPSET = 21;
/** The version of the file format that belongs to it. */
const IR_VERSION = 10;

export interface ToONNXOptions {
  /** The shape of the input, or an array of shapes for several inputs, the number of samples included. */
  inputShape: Shape | readonly Shape[];
  /** Whether batch norms are folded into the weights beside them, as `fold` does. Default false. */
  fold?: boolean;
  /** Whether the file takes any number of samples, rather than that of `inputShape`. Default true. */
  dynamicBatch?: boolean;
}

/**
 * Writes a model as an ONNX file, which ONNX Runtime and many other programs run.
 *
 * ```ts
 * const bytes = toONNX(model, { inputShape: [1, 3, 32, 32] });
 * await writeFile('model.onnx', bytes);
 * ```
 *
 * The file has the model's evaluation form, whatever its mode: batch norms have their running statistics,
 * `Dropout` is the identity, `WeightNorm` and `SpectralNorm` are the weight that they compute. It computes
 * what `model.predict` computes, to within rounding. Its operators are those of opset 21. Inputs are called
 * as in `graphOf`, x, or x0, x1 …, and indices, lengths and masks are int64; the output is called y. Weights have their state-dict keys, nodes the
 * names of their layers, and the documentation of a node says which layer it belongs to. The same model always
 * gives the same bytes.
 *
 * @returns the bytes of the file
 * @throws TypeError for a model that is none and for options of another kind
 * @throws RangeError if the model cannot take the shape, and for a layer that ONNX cannot express, such as a
 *   `Layer` of your own
 */
export function toONNX(model: Module, ...rest: [options: ToONNXOptions]): Uint8Array<ArrayBuffer> {
  const options = optionsOf('toONNX', rest, {
    inputShape: undefined,
    fold: false,
    dynamicBatch: true,
  });
  const shape = options.inputShape;
  if (shape === undefined) {
    throw new TypeError(
      'toONNX: inputShape expected the shape of the input, such as [1, 3, 32, 32], got undefined',
    );
  }
  if (!options.fold) return write(model, shape, options.dynamicBatch);
  const network = folded(model, shape);
  try {
    return write(network, shape, options.dynamicBatch);
  } finally {
    network.dispose();
  }
}

function write(
  model: Module,
  shape: Shape | readonly Shape[],
  dynamic: boolean,
): Uint8Array<ArrayBuffer> {
  const traced = listSteps('toONNX', model, shape, true, isWritten);
  const other = dynamic ? withMoreSamples(model, traced) : undefined;
  const keys = new Map(
    [...model.namedParameters(), ...model.namedBuffers()].map(([k, v]) => [v, k]),
  );
  const draft = new GraphDraft(keys);
  const names = new Map<string, Name>();
  const output = draft.unique('y');
  for (const input of traced.inputs) names.set(input, draft.unique(input));
  const extentsOf = (i: number) =>
    traced.steps[i]!.shape.map((extent, axis) =>
      other && other.steps[i]!.shape[axis] !== extent ? undefined : extent,
    );
  for (const [i, step] of traced.steps.entries()) {
    const inputs = step.inputs.map((name) => names.get(name)!);
    names.set(step.name, writeStep(draft, step, inputs, extentsOf(i)));
  }
  const last = names.get(traced.output)!;
  draft.node('Identity', [last], {}, { output, docString: `The output of ${model}` });
  const at = traced.steps.findIndex(({ name }) => name === traced.output);
  const inputExtents = (i: number) =>
    traced.inputShapes[i]!.map((extent, axis) => (other && axis === 0 ? undefined : extent));
  const outputExtents = at < 0 ? inputExtents(traced.inputs.indexOf(traced.output)) : extentsOf(at);
  return encode('Model', {
    irVersion: IR_VERSION,
    producerName: 'evenkeel',
    graph: {
      name: `${model}`,
      docString: 'The evaluation form: running statistics, no dropout.',
      node: draft.nodes,
      initializer: draft.initializers,
      input: traced.inputs.map((name, i) => {
        const type = traced.integers.has(name) ? INT64 : FLOAT;
        return valueInfo(names.get(name)!, inputExtents(i), type);
      }),
      output: [valueInfo(output, outputExtents, FLOAT)],
    },
    opsetImport: [{ domain: '', version: OPSET }],
  });
}

/** Whether a composite is written as one. */
const isWritten = (module: object) => exporterOf(module as Module) !== undefined;

/** The steps with one sample more: what changes depends on the number of samples. */
function withMoreSamples(model: Module, { inputShapes }: ModelGraph): ModelGraph {
  const more = inputShapes.map(([n = 0, ...others]) => [n + 1, ...others]);
  try {
    return listSteps('toONNX', model, more.length === 1 ? more[0]! : more, true, isWritten);
  } catch (cause) {
    throw new RangeError(
      `toONNX: input expected with any number of samples, got a model that takes ` +
        `${inputShapes.map(shapeText).join(' and ')} only: pass { dynamicBatch: false }`,
      { cause },
    );
  }
}

function writeStep(
  draft: GraphDraft,
  traced: TracedStep,
  inputs: readonly Name[],
  extents: readonly Dimension[],
): Name {
  const wrapper = traced.layer;
  if (wrapper instanceof Reparametrized) wrapper.update();
  const layer = wrapper instanceof Reparametrized ? wrapper.plain : wrapper;
  if (layer instanceof OperationCall) {
    return writeOperation(new StepDraft(draft, traced, inputs, extents), layer);
  }
  const exporter = exporterOf(layer);
  if (!exporter) {
    throw new RangeError(
      `toONNX: ${traced.name}: expected a layer that ONNX opset ${OPSET} can express, got ${layer}: ` +
        'build it of layers of evenkeel, or cut the model before it',
    );
  }
  return exporter(new StepDraft(draft, traced, inputs, extents), layer);
}

function valueInfo(
  name: Name,
  extents: readonly Dimension[],
  elemType: number,
): Draft<'ValueInfo'> {
  const dim = extents.map((extent) =>
    extent === undefined ? { dimParam: 'N' } : { dimValue: extent },
  );
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}
