import { Module } from '../module/module.ts';
import { permute } from '../ops/axes.ts';
import { reshape } from '../ops/reshape.ts';
import { checkInteger } from '../tensor/check.ts';
import { shapeText } from '../tensor/shape.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';

/**
 * Channels become pixels (Shi and others, 2016, arXiv:1609.05158): y[n, c, h·r + i, w·r + j] = x[n, c·r² + i·r + j, h, w]
 *
 * ```ts
 * new PixelShuffle(2).forward(x);          // [N, 12, 8, 8] → [N, 3, 16, 16]
 * ```
 *
 * Shape: [N, C·r², H, W] → [N, C, H·r, W·r]. As PyTorch's `nn.PixelShuffle`.
 *
 * @throws RangeError for an `upscaleFactor` that is not a whole number ≥ 1; in `forward` for another rank, or for
 *   channels that are no multiple of r²
 */
export class PixelShuffle extends Module {
  /** @param upscaleFactor r */
  constructor(
    readonly upscaleFactor: number,
    ...rest: []
  ) {
    super(...rest);
    checkInteger('PixelShuffle', 'upscaleFactor', upscaleFactor);
  }

  override forward(x: Input): Tensor {
    const r = this.upscaleFactor;
    const [n, channels, h, w] = x.shape as [number, number, number, number];
    const c = channels / (r * r);
    if (x.shape.length !== 4 || !Number.isInteger(c)) {
      throw new RangeError(
        `${this}: input expected [N, C·${r * r}, H, W], got ${shapeText(x.shape)}`,
      );
    }
    const apart = permute(reshape(x, [n, c, r, r, h, w]), [0, 1, 4, 2, 5, 3]);
    return reshape(apart, [n, c, h * r, w * r]);
  }

  override toString(): string {
    return `PixelShuffle(${this.upscaleFactor})`;
  }
}
