import { LocalResponseNormShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber, checkSize } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1. */
  k?: number;
}

/** What a use of the layer keeps: its sizes, and what its forward saves for its backward. */
interface Memo {
  readonly samples: number;
  readonly shape: Struct<LocalResponseNormShape, 'LocalResponseNormShape'>;
  /** t = k + α/size·Σ x_j², [N, C, …]. */
  readonly t: Slot;
}

/**
 * Local response norm (Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional
 * neural networks", 2012) divides each channel by a measure of its neighbours' size,
 *
 *   y_i = x_i/(k + α/size·Σ_j x_j²)^β
 *
 * over those of the `size` channels j from i − ⌊size/2⌋ to i + ⌊(size − 1)/2⌋ that exist.
 *
 * ```ts
 * new LocalResponseNorm(5, { k: 2 }).forward(x);   // [N, C, H, W] → [N, C, H, W]
 * ```
 *
 * Shapes: x [N, C, …]; the output has x's. Nothing is learnt. As PyTorch's `nn.LocalResponseNorm`: α is
 * divided by `size`, also at the border, where fewer channels exist (the paper does not divide it).
 *
 * @throws RangeError for a size that is not a whole number ≥ 1, an alpha or beta < 0, a k ≤ 0, and in forward
 *   for an input without channels
 */
export class LocalResponseNorm extends Leaf<Memo> {
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  /** @param size number of channels in a window, including the channel itself */
  constructor(
    readonly size: number,
    ...rest: [options?: LocalResponseNormOptions | undefined]
  ) {
    super();
    const who = 'LocalResponseNorm';
    const { alpha, beta, k } = optionsOf(who, rest, { alpha: 1e-4, beta: 0.75, k: 1 });
    checkSize(who, 'size', size);
    checkNumber(who, 'alpha', alpha, 0);
    checkNumber(who, 'beta', beta, 0);
    checkNumber(who, 'k', k, 0);
    if (!(Math.fround(k) > 0)) throw new RangeError(`${who}: k expected a number > 0, got ${k}`);
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { size, alpha, beta, k } = this;
    const [n, c] = shape;
    if (shape.length < 3) {
      throw new RangeError(`${this}: input expected [N, C, L, …], got ${shapeText(shape)}`);
    }
    const sizes = {
      channels: c!,
      plane: sizeOf(shape) / (n! * c!),
      size,
      share: alpha / size,
      beta,
      k,
    };
    const t = use.save(shape);
    use.memo = { samples: n!, shape: use.struct(LocalResponseNormShape, sizes), t };
    use.reserveScratch(
      withStruct(LocalResponseNormShape, sizes, (ptr) => extra().localResponseNormScratch(ptr)),
    );
    use.keeps({ input: true, output: true });
    return shape;
  }

  run(use: Use<Memo>): void {
    const { samples, shape, t } = use.memo;
    extra().localResponseNormForward(use.y, t.ptr, use.x, shape.ptr, 0, samples);
  }

  runBackward(use: Use<Memo>): void {
    const { dx, dy, x, y, scratch } = use;
    if (!dx) return;
    const { samples, shape, t } = use.memo;
    extra().localResponseNormBackward(dx, t.ptr, y, dy, x, shape.ptr, 0, samples, scratch);
  }

  override toString(): string {
    return `LocalResponseNorm(${this.size})`;
  }
}
