import { UpsampleShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkNumber, checkSize } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { checkExtents, type Shape, shapeText } from '../../tensor/shape.ts';
import { type Dimensions, type Pair, pairOf } from '../axes.ts';
import { planesOf, withSize } from './geometry.ts';

export type UpsampleMode = 'nearest' | 'linear' | 'bilinear';

export interface UpsampleOptions {
  /** How much longer each axis becomes; may be below 1. This or `size`. */
  scaleFactor?: number | readonly number[];
  /** The output's length along each axis. This or `scaleFactor`. */
  size?: number | readonly number[];
  /** `linear` for [N, C, L], `bilinear` for [N, C, H, W], `nearest` for either. Default `nearest`. */
  mode?: UpsampleMode;
  /** Whether the first and the last output of an axis are its first and last input. Default false. */
  alignCorners?: boolean;
}

interface Memo {
  readonly planes: number;
  readonly shape: Struct<UpsampleShape, 'UpsampleShape'>;
}

/**
 * Makes planes larger (or smaller): each output is copied from the nearest input or interpolated between its
 * neighbours. With scale = input size / output size, output o reads the input at
 *
 * nearest:  ⌊o·scale⌋
 * linear:   (o + ½)·scale − ½, at least 0; with `alignCorners` o·(size − 1) / (output size − 1)
 *
 * ```ts
 * new Upsample({ scaleFactor: 2 })
 * new Upsample({ size: [224, 224], mode: 'bilinear' })
 * ```
 *
 * An axis that keeps its length, because a factor such as 1.1 adds less than one, stays as it is.
 *
 * Shape: [N, C, L] → [N, C, L′], [N, C, H, W] → [N, C, H′, W′]; with a factor each length is
 * ⌊length·factor⌋. As PyTorch's `nn.Upsample`.
 *
 * @throws RangeError unless exactly one of `scaleFactor` and `size` is given and above 0; in `forward`
 *   for a rank that the mode does not take
 */
export class Upsample extends Leaf<Memo> {
  /** @internal */
  readonly scaleFactor: readonly number[] | undefined;
  /** @internal */
  readonly size: readonly number[] | undefined;
  /** @internal */
  readonly interpolation: UpsampleMode;
  /** @internal */
  readonly alignCorners: boolean;

  constructor(...rest: [options: UpsampleOptions]) {
    super();
    const { scaleFactor, size, mode, alignCorners } = optionsOf('Upsample', rest, {
      scaleFactor: undefined,
      size: undefined,
      mode: ['nearest', 'linear', 'bilinear'],
      alignCorners: false,
    });
    if ((scaleFactor === undefined) === (size === undefined)) {
      const got = size === undefined ? 'neither' : 'both';
      throw new RangeError(`Upsample: either scaleFactor or size expected, got ${got}`);
    }
    if (alignCorners && mode === 'nearest') {
      throw new RangeError("Upsample: alignCorners expected with mode 'linear' or 'bilinear'");
    }
    this.scaleFactor = scaleFactor === undefined ? undefined : [scaleFactor].flat();
    this.size = size === undefined ? undefined : [size].flat();
    for (const factor of this.scaleFactor ?? []) {
      checkNumber('Upsample', 'scaleFactor', factor, 1 / 65536, 65536);
    }
    for (const extent of this.size ?? []) checkSize('Upsample', 'size', extent);
    this.interpolation = mode;
    this.alignCorners = alignCorners;
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const ranks = { nearest: shape.length === 3 ? 1 : 2, linear: 1, bilinear: 2 } as const;
    const dimensions: Dimensions = ranks[this.interpolation];
    const { planes, size } = planesOf(`${this}`, shape, dimensions);
    const outSize = this.outputSize(size, dimensions);
    const output = withSize(shape, outSize, dimensions);
    checkExtents(`${this}: output`, output);
    const factors = this.perAxis(this.scaleFactor, dimensions);
    const scale = (d: 0 | 1): number => {
      // As PyTorch, whatever the factor was before the length was rounded down.
      if (outSize[d] === size[d]) return 1;
      if (this.interpolation === 'nearest' && outSize[d] === 2 * size[d]) return 0.5;
      if (this.alignCorners) return outSize[d] > 1 ? (size[d] - 1) / (outSize[d] - 1) : 0;
      return factors ? 1 / factors[d] : size[d] / outSize[d];
    };
    const sizes: UpsampleShape = {
      h: size[0],
      w: size[1],
      outH: outSize[0],
      outW: outSize[1],
      scaleH: scale(0),
      scaleW: scale(1),
      alignCorners: Number(this.alignCorners),
    };
    const { upsampleNearestScratch, upsampleBilinearScratch } = extra();
    const scratch =
      this.interpolation === 'nearest' ? upsampleNearestScratch : upsampleBilinearScratch;
    use.keeps({});
    use.reserveScratch(withStruct(UpsampleShape, sizes, scratch));
    use.memo = { planes, shape: use.struct(UpsampleShape, sizes) };
    return output;
  }

  run(use: Use<Memo>): void {
    const { planes, shape } = use.memo;
    const { upsampleNearestForward, upsampleBilinearForward } = extra();
    const forward =
      this.interpolation === 'nearest' ? upsampleNearestForward : upsampleBilinearForward;
    forward(use.y, use.x, shape.ptr, 0, planes, use.scratch);
  }

  runBackward(use: Use<Memo>): void {
    if (!use.dx) return;
    const { planes, shape } = use.memo;
    const { upsampleNearestBackward, upsampleBilinearBackward } = extra();
    const backward =
      this.interpolation === 'nearest' ? upsampleNearestBackward : upsampleBilinearBackward;
    backward(use.dx, use.dy, shape.ptr, 0, planes, use.scratch);
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
      throw new RangeError(
        `${this}: output expected to be at least 1×1, got ${out[0]}×${out[1]}: use a larger scaleFactor`,
      );
    }
    return out;
  }

  /** A factor for each axis. A row is a plane of height 1, which stays. */
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
