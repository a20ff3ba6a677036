/** Which convolutions are computed by Winograd's method. */
import type { ConvShape } from '../../generated/kernels.ts';
import { checkCount } from '../../tensor/options.ts';

let direct = false;

/**
 * Makes all convolutions sum their products directly. By default those of 3 × 3 taps at stride 1 with 16 or
 * more channels on both sides use Winograd's method, with a quarter of the multiplications and about the same
 * rounding errors. Call it before the first step: a step that was made for a batch shape stays as it is.
 *
 * docs/convolutions.md compares times and errors.
 */
export function useDirectConvolutions(...rest: []): void {
  checkCount('useDirectConvolutions', rest);
  direct = true;
}

/** Fewest channels for which the transforms cost less than the multiplications that they save. */
const LEAST_CHANNELS = 16;

/** Fewest rows and columns of an image: a tile has 4 × 4 outputs. */
const LEAST_EXTENT = 3;

/** Most weights of a tap: the transformed weight then takes 9 MiB, and is read again for every block of tiles. */
const MOST_WEIGHTS = 65536;

/** Whether a convolution is computed by Winograd's method. Its sizes decide, and never its numbers. */
export function takesWinograd(shape: Omit<ConvShape, 'winograd'>): boolean {
  if (direct || shape.groups > 1) return false;
  const { kernelH, kernelW, strideH, strideW, dilationH, dilationW, top, left } = shape;
  if (kernelH !== 3 || kernelW !== 3 || Math.max(strideH, strideW, dilationH, dilationW) > 1) {
    return false;
  }
  const { channels, outChannels, h, w, outH, outW } = shape;
  return (
    Math.min(channels, outChannels) >= LEAST_CHANNELS &&
    channels * outChannels <= MOST_WEIGHTS &&
    Math.min(h, w, outH, outW) >= LEAST_EXTENT &&
    Math.max(top, left) <= 2
  );
}
