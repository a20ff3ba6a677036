import { GraphModule } from '../module/graphmodule.ts';
import { describe } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { ownShape, type Shape, shapeText } from '../tensor/shape.ts';
import { foldNode } from './constants.ts';
import { type Computed, isComputed, isConstant, Steps, type Value } from './graph.ts';
import { readNode } from './importers.ts';
import { readMatMul } from './importweights.ts';
import { matchPattern } from './patterns.ts';
import { NodeReading, quoted } from './reading.ts';
import type { Message } from './schema.ts';
import { constantOf, FLOAT, isFloat } from './tensors.ts';
import { decode } from './wire.ts';

/** The versions of ONNX's operators that `fromONNX` reads. */
const OPSETS = [1, 23] as const;
/** What a free extent is while a file is read: a number that no other extent is likely to be. */
const SAMPLES = 7;

export interface FromONNXOptions {
  /**
   * The shape of the input, or an array of shapes for several inputs. Needed if the file leaves more open than
   * the number of samples. Default what the file says.
   */
  inputShape?: Shape | readonly Shape[];
  /** The name of the tensor that the model gives. Default the file's first output. */
  output?: string;
}

/**
 * Reads an ONNX file as a model that predicts and trains.
 *
 * ```ts
 * const model = fromONNX(await readFile('model.onnx'));
 * const logits = model.predict(images);
 * ```
 *
 * Each operator becomes a layer, and operators that compute a layer together (a GELU, a LayerNorm) become that
 * layer. Layers are named after their weights, so that a model that PyTorch exported has PyTorch's state-dict
 * keys, else after their nodes. Nodes that read the same weights share a layer. Arithmetic with constants is a
 * `Normalization`, which is not trained. Padding that differs from side to side is a layer of its own. The first
 * axis of every input counts samples, and stays free. The model is in training mode, as every new model:
 * batch norms use the statistics of the batch until `eval()`, and their running variance is `'biased'`, as
 * in ONNX. docs/onnx.md lists the operators.
 *
 * @param bytes the file; weights must be in it, not beside it
 * @throws TypeError for what holds no bytes and for options of another kind
 * @throws RangeError for bytes that are no ONNX file, and for an operator or attribute that evenkeel has no
 *   layer for, with the name of its node. Reading takes memory in proportion to the file.
 */
export function fromONNX(
  bytes: Uint8Array | ArrayBuffer,
  ...rest: [options?: FromONNXOptions | undefined]
): GraphModule {
  const options = optionsOf('fromONNX', rest, { inputShape: undefined, output: undefined });
  if (options.output !== undefined && typeof options.output !== 'string') {
    throw new TypeError(
      `fromONNX: output expected the name of a tensor, got ${describe(options.output)}`,
    );
  }
  const reader = new FileReading(modelOf(bytes), options.output);
  try {
    return reader.read(shapesOf(options.inputShape));
  } catch (error) {
    reader.steps.dispose();
    throw error;
  }
}

function modelOf(bytes: unknown): Message<'Model'> {
  const buffer = Object.prototype.toString.call(bytes).slice(8, -1);
  const isBuffer = buffer === 'ArrayBuffer' || buffer === 'SharedArrayBuffer';
  if (!isBuffer && !ArrayBuffer.isView(bytes))
    throw new TypeError(
      `fromONNX: file expected as a Uint8Array or ArrayBuffer, got ${describe(bytes)}`,
    );
  const view = isBuffer
    ? new Uint8Array(bytes as ArrayBuffer)
    : new Uint8Array(
        (bytes as Uint8Array).buffer,
        (bytes as Uint8Array).byteOffset,
        (bytes as Uint8Array).byteLength,
      );
  try {
    return decode('Model', view);
  } catch (cause) {
    const text = quoted((cause as Error).message);
    throw new RangeError(
      `fromONNX: file expected an ONNX model, got bytes that are none (${text})`,
      {
        cause,
      },
    );
  }
}

