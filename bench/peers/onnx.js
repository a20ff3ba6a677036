/** Writes ONNX models: the few fields of the format that this takes, as protocol buffers. */

const text = (value) => new TextEncoder().encode(value);

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return bytes;
}

const int = (field, value) => [...varint(field << 3), ...varint(value)];
const float = (field, value) => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];
const header = (field, length) => [...varint((field << 3) | 2), ...varint(length)];
const block = (field, content) => [...header(field, content.length), ...content];

/** Attributes that are floats; other numbers are integers. */
const FLOATS = new Set(['epsilon', 'alpha', 'beta', 'bias']);

function attribute([name, value]) {
  // AttributeProto: name 1, f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7).
  const content = Array.isArray(value)
    ? [...value.flatMap((v) => int(8, v)), ...int(20, 7)]
    : FLOATS.has(name)
      ? [...float(2, value), ...int(20, 1)]
      : [...int(3, value), ...int(20, 2)];
  return block(5, [...block(1, text(name)), ...content]);
}

function node({ op, inputs, outputs, attributes = {} }) {
  // NodeProto: input 1, output 2, op_type 4, attribute 5.
  return [
    ...inputs.flatMap((name) => block(1, text(name))),
    ...outputs.flatMap((name) => block(2, text(name))),
    ...block(4, text(op)),
    ...Object.entries(attributes).flatMap(attribute),
  ];
}

function valueInfo(name, shape) {
  // ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1 (FLOAT 1), shape 2 → dim 1 → dim_value 1.
  const dims = shape.flatMap((size) => block(1, int(1, size)));
  return [...block(1, text(name)), ...block(2, block(1, [...int(1, 1), ...block(2, dims)]))];
}

/** A constant, as parts: the values of a weight are too many for one array of numbers. */
function tensor(name, { shape, values }) {
  // TensorProto: dims 1, data_type 2 (FLOAT 1, INT64 7), name 8, raw_data 9.
  const type = values instanceof BigInt64Array ? 7 : 1;
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const head = [
    ...shape.flatMap((size) => int(1, size)),
    ...int(2, type),
    ...block(8, text(name)),
    ...header(9, raw.length),
  ];
  return [header(5, head.length + raw.length), head, raw];
}

/**
 * A model: `nodes` in their order, `inputs` and `outputs` as shapes by name, `constants` as
 * { shape, values } by name.
 */
export function onnxModel({ nodes, inputs, outputs, constants = {} }) {
  // GraphProto: node 1, name 2, initializer 5, input 11, output 12.
  const parts = [
    ...nodes.map((of) => block(1, node(of))),
    block(2, text('graph')),
    ...Object.entries(constants).flatMap(([name, of]) => tensor(name, of)),
    ...Object.entries(inputs).map(([name, shape]) => block(11, valueInfo(name, shape))),
    ...Object.entries(outputs).map(([name, shape]) => block(12, valueInfo(name, shape))),
  ];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  // ModelProto: ir_version 1, graph 7, opset_import 8 → version 2.
  return join([int(1, 8), header(7, length), ...parts, block(8, int(2, 17))]);
}

function join(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
