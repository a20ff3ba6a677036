/** ONNX's tensors as numbers, and numbers as its tensors. */
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Draft, Message } from './schema.ts';

/** A tensor whose values are known when the network is read. */
export interface Constant {
  readonly shape: Shape;
  /** Float32Array if the tensor holds floats, Float64Array if it holds whole numbers or truth values. */
  readonly values: Float32Array | Float64Array;
}

export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;

type Read = (view: DataView, at: number) => number;

interface ElementType {
  readonly name: string;
  readonly bytes: number;
  readonly read: Read;
  /** The field that holds the values if `rawData` does not. */
  readonly field: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data';
  readonly float?: boolean;
  /** The value of an element of `int32Data` that holds bits. */
  readonly fromBits?: (bits: number) => number;
}

/** The element types by their number in TensorProto.DataType. Bytes are little-endian. */
const TYPES: ReadonlyMap<number, ElementType> = new Map([
  [
    1,
    {
      name: 'float',
      bytes: 4,
      read: (v, at) => v.getFloat32(at, true),
      field: 'floatData',
      float: true,
    },
  ],
  [2, { name: 'uint8', bytes: 1, read: (v, at) => v.getUint8(at), field: 'int32Data' }],
  [3, { name: 'int8', bytes: 1, read: (v, at) => v.getInt8(at), field: 'int32Data' }],
  [4, { name: 'uint16', bytes: 2, read: (v, at) => v.getUint16(at, true), field: 'int32Data' }],
  [5, { name: 'int16', bytes: 2, read: (v, at) => v.getInt16(at, true), field: 'int32Data' }],
  [6, { name: 'int32', bytes: 4, read: (v, at) => v.getInt32(at, true), field: 'int32Data' }],
  [
    INT64,
    {
      name: 'int64',
      bytes: 8,
      read: (v, at) => Number(v.getBigInt64(at, true)),
      field: 'int64Data',
    },
  ],
  [9, { name: 'bool', bytes: 1, read: (v, at) => v.getUint8(at), field: 'int32Data' }],
  [
    10,
    {
      name: 'float16',
      bytes: 2,
      read: (v, at) => half(v.getUint16(at, true)),
      field: 'int32Data',
      float: true,
      fromBits: half,
    },
  ],
  [
    11,
    {
      name: 'double',
      bytes: 8,
      read: (v, at) => v.getFloat64(at, true),
      field: 'doubleData',
      float: true,
    },
  ],
  [
    16,
    {
      name: 'bfloat16',
      bytes: 2,
      read: (v, at) => brainFloat(v.getUint16(at, true)),
      field: 'int32Data',
      float: true,
      fromBits: brainFloat,
    },
  ],
]);

/** Whether the elements of a type are floating-point numbers. */
export function isFloat(dataType: number): boolean {
  return TYPES.get(dataType)?.float === true;
}

/**
 * The values of a tensor.
 *
 * @param who the tensor, for errors
 * @throws RangeError for an element type that holds no numbers, for data in other files, and for another
 *   number of values than the shape has
 */
export function constantOf(who: string, tensor: Message<'Tensor'>): Constant {
  const { dims, dataType = 0, rawData, dataLocation } = tensor;
  if (dataLocation) {
    throw new RangeError(
      `${who}: values expected in the file, got them in another one: save the model with its data ` +
        'inside (onnx.save with save_as_external_data=False)',
    );
  }
  const type = TYPES.get(dataType);
  if (!type) throw new RangeError(`${who}: expected numbers, got data type ${dataType}`);
  let size = 1;
  for (const extent of dims) {
    if (!(Number.isInteger(extent) && extent >= 0 && (size *= extent) <= Number.MAX_SAFE_INTEGER))
      throw new RangeError(`${who}: shape expected of whole numbers, got ${listText(dims)}`);
  }
  const list = tensor[type.field];
  const count = rawData ? rawData.length / type.bytes : list.length;
  if (count !== size) {
    throw new RangeError(`${who}: ${size} values of ${listText(dims)} expected, got ${count}`);
  }
  const values = type.float ? new Float32Array(size) : new Float64Array(size);
  if (rawData) {
    const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length);
    for (let i = 0; i < size; i++) values[i] = type.read(view, i * type.bytes);
  } else {
    const { fromBits = Number } = type;
    for (let i = 0; i < size; i++) values[i] = fromBits(list[i]!);
  }
  return { shape: [...dims], values };
}

/** Float32 values as a tensor. */
export function floatTensor(
  name: string,
  shape: Shape,
  values: Float32Array | readonly number[],
): Draft<'Tensor'> {
  const rawData = new Uint8Array(sizeOf(shape) * 4);
  const view = new DataView(rawData.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
  return { name, dims: shape, dataType: FLOAT, rawData };
}

/** Whole numbers as an int64 tensor, with one axis unless a shape is given. */
export function integerTensor(
  name: string,
  values: readonly number[],
  shape: Shape = [values.length],
): Draft<'Tensor'> {
  return { name, dims: shape, dataType: INT64, int64Data: values };
}

/** A list of numbers in an error, shortened. */
export function listText(list: ArrayLike<number>): string {
  const first = Array.from({ length: Math.min(list.length, 8) }, (_, i) => list[i]);
  return `[${first.join(', ')}${list.length > 8 ? ', …' : ''}]`;
}

/** A float16 from its bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return (sign * fraction) / 16777216; // 2²⁴
  let value = 1 + fraction / 1024;
  for (let e = 15; e < exponent; e++) value *= 2;
  for (let e = exponent; e < 15; e++) value /= 2;
  return sign * value;
}

const BITS = new DataView(new ArrayBuffer(4));

/** A bfloat16 from its bits: the upper half of a float32. */
function brainFloat(bits: number): number {
  BITS.setUint32(0, bits << 16);
  return BITS.getFloat32(0);
}
