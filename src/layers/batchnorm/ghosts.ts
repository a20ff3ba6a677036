import { type Shape, shapeText } from '../../tensor/shape.ts';
import type { Part } from './part.ts';

/** What happens to samples that do not fill a ghost. */
export type VirtualBatchRest = 'refuse' | 'alone' | 'join';

/**
 * The number of samples of each ghost if n samples are cut into ghosts of `size`. The samples left over
 * become a smaller ghost ('alone'), or join the last full one ('join'). With 'refuse' they become a ghost,
 * too, and `checkFilled` throws.
 */
export function ghostSizes(n: number, size: number, rest: VirtualBatchRest): number[] {
  const sizes: number[] = [];
  for (let left = n; left > 0; left -= sizes.at(-1)!) {
    const last = left < 2 * size && (rest === 'join' || left <= size);
    sizes.push(last ? left : size);
  }
  return sizes;
}

/** @throws RangeError if a batch does not fill its ghosts */
export function checkFilled(who: string, parts: readonly Part[], size: number, shape: Shape): void {
  const { samples } = parts.at(-1)!;
  if (samples === size) return;
  throw new RangeError(
    `${who}: batch expected to fill ghosts of virtualBatchSize ${size}, got ${shapeText(shape)}, which ` +
      `leaves ${samples}: pass virtualBatchRest: 'alone' (a smaller ghost) or 'join' (in the last one)`,
  );
}