function shapesOf(given: Shape | readonly Shape[] | undefined): readonly Shape[] | undefined {
  if (given === undefined) return undefined;
  const list = Array.isArray(given) && Array.isArray(given[0]) ? given : [given];
  return list.map((shape) => ownShape('fromONNX: inputShape', shape));
}

class FileReading {
  readonly steps = new Steps();
  private readonly values = new Map<string, Value>();
  private readonly makers = new Map<string, Message<'Node'>>();
  /** How often each tensor is read, and the last node that reads it. */
  private readonly reads = new Map<string, number>();
  private readonly lastReader = new Map<string, Message<'Node'>>();
  private readonly graph: Message<'Graph'>;
  private readonly opset: number;
  /** The initializers that constants were made of, by which layers are named. */
  private readonly origins = new Map<string, string>();
  /** Nodes that an earlier one has taken in. */
  private readonly done = new Set<Message<'Node'>>();

  constructor(
    model: Message<'Model'>,
    private readonly output: string | undefined,
  ) {
    const { graph, opsetImport } = model;
    if (!graph) throw new RangeError('fromONNX: file expected an ONNX model, got no graph');
    this.graph = graph;
    const standard = opsetImport.find(({ domain = '' }) => domain === '' || domain === 'ai.onnx');
    const { version = 0 } = standard ?? {};
    const [least, most] = OPSETS;
    if (!(version >= least && version <= most)) {
      throw new RangeError(
        `fromONNX: opset expected from ${least} to ${most}, got ${standard ? version : 'none'}: ` +
          'convert it with onnx.version_converter',
      );
    }
    this.opset = version;
  }

  read(shapes: readonly Shape[] | undefined): GraphModule {
    const { graph, values } = this;
    for (const tensor of graph.initializer) {
      const name = tensor.name ?? '';
      this.define(name, constantOf(`fromONNX: initializer ${quoted(name)}`, tensor));
    }
    const inputs = graph.input.filter(({ name = '' }) => !values.has(name));
    if (inputs.length === 0)
      throw new RangeError('fromONNX: graph expected with an input, got none');
    if (shapes && shapes.length !== inputs.length) {
      throw new RangeError(
        `fromONNX: inputShape expected for ${inputs.length} inputs, got ${shapes.length}`,
      );
    }
    const names = inputs.map((input, i) => {
      const name = this.steps.input(quoted(input.name || 'x'));
      const type = input.type?.tensorType?.elemType ?? FLOAT;
      const whole = isFloat(type) ? undefined : 'input';
      this.define(input.name ?? '', { name, shape: shapes?.[i] ?? declared(input), whole });
      return name;
    });
    for (const node of graph.node) {
      for (const name of node.input) {
        this.reads.set(name, (this.reads.get(name) ?? 0) + 1);
        this.lastReader.set(name, node);
      }
    }
    for (const { name = '' } of graph.output) this.reads.set(name, (this.reads.get(name) ?? 0) + 1);
    for (const [i, node] of graph.node.entries()) this.readOne(node, i);
    const output = this.outputOf();
    const steps = this.steps.upTo(output.name);
    return new GraphModule(steps, { inputs: names, output: steps.at(-1)?.name ?? output.name });
  }

  private outputOf(): Computed {
    const wanted = this.output ?? this.graph.output[0]?.name;
    const value = wanted === undefined ? undefined : this.values.get(wanted);
    if (value && 'error' in value) throw value.error;
    if (isComputed(value)) return value;
    throw new RangeError(
      `fromONNX: output expected the name of a computed tensor, got ${quoted(wanted ?? 'none')}`,
    );
  }

  private define(name: string, value: Value): void {
    if (name === '' || this.values.has(name)) {
      throw new RangeError(
        `fromONNX: expected each tensor once and with a name, got '${quoted(name)}'`,
      );
    }
    this.values.set(name, value);
  }

