/** A state dict as the bytes of a safetensors file: the header, then tensor by tensor. */
import { checkRecord, describe } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Reading, read } from '../tensor/reading.ts';
import { sizeOf } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';
import { isCounter } from './counter.ts';
import { TYPES } from './elements.ts';
import { toHalf } from './half.ts';
import { METADATA } from './header.ts';

export interface SafetensorsOptions {
  /**
   * The element type of weights and statistics. F16 takes half the bytes: it keeps 11 binary digits, rounds to
   * the nearest (ties to even), and holds numbers up to 65504. Counters are int64 in both. Default F32.
   */
  dtype?: 'F32' | 'F16';
}

type Type = 'I64' | 'F32' | 'F16';

/** A tensor that will be written, and its place in the file. */
interface Part {
  readonly name: string;
  readonly type: Type;
  readonly reading: Reading;
  readonly bytes: number;
}

/** A file that is checked and laid out, but for its tensors' bytes. */
export interface Layout {
  /** The length of the header, padded, and the header. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly parts: readonly Part[];
  /** The size of the file in bytes. */
  readonly size: number;
}

/**
 * Checks a state dict and lays the file out.
 *
 * @throws as `saveSafetensors`
 */
export function layOut(
  who: string,
  state: Readonly<Record<string, Input>>,
  metadata: Readonly<Record<string, string>>,
  rest: [options?: SafetensorsOptions | undefined],
): Layout {
  const { dtype } = optionsOf(who, rest, { dtype: ['F32', 'F16'] });
  checkRecord(who, state);
  checkRecord(`${who}: metadata`, metadata, 'texts');
  const notes = Object.entries(metadata);
  for (const [name, text] of notes) {
    if (typeof text === 'string') continue;
    throw new TypeError(`${who}: metadata.${name} expected a text, got ${describe(text)}`);
  }
  const parts = Object.entries(state).map(([name, input]) => partOf(who, name, input, dtype));
  // The wide come first, so that every element is aligned.
  const width = ({ type }: Part) => TYPES.get(type)!.bytes;
  parts.sort((a, b) => width(b) - width(a));
  const header: [string, unknown][] =
    notes.length > 0 ? [[METADATA, Object.fromEntries(notes)]] : [];
  let end = 0;
  for (const { name, type, reading, bytes } of parts) {
    const start = end;
    end += bytes;
    header.push([name, { dtype: type, shape: reading.shape, data_offsets: [start, end] }]);
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(8 + length).fill(0x20); // the header is padded with spaces
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(text, 8);
  return { head, parts, size: head.length + end };
}

function partOf(who: string, name: string, input: Input, dtype: Type): Part {
  if (name === METADATA) {
    throw new RangeError(`${who}: ${name} expected another name: the format keeps it for metadata`);
  }
  const reading = read(`${who}: ${name}`, input);
  const type = isCounter(name) ? 'I64' : dtype;
  const bytes = sizeOf(reading.shape) * TYPES.get(type)!.bytes;
  const part = { name, type, reading, bytes };
  if (type !== 'F32') encode(who, part); // nothing is written if a number does not fit
  return part;
}

/**
 * The bytes of a tensor.
 *
 * @throws RangeError for a counter that is not a whole number, and for a number that F16 does not hold
 */
export function encode(who: string, part: Part): Uint8Array<ArrayBuffer> {
  const { name, type, reading, bytes } = part;
  const { values } = reading;
  const encoded = new Uint8Array(bytes);
  const view = new DataView(encoded.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (type === 'F32') {
      view.setFloat32(4 * i, value, true);
      continue;
    }
    if (type === 'I64') {
      if (!Number.isSafeInteger(value)) {
        throw new RangeError(`${who}: ${name} expected a whole number up to 2⁵³, got ${value}`);
      }
      view.setBigInt64(8 * i, BigInt(value), true);
      continue;
    }
    const half = toHalf(value);
    if ((half & 0x7fff) === 0x7c00 && Math.abs(value) !== Infinity) {
      throw new RangeError(
        `${who}: ${name} expected numbers up to 65504, which F16 holds, got ${value} at [${i}]: ` +
          'leave dtype out to save as F32',
      );
    }
    view.setUint16(2 * i, half, true);
  }
  return encoded;
}
