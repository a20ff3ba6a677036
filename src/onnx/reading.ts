/** A node that is being read, with its inputs and attributes checked as they are asked for. */
import type { Module } from '../module/module.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Computed, isComputed, isConstant, type Steps, type Value } from './graph.ts';
import type { Message } from './schema.ts';
import { type Constant, constantOf } from './tensors.ts';

/** Names and other texts of a file in an error, shortened. */
export function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would change the terminal
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, '?');
  return clean.length > 60 ? `${clean.slice(0, 57)}…` : clean;
}

export class NodeReading {
  private readonly attributes: Map<string, Message<'Attribute'>>;
  private readonly asked = new Set<string>();
  readonly op: string;
  /** The outputs beyond the first, by their place. */
  readonly further = new Map<number, Computed>();

  constructor(
    readonly node: Message<'Node'>,
    /** The version of the operators, and which of them this node is. */
    readonly opset: number,
    readonly place: { readonly name: string; readonly index: number },
    /** Undefined for an input that is left out. */
    readonly inputs: readonly (Value | undefined)[],
    /** The node's outputs that are used. */
    readonly used: ReadonlySet<string>,
    /** The initializers that constants were made of. */
    private readonly origins: ReadonlyMap<string, string>,
    private readonly steps: Steps,
  ) {
    this.op = node.opType ?? '';
    this.attributes = new Map(node.attribute.map((each) => [each.name ?? '', each]));
  }

  get who(): string {
    const { name = '' } = this.node;
    const where = name ? `node ${quoted(name)}` : `node ${this.place.index}`;
    return `fromONNX: ${where} (${quoted(this.op)}, opset ${this.opset})`;
  }

  /** The error for what evenkeel has no layer for. */
  unsupported(what: string, way = 'replace it before the export'): RangeError {
    return new RangeError(`${this.who}: ${what}: ${way}`);
  }

  // --- inputs ---

  /** An input that the network computes. */
  computed(i = 0): Computed {
    const value = this.indices(i);
    if (value.whole !== 'cast') return value;
    throw this.unsupported(
      `input ${i} expected floating-point numbers, got what a Cast makes whole`,
    );
  }

  /** An input that the network computes, and that may consist of whole numbers. */
  indices(i: number): Computed {
    const value = this.inputs[i];
    if (isComputed(value)) return value;
    if (value && 'error' in value) throw value.error;
    const got = value ? 'a constant' : 'none';
    throw this.unsupported(`input ${i} expected to be computed by the network, got ${got}`);
  }

  /** An input whose values are in the file; undefined if it is left out. */
  constant(i: number): Constant | undefined {
    const value = this.inputs[i];
    if (value === undefined || isConstant(value)) return value;
    if ('error' in value) throw value.error;
    throw this.unsupported(`input ${i} expected to be in the file, got a computed one`);
  }

  /** An input of the file with a shape: `undefined` stands for any length. */
  weight(i: number, shape?: readonly (number | undefined)[]): Constant {
    const value = this.constant(i);
    if (!value) throw this.unsupported(`input ${i} expected, got none`);
    const fits =
      !shape ||
      (shape.length === value.shape.length &&
        shape.every((extent, axis) => extent === undefined || extent === value.shape[axis]));
    if (fits && value.values.length > 0) return value;
    const expected = shape ? `[${shape.map((extent) => extent ?? '…').join(', ')}]` : 'with values';
    throw this.unsupported(`input ${i} expected ${expected}, got ${shapeText(value.shape)}`);
  }

  /** Whole numbers from an input; undefined if it is left out. */
  integers(i: number): number[] | undefined {
    const value = this.constant(i);
    if (!value) return undefined;
    const list = [...value.values];
    if (list.length > 64 || !list.every(Number.isInteger))
      throw this.unsupported(`input ${i} expected a short list of whole numbers`);
    return list;
  }

  /** The name under which the file has an input's values. */
  nameOf(i: number): string {
    return this.node.input[i] ?? '';
  }

  /** @throws RangeError if an output beyond the first is used */
  oneOutput(): void {
    const other = this.node.output.slice(1).find((name) => name !== '' && this.used.has(name));
    if (other === undefined) return;
    throw this.unsupported(`expected one output that is used, got ${quoted(other)} as well`);
  }

  // --- attributes ---

  has(name: string): boolean {
    return this.attributes.has(name);
  }

  /** @throws RangeError if an attribute was not asked for: it would change what the node computes */
  allAsked(): void {
    for (const name of this.attributes.keys()) {
      if (this.asked.has(name)) continue;
      throw this.unsupported(`attribute ${quoted(name)} expected to be left out, got one`);
    }
  }

  private attribute<T>(
    name: string,
    read: (a: Message<'Attribute'>) => T | undefined,
  ): T | undefined {
    this.asked.add(name);
    const attribute = this.attributes.get(name);
    if (!attribute) return undefined;
    const value = read(attribute);
    if (value === undefined) throw this.unsupported(`attribute ${name} expected of another kind`);
    return value;
  }

