import { checkInteger, type Shape, shapeText, sizeOf } from '../../tensor/check.ts';

/** What becomes of samples that do not fill a ghost. */
export type VirtualBatchRest = 'refuse' | 'alone' | 'join';

/** The whole of a batch, or a ghost of it: what is normalised by one set of statistics. */
export interface Part {
  /** Elements of x before it, positions (of a mask) before it, and parts before it. */
  readonly element: number;
  readonly position: number;
  readonly index: number;
  /** Its samples. */
  readonly samples: number;
  /** Its rows or samples as kernels count them, and values a plane; 0 where channels stand side by side. */
  readonly n: number;
  readonly s: number;
  /** Values a channel: n·s, or as many of them as a mask lets count. */
  m: number;
}

/** A batch of this shape, C channels, as one part. */
export function wholeOf(shape: Shape, c: number, channelsLast: boolean): Part {
  return partOf(shape, c, channelsLast, 0, shape[0]!, 0);
}

/**
 * A batch cut into ghosts of `size` samples. Samples that are left over are a smaller ghost of their own
 * ('alone'), or part of the last whole one ('join'); with 'refuse' there is a ghost of them, too, which
 * `unfilled` reports.
 */
export function ghostsOf(
  shape: Shape,
  c: number,
  channelsLast: boolean,
  size: number,
  rest: VirtualBatchRest,
): Part[] {
  const n = shape[0]!;
  const parts: Part[] = [];
  for (let from = 0; from < n; ) {
    const left = n - from;
    const last = left < 2 * size && (rest === 'join' || left <= size);
    const samples = last ? left : size;
    parts.push(partOf(shape, c, channelsLast, from, samples, parts.length));
    from += samples;
  }
  return parts;
}

/** @throws TypeError or RangeError for what the layer cannot take */
export function checkGhosts(who: string, size: number | undefined, rest: VirtualBatchRest): void {
  if (size !== undefined) checkInteger(who, 'virtualBatchSize', size, 2);
  if (!['refuse', 'alone', 'join'].includes(rest)) {
    throw new TypeError(
      `${who}: virtualBatchRest expected 'refuse', 'alone' or 'join', got ${String(rest)}`,
    );
  }
}

/** @throws RangeError where a batch does not fill its ghosts */
export function checkFilled(who: string, parts: readonly Part[], size: number, shape: Shape): void {
  const { samples } = parts.at(-1)!;
  if (samples === size) return;
  throw new RangeError(
    `${who}: batch expected to fill ghosts of virtualBatchSize ${size}, got ${shapeText(shape)}, which ` +
      `leaves ${samples}: pass virtualBatchRest: 'alone' (a smaller ghost) or 'join' (in the last one)`,
  );
}

function partOf(
  shape: Shape,
  c: number,
  channelsLast: boolean,
  from: number,
  samples: number,
  index: number,
): Part {
  const positions = sizeOf(shape) / shape[0]! / c;
  const m = samples * positions;
  // Channels side by side are rows; a single channel is one long plane, however it was meant.
  const s = c === 1 ? m : channelsLast || positions === 1 ? 0 : positions;
  const n = s === 0 ? m : m / s;
  const position = from * positions;
  return { element: position * c, position, index, samples, n, s, m };
}
