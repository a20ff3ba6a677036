import { bytesOf } from '../tensor/bytes.ts';
import { describe, unexpected } from '../tensor/check.ts';
import { shapeText, sizeOf } from '../tensor/shape.ts';

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
  | SharedArrayBuffer
  | ArrayBufferView
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
 * A gzipped file is unpacked no further than its header says, so that a small file cannot fill the memory.
 *
 * @throws TypeError if `source` gives no bytes
 * @throws RangeError if the server answered with an error, or if the bytes are damaged, not an IDX file,
 *   or too few or too many for its shape
 */
export async function readIdx<D extends IdxData = Uint8Array>(
  source: ByteSource,
): Promise<IdxArray<D>> {
  const stored = await fetched(source);
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? await gunzip(stored) : stored;
  return parse(bytes) as IdxArray<D>;
}

async function fetched(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = bytesOf(source);
  if (bytes) return bytes;
  const response = source as Partial<Response> | null | undefined;
  if (typeof response?.arrayBuffer !== 'function') {
    throw new TypeError(
      `readIdx: expected bytes (an ArrayBuffer, Uint8Array, Blob or Response), got ${describe(source)}`,
    );
  }
  if (response.ok === false) {
    throw new RangeError(`readIdx: expected a file, got status ${response.status} from the server`);
  }
  const given = await response.arrayBuffer();
  const fetched = bytesOf(given);
  if (fetched) return fetched;
  throw unexpected('readIdx: arrayBuffer()', 'an ArrayBuffer', given);
}

/** The unpacked bytes: those of the header, and not more than it says. */
async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error(
      'readIdx: this runtime has no DecompressionStream, which unpacks gzip: pass the unpacked file',
    );
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  let header: IdxHeader | undefined;
  while (size <= (header?.expected ?? LONGEST_HEADER)) {
    const { value, done } = await reader.read().catch((cause) => {
      throw new RangeError('readIdx: the gzip data is damaged or truncated', { cause });
    });
    if (done) return joined(pieces, size);
    pieces.push(value);
    size += value.length;
    if (size >= LONGEST_HEADER) header ??= headerOf(joined(pieces, size));
  }
  reader.cancel().catch(() => {}); // nobody waits for the rest
  throw sizeError(header!, 'more');
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** What the header says: the type and the shape, and where the elements begin and end in the file. */
interface IdxHeader {
  readonly Elements: (typeof TYPES)[keyof typeof TYPES];
  readonly code: number;
  readonly shape: number[];
  readonly size: number;
  readonly start: number;
  readonly expected: number;
}

/** The longest header there is, with 255 axes, in bytes. */
const LONGEST_HEADER = 4 + 4 * 255;

function headerOf(bytes: Uint8Array<ArrayBuffer>): IdxHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0'));
    throw new RangeError(
      `readIdx: not an IDX file: expected it to start with 00 00, got ${start.join(' ') || 'nothing'}`,
    );
  }
  const code = bytes[2]!;
  const Elements = TYPES[code as keyof typeof TYPES];
  if (!Elements) {
    throw new RangeError(`readIdx: element type expected code 8, 9, 11, 12, 13 or 14, got ${code}`);
  }
  const start = 4 + 4 * bytes[3]!;
  if (bytes.length < start) {
    throw new RangeError(`readIdx: header expected ${start} bytes, got ${bytes.length}`);
  }
  const shape = Array.from({ length: bytes[3]! }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = sizeOf(shape);
  return {
    Elements,
    code,
    shape,
    size,
    start,
    expected: start + size * Elements.BYTES_PER_ELEMENT,
  };
}

function sizeError({ shape, expected }: IdxHeader, got: number | 'more'): RangeError {
  return new RangeError(
    `readIdx: ${shapeText(shape)} expected ${expected} bytes, got ${got}` +
      (got !== 'more' && got < expected ? ': the file may be truncated' : ''),
  );
}

function parse(bytes: Uint8Array<ArrayBuffer>): IdxArray<IdxData> {
  const header = headerOf(bytes);
  const { Elements, code, shape, size, start, expected } = header;
  if (bytes.length !== expected) throw sizeError(header, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
