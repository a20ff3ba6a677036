import { checkRecord, describe } from '../tensor/check.ts';
import { read } from '../tensor/reading.ts';
import { ownShape, shapeText, sizeOf } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';

/** The contents of a safetensors file. */
export interface Safetensors {
  /** The tensors by name, ready for `loadStateDict`. Other element types are converted to float32. */
  tensors: Record<string, Tensor>;
  /** The file's metadata: any names and texts. */
  metadata: Record<string, string>;
}

type Read = (view: DataView, at: number) => number;

/** The element types: size in bytes, and a function that reads one element. All are little-endian. */
const TYPES: Record<string, { bytes: number; read: Read }> = {
  F64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F16: { bytes: 2, read: (view, at) => half(view.getUint16(at, true)) },
  BF16: { bytes: 2, read: brainFloat },
  I64: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  I32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  I16: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  I8: { bytes: 1, read: (view, at) => view.getInt8(at) },
  U8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  BOOL: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/**
 * Writes a state dict as a safetensors file, which PyTorch and related tools can read.
 *
 * ```ts
 * await writeFile('model.safetensors', saveSafetensors(model.stateDict()));
 * ```
 *
 * The format: the length of the header as a 64-bit number, a JSON header with each tensor's type, shape and
 * offsets, then the data. Tensors are float32, except `num_batches_tracked`, which is int64 as in
 * PyTorch. The same state always gives the same bytes.
 *
 * @param metadata names and texts to store in the header
 * @returns the bytes of the file
 * @throws RangeError if an entry's data does not match its shape
 */
export function saveSafetensors(
  state: Readonly<Record<string, Input>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  checkRecord('saveSafetensors', state);
  checkRecord('saveSafetensors: metadata', metadata, 'texts');
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text === 'string') continue;
    throw new TypeError(`saveSafetensors: metadata.${name} expected a text, got ${describe(text)}`);
  }
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  const entries = Object.entries(state).map(([name, input]) => {
    const counts = name.endsWith('num_batches_tracked');
    const { shape, values } = read(`saveSafetensors: ${name}`, input);
    return { name, shape, values, type: counts ? 'I64' : 'F32' };
  });
  // int64 tensors come first, so that every element is aligned.
  entries.sort((a, b) => TYPES[b.type]!.bytes - TYPES[a.type]!.bytes);
  let end = 0;
  for (const { name, shape, type } of entries) {
    const start = end;
    end += sizeOf(shape) * TYPES[type]!.bytes;
    header[name] = { dtype: type, shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length); // the header is padded with spaces
  bytes.set(text, 8);
  let at = 8 + length;
  for (const { values, type } of entries) {
    for (let i = 0; i < values.length; i++) {
      if (type === 'I64') view.setBigInt64(at, BigInt(values[i]!), true);
      else view.setFloat32(at, values[i]!, true);
      at += TYPES[type]!.bytes;
    }
  }
  return bytes;
}

/**
 * Reads a safetensors file.
 *
 * ```ts
 * model.loadStateDict(loadSafetensors(bytes).tensors);
 * ```
 *
 * Float64, float16, bfloat16, integers and booleans are converted to float32.
 *
 * @throws TypeError if `source` is not an ArrayBuffer or a view of one
 * @throws RangeError if the bytes are not a safetensors file, are truncated, or have an unknown element
 *   type
 */
export function loadSafetensors(source: ArrayBuffer | ArrayBufferView): Safetensors {
  if (!(source instanceof ArrayBuffer) && !ArrayBuffer.isView(source)) {
    throw new TypeError(
      `loadSafetensors: expected an ArrayBuffer or Uint8Array, got ${describe(source)}`,
    );
  }
  const view =
    source instanceof ArrayBuffer
      ? new DataView(source)
      : new DataView(source.buffer, source.byteOffset, source.byteLength);
  const { header, start } = readHeader(view);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, readTensor(name, entry, view, start)]),
  );
  return { tensors, metadata: metadata as Record<string, string> };
}

function readHeader(view: DataView): { header: Record<string, unknown>; start: number } {
  const length = view.byteLength < 8 ? Number.NaN : Number(view.getBigUint64(0, true));
  if (!(8 + length <= view.byteLength)) {
    throw new RangeError(
      'loadSafetensors: not a safetensors file, or truncated: expected ' +
        `${Number.isNaN(length) ? 'at least 8' : 8 + length} bytes, got ${view.byteLength}`,
    );
  }
  const text = new Uint8Array(view.buffer, view.byteOffset + 8, length);
  try {
    const header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    if (typeof header !== 'object' || header === null) throw new RangeError(describe(header));
    return { header, start: 8 + length };
  } catch (cause) {
    throw new RangeError(
      'loadSafetensors: not a safetensors file: expected a header that is a JSON object (see cause)',
      { cause },
    );
  }
}

function readTensor(name: string, entry: unknown, view: DataView, start: number): Tensor {
  const who = `loadSafetensors: ${name}`;
  const given = (entry ?? {}) as {
    dtype: string;
    shape: number[];
    data_offsets: [number, number];
  };
  const { dtype, data_offsets } = given;
  const type = Object.hasOwn(TYPES, dtype) ? TYPES[dtype]! : undefined;
  if (!type) {
    throw new RangeError(
      `${who}: type expected one of ${Object.keys(TYPES).join(', ')}, got ${dtype}`,
    );
  }
  const shape = ownShape(who, given.shape);
  const [from, to] = Array.isArray(data_offsets) ? data_offsets : [Number.NaN, Number.NaN];
  const size = sizeOf(shape);
  if (!(from >= 0 && to - from === size * type.bytes && start + to <= view.byteLength)) {
    throw new RangeError(
      `${who}: ${shapeText(shape)} of ${dtype} expected ${size * type.bytes} bytes inside the file, ` +
        `got bytes ${from} to ${to} of ${view.byteLength - start}`,
    );
  }
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = type.read(view, start + from + i * type.bytes);
  return Tensor.from(values, shape);
}

/** The value of an IEEE half-precision number, which float32 represents exactly. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  // Subnormal numbers are multiples of 2⁻²⁴. Each exponent from 2 on doubles the unit.
  if (exponent === 0) return (sign * fraction) / 16777216;
  return exponent > 25
    ? sign * (1024 + fraction) * (1 << (exponent - 25))
    : (sign * (1024 + fraction)) / (1 << (25 - exponent));
}

/** The value of a bfloat16, which is the upper half of a float32. */
function brainFloat(view: DataView, at: number): number {
  word[0] = view.getUint16(at, true) * 65536;
  return wordAsFloat[0]!;
}

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);