  float(name: string, missing: number): number {
    return this.attribute(name, ({ f, type }) => f ?? (type === 1 ? 0 : undefined)) ?? missing;
  }

  int(name: string, missing: number): number {
    return this.attribute(name, ({ i, type }) => i ?? (type === 2 ? 0 : undefined)) ?? missing;
  }

  ints(name: string): number[] | undefined {
    return this.attribute(name, ({ ints }) => (ints.length <= 64 ? [...ints] : undefined));
  }

  floats(name: string): number[] | undefined {
    return this.attribute(name, ({ floats }) => (floats.length <= 64 ? [...floats] : undefined));
  }

  texts(name: string): string[] | undefined {
    const list = this.attribute(name, ({ strings }) =>
      strings.length <= 64 ? strings : undefined,
    );
    return list?.map((bytes) => quoted(new TextDecoder().decode(bytes.subarray(0, 64))));
  }

  text(name: string, missing: string): string {
    const bytes = this.attribute(name, ({ s }) => s ?? new Uint8Array());
    return bytes ? quoted(new TextDecoder().decode(bytes.subarray(0, 64))) : missing;
  }

  tensor(name: string): Constant | undefined {
    const tensor = this.attribute(name, ({ t }) => t);
    return tensor && constantOf(`${this.who}: attribute ${name}`, tensor);
  }

  /** Says that an attribute does not matter. */
  ignore(...names: string[]): void {
    for (const name of names) this.asked.add(name);
  }

  /** An axis, which may count from the last. */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
    throw this.unsupported(`axis expected from ${-rank} to ${rank - 1}, got ${value}`);
  }

  // --- layers ---

  /** Adds a layer without parameters. */
  layer(make: () => Module, inputs: readonly Computed[] = [this.computed()], what = ''): Computed {
    return this.guard(() => this.steps.add(this.name(what), make, inputs, undefined));
  }

  /** Adds a layer that several nodes compute together, named after one of their weights. */
  layerNamed(make: () => Module, x: Computed, weight: string | undefined): Computed {
    return this.guard(() =>
      this.steps.add(this.placeOf(weight ?? '') ?? this.name(), make, [x], undefined),
    );
  }

  /** Adds operations on tensors. */
  operations(
    compute: (...inputs: Tensor[]) => Tensor,
    inputs: readonly Computed[] = [this.computed()],
    what = '',
  ): Computed {
    return this.guard(() => this.steps.addOperations(this.name(what), compute, inputs));
  }

  /** Says what the output after the first, second … is. */
  gives(i: number, value: Computed): void {
    this.further.set(i, value);
  }

  /** Whether another node, or the file, reads an output. */
  isRead(i: number): boolean {
    const name = this.node.output[i] ?? '';
    return name !== '' && this.used.has(name);
  }

  /**
   * Adds a layer with parameters. Nodes that read the same tensors of the file in the same way share it.
   *
   * @param weights the inputs that hold them
   */
  trained(
    make: () => Module,
    weights: readonly number[],
    inputs: readonly Computed[] = [this.computed()],
  ): Computed {
    const input = inputs[0]!;
    const names = weights.map((i) => this.nameOf(i));
    const attributes = this.node.attribute.map(({ name, f, i, ints, s }) => [name, f, i, ints, s]);
    // With automatic padding the layer depends on the size of its input, too.
    const size = this.has('auto_pad') ? input.shape.slice(1) : input.shape.length;
    const key = JSON.stringify([this.op, size, names, attributes]);
    return this.guard(() =>
      this.steps.add(this.placeOf(names[0] ?? '') ?? this.name(), make, inputs, key),
    );
  }

  /** Runs what makes layers, whose errors then say which node they belong to. */
  private guard<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      const text = error.message.startsWith('fromONNX')
        ? error.message
        : `${this.who}: ${error.message}`;
      throw new RangeError(text.length > 600 ? `${text.slice(0, 600)}…` : text);
    }
  }

  private name(what = ''): string {
    return quoted(`${this.node.name || this.place.name}${what}`);
  }

  /** A shape after [N, …]: gives the input this shape, with the first axis free. */
  reshaped(x: Computed, shape: Shape, make: (what: 'flatten' | 'split') => Module): Computed {
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw this.unsupported(
        `shape expected with ${sizeOf(x.shape)} elements, got ${shapeText(shape)}`,
      );
    }
    const flat = x.shape.length === 2 ? x : this.layer(() => make('flatten'), [x], '.flatten');
    return shape.length === 2 ? flat : this.layer(() => make('split'), [flat]);
  }

  /** The layer's name in the name of its weight, as PyTorch's exporter writes it: `layer1.0.conv1.weight`. */
  private placeOf(weight: string): string | undefined {
    return /^(.+)\.[a-z_]+(_l\d+)?$/.exec(quoted(this.origins.get(weight) ?? weight))?.[1];
  }
}
