/** The header of a safetensors file: what it must say, and what files of other formats are told. */
import { brief, describe } from '../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { TYPES } from './elements.ts';
import { objectOf, parseJson } from './json.ts';

/** The name in the header under which the metadata stands. */
export const METADATA = '__metadata__';

/** The longest header that the format allows, in bytes. */
const LONGEST = 100_000_000;

/** A tensor of the file: its elements are the bytes from `from` to `to` of those behind the header. */
export interface Place {
  readonly name: string;
  readonly type: string;
  readonly shape: Shape;
  readonly from: number;
  readonly to: number;
}

export interface Header {
  /** The tensors in the order of their bytes, which they fill without holes or overlaps. */
  readonly places: readonly Place[];
  /** The tensors' names in the order of the header. */
  readonly names: readonly string[];
  readonly metadata: Record<string, string>;
}

/**
 * The length of the header.
 *
 * @param start the first nine bytes of the file, or fewer if it is shorter
 * @param size the size of the file, if it is known
 * @throws RangeError if that cannot be a safetensors file
 */
export function headerLength(who: string, start: Uint8Array, size?: number): number {
  const whole = start.length < 9 ? start.length : size; // a stream that ends early
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const short = start.length < 8;
  const length = short ? 0 : view.getUint32(0, true) + view.getUint32(4, true) * 4294967296;
  const cut = whole !== undefined && 8 + length > whole;
  if (!short && !cut && length > 0 && length <= LONGEST && start[8] === 0x7b) return length;
  if (start[8] !== 0x7b) refusePyTorch(who, start);
  const what = `${who}: not a safetensors file`;
  if (short || cut) {
    const least = short ? 'at least 8' : 8 + length;
    throw new RangeError(`${what}, or truncated: expected ${least} bytes, got ${whole}`);
  }
  throw new RangeError(
    length > LONGEST
      ? `${what}: header expected at most ${LONGEST} bytes, got ${length}`
      : `${what}: header expected to begin with {, got ${length === 0 ? 'no header' : describe(start[8])}`,
  );
}

/** @throws RangeError for a file of torch.save, which is a zip, or a pickle before PyTorch 1.6 */
function refusePyTorch(who: string, start: Uint8Array): void {
  const begins = (...bytes: number[]) => bytes.every((byte, i) => start[i] === byte);
  const isZip = begins(0x50, 0x4b, 3, 4);
  if (!isZip && !(start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5)) return;
  const got = isZip ? 'a zip, as torch.save writes' : 'a pickle, as torch.save wrote before 1.6';
  throw new RangeError(
    `${who}: expected a safetensors file, got ${got}: three lines of Python convert it:\n` +
      '  import torch, safetensors.torch\n' +
      "  state = torch.load('model.pt', map_location='cpu')  # of a whole model, add .state_dict()\n" +
      '  safetensors.torch.save_file({k: v.clone().contiguous() for k, v in state.items()}, ' +
      "'model.safetensors')",
  );
}

/** @throws RangeError for a header that the format does not allow */
export function parseHeader(who: string, text: Uint8Array): Header {
  const what = `${who}: not a safetensors file: header`;
  // The header, an entry and its array stand in each other.
  const header = objectOf(what, parseJson(what, text, 3));
  const entries = Object.entries(header).filter(([name]) => name !== METADATA);
  const places = entries.map(([name, entry]) => placeOf(`${who}: ${brief(name)}`, name, entry));
  const names = places.map(({ name }) => name);
  places.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of places) {
    if (from !== end) {
      throw new RangeError(
        `${who}: ${brief(name)}: data_offsets expected to begin at ${end}, where the tensor before it ` +
          `ends, got ${from}: tensors may not overlap, nor have gaps between them`,
      );
    }
    end = to;
  }
  return { places, names, metadata: metadataOf(who, header) };
}

function placeOf(who: string, name: string, entry: unknown): Place {
  const { dtype, shape, data_offsets: offsets } = objectOf(`${who}:`, entry);
  const type = TYPES.get(dtype as string);
  if (!type) {
    const known = [...TYPES.keys()].join(', ');
    throw new RangeError(`${who}: dtype expected one of ${known}, got ${describe(dtype)}`);
  }
  const extents = wholeNumbers(`${who}: shape`, 'a shape such as [32, 10]', shape);
  const range = wholeNumbers(`${who}: data_offsets`, 'two offsets such as [0, 64]', offsets);
  const [from, to] = range as [number, number];
  const bytes = sizeOf(extents) * type.bytes;
  if (range.length !== 2 || to - from !== bytes) {
    throw new RangeError(
      `${who}: data_offsets of ${brief(shapeText(extents))} ${dtype} expected ${bytes} bytes, got ` +
        (range.length === 2 ? `${to - from}, from ${from} to ${to}` : `${range.length} offsets`),
    );
  }
  return { name, type: dtype as string, shape: extents, from, to };
}

/** @throws RangeError unless `value` is an array of whole numbers from 0 to 2⁵³ − 1 */
function wholeNumbers(what: string, expected: string, value: unknown): number[] {
  if (!Array.isArray(value)) {
    throw new RangeError(`${what} expected ${expected}, got ${describe(value)}`);
  }
  const odd = value.find((number) => !Number.isSafeInteger(number) || number < 0);
  if (odd === undefined) return value;
  throw new RangeError(`${what} expected whole numbers ≥ 0, got ${describe(odd)}`);
}

function metadataOf(who: string, header: Record<string, unknown>): Record<string, string> {
  if (!Object.hasOwn(header, METADATA)) return {};
  const metadata = objectOf(`${who}: ${METADATA}`, header[METADATA]);
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text === 'string') continue;
    throw new RangeError(
      `${who}: ${METADATA}.${brief(name)} expected a text, got ${describe(text)}`,
    );
  }
  return metadata as Record<string, string>;
}

/** The tensors by name, in the order of the header; a name `__proto__` is one like any other. */
export function byName(
  { names }: Header,
  tensors: ReadonlyMap<string, Tensor>,
): Record<string, Tensor> {
  return Object.fromEntries(names.map((name) => [name, tensors.get(name)!]));
}
