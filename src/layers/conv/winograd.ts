/** Which convolutions Winograd's method computes (assembly/winograd). */
import type { ConvShape } from '../../generated/kernels.ts';
import { checkCount } from '../../tensor/options.ts';

let direct = false;

/**
 * Makes all convolutions sum their products directly. By default, those of 3 × 3 taps at stride 1 with at least
 * 16 channels on both sides use Winograd's method: a quarter of the multiplications, and rounding errors of about
 * the same size. Call it before the first step: a step that was made for a batch shape stays as it is.
 *
 * docs/convolutions.md compares times and errors.
 *
 * @throws TypeError for arguments
 */
export function useDirectConvolutions(...rest: []): void {
  checkCount('useDirectConvolutions', rest);
  direct = true;
}

/** Fewest channels for which the transforms take less time than the multiplications that they save. */
const LEAST_CHANNELS = 16;

/**
 * Most products of channel counts. The transformed weight then takes 9 MiB, and is read again for every block of
 * tiles; beyond the caches that takes longer than the multiplications that it saves.
 */
const MOST_WEIGHTS = 65_536;

/** Fewest rows and columns: a tile has 4 × 4 outputs. */
const LEAST_EXTENT = 3;

/** Whether a convolution is computed by Winograd's method. Its sizes decide, never the batch or the numbers. */
export function takesWinograd(shape: ConvShape): boolean {
  const { kernelH, kernelW, strideH, strideW, dilationH, dilationW, groups, top, left } = shape;
  const { channels, outChannels, h, w, outH, outW } = shape;
  return (
    !direct &&
    kernelH === 3 &&
    kernelW === 3 &&
    Math.max(strideH, strideW, dilationH, dilationW, groups) === 1 &&
    Math.max(top, left) <= 2 &&
    Math.min(channels, outChannels) >= LEAST_CHANNELS &&
    channels * outChannels <= MOST_WEIGHTS &&
    Math.min(h, w, outH, outW) >= LEAST_EXTENT
  );
}
