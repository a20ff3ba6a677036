/**
 * The messages of ONNX's onnx.proto that a network consists of, with the numbers of their fields. Fields
 * that are not listed are skipped: documentation, subgraphs, quantization, training information.
 */

/** How a field is written. 'Name' of another table is a message. */
type Kind = 'int32' | 'int64' | 'float' | 'double' | 'string' | 'bytes' | keyof typeof SCHEMA;

export interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly repeated: boolean;
}

/** `name: 'number kind'`, with `[]` after the kind of a repeated field. */
export const SCHEMA = {
  Model: {
    irVersion: '1 int64',
    producerName: '2 string',
    producerVersion: '3 string',
    docString: '6 string',
    graph: '7 Graph',
    opsetImport: '8 Opset[]',
  },
  Opset: { domain: '1 string', version: '2 int64' },
  Graph: {
    node: '1 Node[]',
    name: '2 string',
    initializer: '5 Tensor[]',
    docString: '10 string',
    input: '11 ValueInfo[]',
    output: '12 ValueInfo[]',
  },
  Node: {
    input: '1 string[]',
    output: '2 string[]',
    name: '3 string',
    opType: '4 string',
    attribute: '5 Attribute[]',
    docString: '6 string',
    domain: '7 string',
  },
  Attribute: {
    name: '1 string',
    f: '2 float',
    i: '3 int64',
    s: '4 bytes',
    t: '5 Tensor',
    floats: '7 float[]',
    ints: '8 int64[]',
    strings: '9 bytes[]',
    type: '20 int32',
  },
  Tensor: {
    dims: '1 int64[]',
    dataType: '2 int32',
    floatData: '4 float[]',
    int32Data: '5 int32[]',
    int64Data: '7 int64[]',
    name: '8 string',
    rawData: '9 bytes',
    doubleData: '10 double[]',
    dataLocation: '14 int32',
  },
  ValueInfo: { name: '1 string', type: '2 Type', docString: '3 string' },
  Type: { tensorType: '1 TensorType' },
  TensorType: { elemType: '1 int32', shape: '2 Shape' },
  Shape: { dim: '1 Dimension[]' },
  Dimension: { dimValue: '1 int64', dimParam: '2 string' },
} as const;

type Scalar<K extends string> = K extends 'string'
  ? string
  : K extends 'bytes'
    ? Uint8Array
    : K extends keyof typeof SCHEMA
      ? Message<K>
      : number;

type ValueOf<T extends string> = T extends `${string} ${infer K}[]`
  ? readonly Scalar<K>[]
  : T extends `${string} ${infer K}`
    ? Scalar<K>
    : never;

type Fields<M extends keyof typeof SCHEMA> = (typeof SCHEMA)[M];

/** A message as an object. Of the fields that a file lacks, repeated ones are [] and others undefined. */
export type Message<M extends keyof typeof SCHEMA> = {
  readonly [F in keyof Fields<M>]: Fields<M>[F] extends string
    ? Fields<M>[F] extends `${string}[]`
      ? ValueOf<Fields<M>[F]>
      : ValueOf<Fields<M>[F]> | undefined
    : never;
};

/** A message to be written: what is left out is not written. */
export type Draft<M extends keyof typeof SCHEMA> = {
  readonly [F in keyof Fields<M>]?: Fields<M>[F] extends `${string} ${infer K}`
    ? K extends `${infer S}[]`
      ? readonly (S extends keyof typeof SCHEMA ? Draft<S> : Scalar<S>)[]
      : K extends keyof typeof SCHEMA
        ? Draft<K>
        : Scalar<K>
    : never;
};

export type MessageName = keyof typeof SCHEMA;

/** The fields of each message by number. */
export const FIELDS: ReadonlyMap<MessageName, ReadonlyMap<number, Field>> = new Map(
  Object.entries(SCHEMA).map(([message, fields]) => [
    message as MessageName,
    new Map(
      Object.entries(fields as Record<string, string>).map(([name, text]) => {
        const [number, kind] = text.split(' ') as [string, string];
        const repeated = kind.endsWith('[]');
        return [
          Number(number),
          { name, kind: (repeated ? kind.slice(0, -2) : kind) as Kind, repeated },
        ];
      }),
    ),
  ]),
);
