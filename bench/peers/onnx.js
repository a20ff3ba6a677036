/** Writes ONNX models of one node: the few fields of the format that this takes, as protocol buffers. */

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
const block = (field, content) => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
];

function attribute(name, value) {
  // AttributeProto: name 1, f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7).
  if (Array.isArray(value)) {
    return [...block(1, text(name)), ...value.flatMap((v) => int(8, v)), ...int(20, 7)];
  }
  return name === 'epsilon'
    ? [...block(1, text(name)), ...float(2, value), ...int(20, 1)]
    : [...block(1, text(name)), ...int(3, value), ...int(20, 2)];
}

function valueInfo(name, shape) {
  // ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1 (FLOAT 1), shape 2 → dim 1 → dim_value 1.
  const dims = shape.flatMap((size) => block(1, int(1, size)));
  return [...block(1, text(name)), ...block(2, block(1, [...int(1, 1), ...block(2, dims)]))];
}

/** A model of one operation: `inputs` and `outputs` map names to shapes. */
export function onnxModel(op, inputs, outputs, attributes = {}) {
  const node = [
    ...Object.keys(inputs).flatMap((name) => block(1, text(name))),
    ...Object.keys(outputs).flatMap((name) => block(2, text(name))),
    ...block(4, text(op)),
    ...Object.entries(attributes).flatMap(([name, value]) => block(5, attribute(name, value))),
  ];
  const graph = [
    ...block(1, node),
    ...block(2, text(op)),
    ...Object.entries(inputs).flatMap(([name, shape]) => block(11, valueInfo(name, shape))),
    ...Object.entries(outputs).flatMap(([name, shape]) => block(12, valueInfo(name, shape))),
  ];
  // ModelProto: ir_version 1, graph 7, opset_import 8 → version 2.
  return Uint8Array.from([...int(1, 8), ...block(7, graph), ...block(8, int(2, 17))]);
}
