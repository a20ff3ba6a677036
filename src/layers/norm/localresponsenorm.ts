import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkInteger, checkNumber, type Shape, shapeText, sizeOf } from '../../tensor/check.ts';

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1. */
  k?: number;
}

/** What a use of the layer knows of its sizes, and keeps from its forward for its backward. */
interface Memo {
  readonly n: number;
  readonly c: number;
  /** Numbers a channel and sample. */
  readonly s: number;
  /** What x is divided by, before the power. */
  readonly t: Slot;
}

/**
 * Local response norm (Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional
 * neural networks", 2012): each channel is damped by its neighbours,
 *
 *   y_i = x_i/(k + α/size·Σ_j x_j²)^β
 *
 * over the `size` channels j from i − ⌊size/2⌋ to i + ⌊(size − 1)/2⌋ that there are.
 *
 * ```ts
 * new LocalResponseNorm(5, { k: 2 }).forward(x);   // [N, C, H, W] → [N, C, H, W]
 * ```
 *
 * Shapes: x [N, C, …]; the output has x's. Nothing is learnt. As PyTorch's `nn.LocalResponseNorm`: α is
 * divided by `size` (the paper's is not), and at the border, too.
 *
 * @throws RangeError for a size that is no whole number ≥ 1, an alpha or beta < 0, a k ≤ 0, and in forward
 *   for an input without channels
 */
export class LocalResponseNorm extends Leaf {
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  /** @param size channels that count, the channel itself included */
  constructor(
    readonly size: number,
    { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
  ) {
    super();
    const who = 'LocalResponseNorm';
    checkInteger(who, 'size', size);
    checkNumber(who, 'alpha', alpha, 0);
    checkNumber(who, 'beta', beta, 0);
    checkNumber(who, 'k', k, 0);
    if (!(Math.fround(k) > 0)) throw new RangeError(`${who}: k expected a number > 0, got ${k}`);
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  connect(use: Use, shape: Shape): Shape {
    const [n, c] = shape;
    if (shape.length < 3) {
      throw new RangeError(`${this}: input expected [N, C, L, …], got ${shapeText(shape)}`);
    }
    const s = sizeOf(shape) / (n! * c!);
    use.memo = { n: n!, c: c!, s, t: use.save(shape) } satisfies Memo;
    use.reserveScratch(4 * c! * s);
    use.keeps({ input: true, output: true });
    return shape;
  }

  run(use: Use): void {
    const { n, c, s, t } = use.memo as Memo;
    const { size, alpha, beta, k } = this;
    const share = alpha / size;
    extra().localResponseNormForward(use.y, t.ptr, use.x, c, s, size, share, beta, k, 0, n);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const { n, c, s, t } = use.memo as Memo;
    const { size, alpha, beta } = this;
    const inputs = [t.ptr, use.y, use.dy, use.x, c, s, size, alpha / size, beta] as const;
    extra().localResponseNormBackward(use.dx, ...inputs, 0, n, use.scratch);
  }

  override toString(): string {
    return `LocalResponseNorm(${this.size})`;
  }
}
