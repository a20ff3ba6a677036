/** An ONNX graph that is being written. */
import type { Buffer, Parameter } from '../tensor/parameter.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Draft } from './schema.ts';
import { floatTensor, integerTensor } from './tensors.ts';

/** An attribute's value. Numbers are whole unless they are given as `{ float }`. */
export type AttributeValue =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly texts: readonly string[] };

/** The name of a tensor; '' for an input that is left out. */
export type Name = string;

export class GraphDraft {
  readonly nodes: Draft<'Node'>[] = [];
  readonly initializers: Draft<'Tensor'>[] = [];
  private readonly taken = new Set<Name>();
  private readonly stored = new Map<string, Name>();

  /** @param keys the state-dict keys of the model's parameters and buffers, which become their names */
  constructor(private readonly keys: ReadonlyMap<Parameter | Buffer, string>) {}

  /** The name, or if it is taken the name with a number. */
  unique(wanted: string): Name {
    let name = wanted;
    for (let i = 1; this.taken.has(name); i++) name = `${wanted}_${i}`;
    this.taken.add(name);
    return name;
  }

  /** Adds a node of which one output is wanted, of a name that is unique; `skip` outputs are before it. */
  node(
    opType: string,
    input: readonly Name[],
    attributes: Readonly<Record<string, AttributeValue>>,
    names: { readonly output: Name; readonly docString: string; readonly skip?: number },
  ): Name {
    const { output, docString, skip = 0 } = names;
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    const outputs = [...Array<Name>(skip).fill(''), output];
    this.nodes.push({ name: output, opType, input, output: outputs, attribute, docString });
    return output;
  }

  /** A parameter or buffer, under its state-dict key. `shape` may have other axes of length 1. */
  parameter(source: Parameter | Buffer, fallback: string, shape: Shape = source.shape): Name {
    const key = this.keys.get(source) ?? fallback;
    return this.once(`${key} ${shape}`, () => this.floats(key, source.data.toArray(), shape));
  }

  /** What several calls of a layer read: stored by the first of them. */
  once(use: string, store: () => Name): Name {
    const name = this.stored.get(use) ?? store();
    this.stored.set(use, name);
    return name;
  }

  /** Numbers that are no parameter. */
  floats(wanted: string, values: Float32Array | readonly number[], shape: Shape): Name {
    const name = this.unique(wanted);
    this.initializers.push(floatTensor(name, shape, values));
    return name;
  }

  /** Whole numbers: shapes and axes. A single number may be a tensor without axes. */
  integers(wanted: string, values: readonly number[], shape?: Shape): Name {
    const name = this.unique(wanted);
    this.initializers.push(integerTensor(name, values, shape));
    return name;
  }
}

function attributeOf(name: string, value: AttributeValue): Draft<'Attribute'> {
  if (typeof value === 'number') return { name, i: value, type: 2 };
  if (typeof value === 'string') return { name, s: new TextEncoder().encode(value), type: 3 };
  if ('texts' in value) {
    const strings = value.texts.map((text) => new TextEncoder().encode(text));
    return { name, strings, type: 8 };
  }
  if ('float' in value) return { name, f: Math.fround(value.float), type: 1 };
  return { name, ints: value, type: 7 };
}
