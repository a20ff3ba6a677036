/**
 * Reads the arrays that callers pass. An array may have getters or be a Proxy, so that each read gives
 * another number; its buffer may be shared with a thread that writes to it, or be resized, or be linear
 * memory itself, which moves when it grows. Such an array is copied, each element read once, before anything
 * is decided by its numbers.
 */
import { isLinear } from '../memory/memory.ts';
import { checkInteger, describe } from './check.ts';
import { type Shape, shapeText, sizeOf } from './shape.ts';

/** A typed array whose numbers nobody changes while no code of the caller's runs. */
export type Numbers = Float32Array | Float64Array | Int32Array;

// The getters themselves, because an array may have properties of its own under these names.
const getterOf = (prototype: object, key: PropertyKey) =>
  Object.getOwnPropertyDescriptor(prototype, key)!.get!;
const typedArray = Object.getPrototypeOf(Int8Array.prototype);
const tag = getterOf(typedArray, Symbol.toStringTag);
const length = getterOf(typedArray, 'length');
const buffer = getterOf(typedArray, 'buffer');
const byteLength = getterOf(ArrayBuffer.prototype, 'byteLength');

/** The true length of a typed array; undefined for everything else. */
export function typedLength(data: unknown): number | undefined {
  return tag.call(data) === undefined ? undefined : length.call(data);
}

/** Whether only code of this thread can change a typed array's numbers, and memory's growth cannot. */
function isSteady(data: unknown): boolean {
  const bytes = buffer.call(data);
  if (isLinear(bytes)) return false;
  try {
    byteLength.call(bytes);
    return true;
  } catch {
    return false; // a SharedArrayBuffer
  }
}

/** A copy of the same type in memory of its own. */
function copyOf(data: Numbers): Numbers {
  const types = globalThis as unknown as Record<string, new (data: Numbers) => Numbers>;
  return new types[tag.call(data)]!(data);
}

/** @throws RangeError unless data of this length fills a tensor of this shape */
export function checkSize(who: string, shape: Shape, got: unknown): void {
  if (got === sizeOf(shape)) return;
  throw new RangeError(
    `${who}: shape ${shapeText(shape)} expected ${sizeOf(shape)} elements, got ${got}`,
  );
}

/**
 * The numbers of an array: the array itself if nobody can change it meanwhile, else a copy.
 *
 * @param shape the shape that the array must fill, if it is the data of one
 * @throws TypeError for strings, holes, BigInts and the like, which would become NaN or 0 without a word
 * @throws RangeError if the length does not match the shape
 */
export function numbersOf(who: string, data: ArrayLike<number>, shape?: Shape): Numbers {
  const what = shape ? `${who}: data` : who;
  const typed = typedLength(data);
  const count = typed ?? data?.length;
  if (shape) checkSize(who, shape, count);
  if (typed !== undefined && (typed === 0 || typeof data[0] === 'number')) {
    return isSteady(data) ? (data as Numbers) : copyOf(data as Numbers);
  }
  checkInteger(who, 'length', count as number, 0);
  const copy = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const value: unknown = data[i];
    if (typeof value !== 'number') {
      throw new TypeError(`${what} expected numbers, got ${describe(value)} at [${i}]`);
    }
    copy[i] = value;
  }
  return copy;
}
