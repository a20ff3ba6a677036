/** ONNX's own tests of operators: a model, its inputs and what it must give. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrossEntropyLoss, type GraphModule, Tensor } from '../../src/index.ts';
import { fromONNX } from '../../src/onnx/index.ts';
import type { Draft, Message } from '../../src/onnx/schema.ts';
import { constantOf } from '../../src/onnx/tensors.ts';
import { decode, encode } from '../../src/onnx/wire.ts';

/** Where Debian's libonnx-testdata puts them. */
export const DATA = '/usr/share/libonnx-testdata/data';

/** Operators whose second input is another tensor of the network rather than a weight. */
const SYMMETRIC = /^(Add|Mul|Sub|Div|Sum|Concat|Max|Min|Mean|Pow)$/;

/** A test's files. */
export interface NodeTest {
  readonly model: Uint8Array;
  readonly inputs: readonly Message<'Tensor'>[];
  readonly outputs: readonly Message<'Tensor'>[];
}

export function readTest(folder: string): NodeTest {
  const data = join(folder, 'test_data_set_0');
  const read = (kind: string) => {
    const files = readdirSync(data).filter((file) => file.startsWith(`${kind}_`));
    const number = (file: string) => Number(/\d+/.exec(file)![0]);
    return files
      .sort((a, b) => number(a) - number(b))
      .map((file) => decode('Tensor', readFileSync(join(data, file))));
  };
  return {
    model: readFileSync(join(folder, 'model.onnx')),
    inputs: read('input'),
    outputs: read('output'),
  };
}

/**
 * Runs a test: the weights of a node test are inputs of its graph, and become values of the file here.
 *
 * @throws Error if the model is not read, or gives other values
 */
export function runTest({ model, inputs, outputs }: NodeTest): void {
  const file = decode('Model', model);
  const graph = file.graph!;
  const given = new Set(graph.initializer.map(({ name }) => name));
  const open = graph.input.filter(({ name }) => !given.has(name));
  const ops = graph.node.map(({ opType = '' }) => opType);
  const computed = ops.some((op) => SYMMETRIC.test(op)) ? open.length : 1;
  const weights = inputs
    .slice(computed)
    .map((tensor, i) => ({ ...tensor, name: open[computed + i]!.name }));
  const bytes = encode('Model', {
    ...file,
    graph: {
      ...graph,
      initializer: [...graph.initializer, ...weights],
      input: open.slice(0, computed),
    },
  } as Draft<'Model'>);
  const network = fromONNX(bytes);
  try {
    const training = graph.node.some(({ attribute }) =>
      attribute.some(({ name, i }) => name === 'training_mode' && i === 1),
    );
    const x = inputs.slice(0, computed).map(tensorOf);
    const y = training ? network.train().forward(x).clone() : network.predict(x);
    compare('output', y, outputs[0]!);
    if (training) compareStatistics(network, outputs);
  } finally {
    network.dispose();
  }
}

/**
 * Softmax cross-entropy is a loss of evenkeel, not a layer: the test's numbers through `CrossEntropyLoss`.
 *
 * @throws Error for a reduction that it does not have, or if it gives another value
 */
export function runLoss({ model, inputs, outputs }: NodeTest): void {
  const node = decode('Model', model).graph!.node[0]!;
  const attribute = (name: string) => node.attribute.find((each) => each.name === name);
  const reduction =
    new TextDecoder().decode(attribute('reduction')?.s ?? new Uint8Array()) || 'mean';
  if (reduction !== 'mean' && reduction !== 'sum') throw new Error(`no reduction ${reduction}`);
  const [scores, targets, weight] = inputs.map((input) => constantOf('test', input));
  const ignoreIndex = attribute('ignore_index')?.i;
  const loss = new CrossEntropyLoss({
    reduction,
    ...(weight && { weight: weight.values }),
    ...(ignoreIndex !== undefined && { ignoreIndex }),
  });
  const x = Tensor.from(scores!.values, scores!.shape);
  const value = loss.forward(x, { data: targets!.values, shape: targets!.shape });
  compare('loss', Tensor.from([value], []), outputs[0]!);
}

/** The running statistics that a batch norm in training mode gives besides y. */
function compareStatistics(
  network: GraphModule,
  [, mean, variance]: readonly Message<'Tensor'>[],
): void {
  const state = Object.entries(network.stateDict());
  const entry = (name: string) => state.find(([key]) => key.endsWith(name))![1];
  compare('running mean', entry('running_mean'), mean!);
  compare('running variance', entry('running_var'), variance!);
}

function tensorOf(tensor: Message<'Tensor'>): Tensor {
  const { shape, values } = constantOf('test', tensor);
  return Tensor.from(values, shape);
}

/** As ONNX's own runner: within 1e-3 of the value, or 1e-7. Ours is 1e-5 of the value, or of 1. */
function compare(what: string, got: Tensor, wanted: Message<'Tensor'>): void {
  const expected = tensorOf(wanted);
  if (got.shape.join() !== expected.shape.join())
    throw new Error(`${what}: shape [${got.shape}], not [${expected.shape}]`);
  const [a, b] = [got.toArray(), expected.toArray()];
  for (const [i, value] of b.entries()) {
    const off = Math.abs(a[i]! - value);
    if (Object.is(a[i], value) || a[i] === value || off <= 1e-5 * Math.max(1, Math.abs(value)))
      continue;
    throw new Error(`${what}: at ${i} ${a[i]}, not ${value}`);
  }
}

/** The operators of a file. */
export function operatorsOf(model: Uint8Array): string[] {
  return decode('Model', model).graph!.node.map(({ opType = '' }) => opType);
}

/** What a test is of: its first operator, without constants. */
export function subjectOf(model: Uint8Array): string {
  return operatorsOf(model).find((op) => op !== 'Constant') ?? 'Constant';
}
