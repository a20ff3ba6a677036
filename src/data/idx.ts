import { describe } from '../tensor/check.ts';
import { shapeText } from '../tensor/shape.ts';

/** The element types of IDX files by their code, which is the third byte. */
const TYPES = {
  8: Uint8Array,
  9: Int8Array,
  11: Int16Array,
  12: Int32Array,
  13: Float32Array,
  14: Float64Array,
} as const;

export type IdxData =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** The array in an IDX file. It is row-major, and the first axis is the sample. */
export interface IdxArray<D extends IdxData = Uint8Array> {
  shape: number[];
  data: D;
}

/** Bytes, or an object that gives them: a Blob, a File or the Response of a `fetch`. */
export type ByteSource =
  | ArrayBuffer
  | ArrayBufferView<ArrayBuffer>
  | { arrayBuffer(): Promise<ArrayBuffer>; readonly ok?: boolean; readonly status?: number };

/**
 * Reads an IDX file, the format of MNIST and similar data sets, plain or gzipped.
 *
 * ```ts
 * const images = await readIdx(await fetch('train-images-idx3-ubyte.gz'));
 * images.shape;                       // [60000, 28, 28]
 * ```
 *
 * The format: two zero bytes, the code of the element type, the number of axes, the size of each axis as a
 * big-endian 32-bit number, then the elements in row-major order, big-endian.
 *
 * `data` is a typed array of the file's element type. Its TypeScript type defaults to Uint8Array, as in
 * all the common data sets. Write `readIdx<Float32Array>(…)` for a file with another type.
 *
 * @throws TypeError if `source` gives no bytes
 * @throws RangeError if the server answered with an error, or if the bytes are damaged, not an IDX file,
 *   or too few or too many for its shape
 */
export async function readIdx<D extends IdxData = Uint8Array>(
  source: ByteSource,
): Promise<IdxArray<D>> {
  const stored = await bytesOf(source);
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? await gunzip(stored) : stored;
  return parse(bytes) as IdxArray<D>;
}

async function bytesOf(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  if (typeof source?.arrayBuffer !== 'function') {
    throw new TypeError(
      `readIdx: expected bytes (an ArrayBuffer, Uint8Array, Blob or Response), got ${describe(source)}`,
    );
  }
  if (source.ok === false) {
    throw new RangeError(`readIdx: expected a file, got status ${source.status} from the server`);
  }
  return new Uint8Array(await source.arrayBuffer());
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error(
      'readIdx: this runtime has no DecompressionStream, which unpacks gzip: pass the unpacked file',
    );
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new RangeError('readIdx: the gzip data is damaged or truncated', { cause });
  }
}

function parse(bytes: Uint8Array<ArrayBuffer>): IdxArray<IdxData> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = bytes[2] as keyof typeof TYPES;
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0'));
    throw new RangeError(
      `readIdx: not an IDX file: expected it to start with 00 00, got ${start.join(' ') || 'nothing'}`,
    );
  }
  const Elements = TYPES[code];
  if (!Elements) {
    throw new RangeError(`readIdx: element type expected code 8, 9, 11, 12, 13 or 14, got ${code}`);
  }
  const start = 4 + 4 * bytes[3]!;
  if (bytes.length < start) {
    throw new RangeError(`readIdx: header expected ${start} bytes, got ${bytes.length}`);
  }
  const shape = Array.from({ length: bytes[3]! }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, extent) => product * extent, 1);
  const expected = start + size * Elements.BYTES_PER_ELEMENT;
  if (bytes.length !== expected) {
    throw new RangeError(
      `readIdx: ${shapeText(shape)} expected ${expected} bytes, got ${bytes.length}` +
        (bytes.length < expected ? ': the file may be truncated' : ''),
    );
  }
  const data = new Elements(size);
  const width = Elements.BYTES_PER_ELEMENT;
  if (width === 1) {
    data.set(new Elements(bytes.buffer, bytes.byteOffset + start, size) as Uint8Array);
  } else {
    const read = { 11: view.getInt16, 12: view.getInt32, 13: view.getFloat32, 14: view.getFloat64 };
    const get = read[code as keyof typeof read];
    for (let i = 0; i < size; i++) data[i] = get.call(view, start + i * width);
  }
  return { shape, data };
}