  private readOne(node: Message<'Node'>, index: number): void {
    if (this.done.has(node)) return;
    const inputs = node.input.map((name) => {
      if (name === '') return undefined;
      const value = this.values.get(name);
      if (value) return value;
      throw new RangeError(
        `fromONNX: node ${index}: input ${quoted(name)} expected to be made before it is read`,
      );
    });
    const name = `${(node.opType ?? '').toLowerCase()}_${index}`;
    const used = new Set([...node.output].filter((each) => this.reads.has(each)));
    const place = { name: quoted(name), index };
    const isBatchNorm = node.opType === 'BatchNormalization';
    const reading = new NodeReading(
      node,
      this.opset,
      place,
      inputs,
      used,
      this.origins,
      this.steps,
    );
    const [first = '', ...others] = node.output;
    let target = first;
    let value: Value;
    try {
      const vector = node.opType === 'MatMul' ? this.vectorAdded(first, inputs[1]) : undefined;
      if (vector) target = vector.target;
      this.makers.set(first, node);
      value =
        foldNode(reading) ??
        matchPattern(reading, {
          maker: (n) => this.makers.get(n),
          value: (n) => this.values.get(n),
        }) ??
        (vector ? readMatMul(reading, vector) : readNode(reading));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      value = { error: firstError(inputs) ?? error };
    }
    if (isConstant(value) && node.input[0]) {
      this.origins.set(first, this.origins.get(node.input[0]) ?? node.input[0]);
    }
    if (first !== '' || target !== '') this.define(target, value);
    for (const [i, other] of others.entries()) {
      if (other === '') continue;
      const given = reading.further.get(i + 1);
      if (given) {
        this.define(other, given);
        continue;
      }
      // What a batch norm in training mode gives besides y are the statistics that its layer keeps.
      const what = isBatchNorm ? 'statistics are in the layer' : 'has no layer that gives it';
      const missing = reading.unsupported(`output ${quoted(other)} ${what}`);
      const error = 'error' in value ? value.error : missing;
      this.define(other, { error });
    }
  }

  /** A vector of the file that the only reader of a product adds to it: a Linear's bias. */
  private vectorAdded(product: string, weight: Value | undefined) {
    const next = this.lastReader.get(product);
    if (this.reads.get(product) !== 1 || next?.opType !== 'Add' || next.input.length !== 2)
      return undefined;
    const values = this.values.get(next.input.find((each) => each !== product) ?? '');
    if (!isConstant(values) || !isConstant(weight) || weight.shape.length !== 2) return undefined;
    if (values.shape.join() !== `${weight.shape[1]}` || !next.output[0]) return undefined;
    this.done.add(next);
    return { values, target: next.output[0] };
  }
}

/** Why an input is not there. */
function firstError(inputs: readonly (Value | undefined)[]): Error | undefined {
  for (const input of inputs) if (input && 'error' in input) return input.error;
  return undefined;
}

/** The shape that a file declares for an input. An open first axis is the number of samples. */
function declared({ name = '', type }: Message<'ValueInfo'>): Shape {
  const dims = type?.tensorType?.shape?.dim;
  if (!dims) {
    throw new RangeError(
      `fromONNX: input ${quoted(name)} expected with a shape, got none: pass { inputShape }`,
    );
  }
  if (dims.length > 16)
    throw new RangeError(`fromONNX: input ${quoted(name)} expected with fewer axes`);
  const shape = dims.map(({ dimValue }, axis) => dimValue || (axis === 0 ? SAMPLES : 0));
  if (shape.every((extent) => Number.isInteger(extent) && extent > 0 && extent <= 0x40000000))
    return shape;
  throw new RangeError(
    `fromONNX: input ${quoted(name)} expected with lengths of all axes but the first, got ` +
      `${shapeText(shape.map((extent) => (extent > 0 ? extent : -1)))}: pass { inputShape }`,
  );
}
