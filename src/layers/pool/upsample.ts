import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber, type Shape, shapeText } from '../../tensor/check.ts';
import { type Dimensions, type Pair, pairOf, planesOf, withSize } from './window.ts';

export type UpsampleMode = 'nearest' | 'linear' | 'bilinear';

export interface UpsampleOptions {
  /** How much longer each axis becomes; may be below 1. This or `size`. */
  scaleFactor?: number | readonly number[];
  /** The output's length along each axis. This or `scaleFactor`. */
  size?: number | readonly number[];
  /** `linear` for [N, C, L], `bilinear` for [N, C, H, W], `nearest` for either. Default `nearest`. */
  mode?: UpsampleMode;
  /** Whether first and last inputs stay first and last, and only what is between is stretched. */
  alignCorners?: boolean;
}

/** The kernels' sizes in their order. */
interface Memo {
  readonly sizes: readonly [number, number, number, number, number, number];
  readonly planes: number;
}

/**
 * Makes planes larger (or smaller), each output copied from the nearest input or mixed from its
 * neighbours. With scale = input size / output size, output o stands in the input at
 *
 * nearest:  ⌊o·scale⌋
 * linear:   (o + ½)·scale − ½, at least 0; with `alignCorners` o·(size − 1) / (output size − 1)
 *
 * ```ts
 * new Upsample({ scaleFactor: 2 })
 * new Upsample({ size: [224, 224], mode: 'bilinear' })
 * ```
 *
 * Shape: [N, C, L] → [N, C, L′], [N, C, H, W] → [N, C, H′, W′]; with a factor each length is
 * ⌊length·factor⌋. As PyTorch's `nn.Upsample`.
 *
 * @throws RangeError unless exactly one of `scaleFactor` and `size` is given and above 0; in `forward`
 *   for a rank that the mode does not take
 */
export class Upsample extends Leaf {
  private readonly scaleFactor: readonly number[] | undefined;
  private readonly size: readonly number[] | undefined;
  private readonly interpolation: UpsampleMode;
  private readonly alignCorners: boolean;

  constructor({ scaleFactor, size, mode = 'nearest', alignCorners = false }: UpsampleOptions) {
    super();
    if ((scaleFactor === undefined) === (size === undefined)) {
      throw new RangeError('Upsample: give scaleFactor or size, and not both');
    }
    if (mode !== 'nearest' && mode !== 'linear' && mode !== 'bilinear') {
      throw new RangeError(
        `Upsample: mode expected 'nearest', 'linear' or 'bilinear', got ${mode}`,
      );
    }
    if (alignCorners && mode === 'nearest') {
      throw new RangeError("Upsample: alignCorners expected with mode 'linear' or 'bilinear'");
    }
    this.scaleFactor = scaleFactor === undefined ? undefined : [scaleFactor].flat();
    this.size = size === undefined ? undefined : [size].flat();
    for (const factor of this.scaleFactor ?? []) {
      checkNumber('Upsample', 'scaleFactor', factor, 1 / 65536, 65536);
    }
    this.interpolation = mode;
    this.alignCorners = alignCorners;
  }

  connect(use: Use, shape: Shape): Shape {
    const ranks = { nearest: shape.length === 3 ? 1 : 2, linear: 1, bilinear: 2 } as const;
    const dimensions: Dimensions = ranks[this.interpolation];
    const { planes, size } = planesOf(`${this}`, shape, dimensions);
    const outSize = this.outputSize(size, dimensions);
    const factors = this.perAxis(this.scaleFactor, dimensions);
    const scale = (d: 0 | 1): number => {
      if (this.alignCorners) return outSize[d] > 1 ? (size[d] - 1) / (outSize[d] - 1) : 0;
      return factors ? 1 / factors[d] : size[d] / outSize[d];
    };
    use.keeps({});
    use.reserveScratch(4 * (2 * outSize[1] + size[1]));
    use.memo = { sizes: [...size, ...outSize, scale(0), scale(1)], planes } satisfies Memo;
    return withSize(shape, outSize, dimensions);
  }

  run(use: Use): void {
    const { sizes, planes } = use.memo as Memo;
    const { upsampleNearestForward, upsampleBilinearForward } = extra();
    const { y, x, scratch } = use;
    if (this.interpolation === 'nearest')
      upsampleNearestForward(y, x, ...sizes, 0, planes, scratch);
    else upsampleBilinearForward(y, x, ...sizes, Number(this.alignCorners), 0, planes, scratch);
  }

  runBackward(use: Use): void {
    const { sizes, planes } = use.memo as Memo;
    const { upsampleNearestBackward, upsampleBilinearBackward } = extra();
    const { dx, dy, scratch } = use;
    if (!dx) return;
    if (this.interpolation === 'nearest')
      upsampleNearestBackward(dx, dy, ...sizes, 0, planes, scratch);
    else upsampleBilinearBackward(dx, dy, ...sizes, Number(this.alignCorners), 0, planes, scratch);
  }

  override toString(): string {
    const text = (list: readonly number[]) => (list.length === 1 ? list[0] : shapeText(list));
    const size = this.size ? `size=${text(this.size)}` : `scaleFactor=${text(this.scaleFactor!)}`;
    return `Upsample(${size}, ${this.interpolation}${this.alignCorners ? ', alignCorners=true' : ''})`;
  }

  private outputSize(size: Pair, dimensions: Dimensions): Pair {
    const factors = this.perAxis(this.scaleFactor, dimensions);
    const out: Pair = factors
      ? [Math.floor(size[0] * factors[0]), Math.floor(size[1] * factors[1])]
      : pairOf(
          `${this}`,
          'size',
          this.size!.length === 1 ? this.size![0]! : (this.size as Pair),
          dimensions,
          1,
        );
    if (out[0] < 1 || out[1] < 1) {
      throw new RangeError(`${this}: the output would be empty, ${out[0]} × ${out[1]}`);
    }
    return out;
  }

  /** A factor for each direction; a row's height stays 1. */
  private perAxis(list: readonly number[] | undefined, dimensions: Dimensions): Pair | undefined {
    if (!list) return undefined;
    if (list.length !== 1 && list.length !== dimensions) {
      throw new RangeError(
        `${this}: scaleFactor expected a number or one for each of ${dimensions} axes, got ` +
          shapeText(list),
      );
    }
    const last = list[list.length - 1]!;
    return dimensions === 1 ? [1, last] : [list[0]!, last];
  }
}
