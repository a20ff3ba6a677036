/** The element types of safetensors files. All are little-endian. */
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { exactly, Tensor } from '../tensor/tensor.ts';
import { fromBrainFloat, fromHalf } from './half.ts';

interface ElementType {
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

export const TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['F64', { bytes: 8, read: (view, at) => view.getFloat64(at, true) }],
  ['F32', { bytes: 4, read: (view, at) => view.getFloat32(at, true) }],
  ['F16', { bytes: 2, read: (view, at) => fromHalf(view.getUint16(at, true)) }],
  ['BF16', { bytes: 2, read: (view, at) => fromBrainFloat(view.getUint16(at, true)) }],
  ['I64', { bytes: 8, read: (view, at) => wide(view.getInt32(at + 4, true), view, at) }],
  ['U64', { bytes: 8, read: (view, at) => wide(view.getUint32(at + 4, true), view, at) }],
  ['I32', { bytes: 4, read: (view, at) => view.getInt32(at, true) }],
  ['U32', { bytes: 4, read: (view, at) => view.getUint32(at, true) }],
  ['I16', { bytes: 2, read: (view, at) => view.getInt16(at, true) }],
  ['U16', { bytes: 2, read: (view, at) => view.getUint16(at, true) }],
  ['I8', { bytes: 1, read: (view, at) => view.getInt8(at) }],
  ['U8', { bytes: 1, read: (view, at) => view.getUint8(at) }],
  ['BOOL', { bytes: 1, read: (view, at) => view.getUint8(at) }],
]);

/** high·2³² + low, which float64 holds up to 2⁵³. */
function wide(high: number, view: DataView, at: number): number {
  return high * 4294967296 + view.getUint32(at, true);
}

/** The tensor whose elements are `bytes`. */
export function tensorOf(type: string, shape: Shape, bytes: Uint8Array): Tensor {
  const { bytes: width, read } = TYPES.get(type)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // A counter is one number, which may be more than float32 can count.
  if (shape.length === 0) return exactly(read(view, 0));
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = read(view, i * width);
  return new Tensor(shape, values);
}
