import { expect } from 'vitest';
import { BatchNorm1d, Linear, ReLU, Sequential } from '../../../src/index.ts';
import {
  loadSafetensors,
  readSafetensors,
  type Safetensors,
  saveSafetensors,
} from '../../../src/state/index.ts';
import { type FileReader, stateText } from './reader.ts';

const model = new Sequential(new Linear(3, 4), new BatchNorm1d(4), new ReLU(), new Linear(4, 2));

/** A file with a header of one's own. */
export function safetensorsFile(
  header: string | Uint8Array,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** A file with every element type, an empty tensor and metadata. */
function allTypes(): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', note: 'a "text"' } };
  const types = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, I8: 1, U8: 1, BOOL: 1 };
  let at = 0;
  for (const [dtype, bytes] of Object.entries(types)) {
    header[dtype] = { dtype, shape: [2, 1], data_offsets: [at, at + 2 * bytes] };
    at += 2 * bytes;
  }
  header.empty = { dtype: 'F32', shape: [0, 3], data_offsets: [at, at] };
  return safetensorsFile(
    JSON.stringify(header),
    Uint8Array.from({ length: at }, (_, i) => i % 2),
  );
}

const headerLength = (file: Uint8Array<ArrayBuffer>) =>
  Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));

/** What a file says, read without the reader: by type, the values of its elements. */
const ELEMENTS: Record<string, (data: ArrayBuffer) => ArrayLike<number | bigint>> = {
  F64: (data) => new Float64Array(data),
  F32: (data) => new Float32Array(data),
  F16: (data) => Array.from(new Uint16Array(data), halfOf),
  BF16: (data) =>
    new Float32Array(Uint32Array.from(new Uint16Array(data), (bits) => bits << 16).buffer),
  I64: (data) => new BigInt64Array(data),
  U64: (data) => new BigUint64Array(data),
  I32: (data) => new Int32Array(data),
  U32: (data) => new Uint32Array(data),
  I16: (data) => new Int16Array(data),
  U16: (data) => new Uint16Array(data),
  I8: (data) => new Int8Array(data),
  U8: (data) => new Uint8Array(data),
  BOOL: (data) => new Uint8Array(data),
};

/** The value that a half-precision number has, from the definition. */
export function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  const size = exponent
    ? 2 ** (exponent - 15) * (1 + fraction / 1024)
    : 2 ** -14 * (fraction / 1024);
  return sign * size;
}

/** Compares what was read with the file, number by number. */
function check({ tensors, metadata }: Safetensors, file: Uint8Array<ArrayBuffer>): void {
  const length = headerLength(file);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const { __metadata__: notes = {}, ...entries } = header;
  expect(metadata).toEqual(notes);
  expect(Object.keys(tensors)).toEqual(Object.keys(entries));
  let bytes = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const { dtype, shape, data_offsets: offsets } = entries[name];
    const [from, to] = offsets.map((offset: number) => 8 + length + offset);
    const values = Array.from(ELEMENTS[dtype]!(file.slice(from, to).buffer), Number);
    expect(tensor.shape).toEqual(shape);
    expect([...tensor.toArray()]).toEqual(values.map(Math.fround));
    bytes += to - from;
  }
  expect(8 + length + bytes).toBe(file.length);
}

const shared = {
  seeds: () => [
    saveSafetensors(model.stateDict(), { epochs: '3' }),
    saveSafetensors({ scale: { data: [1.5], shape: [] } }),
    saveSafetensors(model.stateDict(), {}, { dtype: 'F16' }),
    allTypes(),
  ],
  untouched: () => stateText(model),
  check,
  bytesPerByte: 16, // a byte may become a float32; the text of the header is read twice
  inside: {
    open: (file: Uint8Array<ArrayBuffer>) => file.slice(8, 8 + headerLength(file)),
    close: (header: Uint8Array<ArrayBuffer>, file: Uint8Array<ArrayBuffer>) =>
      safetensorsFile(header, file.subarray(8 + headerLength(file))),
  },
};

const loaded = (file: Safetensors): Safetensors => {
  model.loadStateDict(file.tensors, { strict: false });
  return file;
};

/** From memory, and into a model. */
export const safetensors: FileReader = {
  ...shared,
  name: 'loadSafetensors',
  errors: /^(loadSafetensors|Sequential\.loadStateDict): /,
  read: (bytes) => loaded(loadSafetensors(bytes)),
};

/** From a stream, in pieces. */
export const safetensorsStream: FileReader = {
  ...shared,
  name: 'readSafetensors',
  errors: /^(readSafetensors|Sequential\.loadStateDict): /,
  read: async (bytes) => {
    const at = bytes.length >> 1;
    return loaded(await readSafetensors([bytes.subarray(0, at), bytes.subarray(at)]));
  },
};
