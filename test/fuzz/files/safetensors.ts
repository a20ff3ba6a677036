import { BatchNorm1d, Linear, ReLU, Sequential } from '../../../src/index.ts';
import { loadSafetensors, type Safetensors, saveSafetensors } from '../../../src/state/index.ts';
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

export const safetensors: FileReader = {
  name: 'loadSafetensors',
  seeds: () => [
    saveSafetensors(model.stateDict(), { epochs: '3' }),
    saveSafetensors({ scale: { data: [1.5], shape: [] } }),
    allTypes(),
  ],
  errors: /^(loadSafetensors|Sequential\.loadStateDict): /,
  read: (bytes) => {
    const file = loadSafetensors(bytes);
    model.loadStateDict(file.tensors, { strict: false });
    return file;
  },
  untouched: () => stateText(model),
  // The tensors fill the file's data, once: no more numbers than bytes in it.
  check: ({ tensors }: Safetensors, bytes) => {
    const size = Object.values(tensors).reduce((sum, tensor) => sum + tensor.size, 0);
    if (size > bytes.length) throw new Error(`${size} numbers from ${bytes.length} bytes`);
  },
  bytesPerByte: 16, // a byte becomes a float32, which is copied
  inside: {
    open: (file) => file.slice(8, 8 + headerLength(file)),
    close: (header, file) => safetensorsFile(header, file.subarray(8 + headerLength(file))),
  },
};
