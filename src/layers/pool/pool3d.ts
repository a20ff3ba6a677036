/**
 * Pooling of volumes, as two poolings of planes: one within the slices, and one along the depth, for which a volume
 * is a plane whose rows are its slices. What is between the two stays in scratch memory.
 */
import { PoolShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { aligned, NULL, offset } from '../../memory/memory.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { spatial } from '../../runtime/spatial.ts';
import { volume } from '../../runtime/volume.ts';
import { optionsOf } from '../../tensor/options.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import type { NumberOrTriple, Pair, Triple } from '../axes.ts';
import type { AvgPoolOptions } from './avgpool.ts';
import {
  geometryText,
  outputSize,
  POOL_OPTIONS,
  type PoolGeometry,
  poolGeometry,
  poolShape,
} from './geometry.ts';
import type { MaxPoolOptions } from './maxpool.ts';

type Sizes = Struct<PoolShape, 'PoolShape'>;

/** Floats between the two poolings of some volumes, unless `LEAST` of them have more. They stay in a cache. */
const TOGETHER = 1 << 18;
/** Fewest volumes that are pooled together, so that threads can share them. */
const LEAST = 8;

/** Both poolings of a use. */
interface Memo {
  /** Volumes: one for each channel of each sample. */
  readonly volumes: number;
  /** How many of them are pooled together. */
  readonly together: number;
  readonly size: Triple;
  readonly outSize: Triple;
  /** The pooling within slices. */
  readonly slices: Sizes;
  /** The pooling along the depth. */
  readonly depth: Sizes;
}

abstract class Pool3d<M extends Memo> extends Leaf<M> {
  constructor(
    /** @internal */
    readonly geometry: PoolGeometry<Triple>,
  ) {
    super();
  }

  connect(use: Use<M>, shape: Shape): Shape {
    if (shape.length !== 5) {
      throw new RangeError(`${this}: input expected [N, C, D, H, W], got ${shapeText(shape)}`);
    }
    const [n, c, ...size] = shape as [number, number, ...Triple];
    const outSize = outputSize(`${this}`, size, this.geometry, 3);
    const output = [n, c, ...outSize];
    use.keeps({});
    this.plan(use, n * c, size, outSize, output);
    return output;
  }

  /** Sets the memo and reserves scratch memory. */
  protected abstract plan(
    use: Use<M>,
    volumes: number,
    size: Triple,
    outSize: Triple,
    output: Shape,
  ): void;

  /** The geometry within slices. */
  protected get slices(): PoolGeometry {
    return this.pairs(([, vertical, horizontal]) => [vertical, horizontal]);
  }

  /** The geometry along the depth, for planes whose rows are slices. */
  protected get depth(): PoolGeometry {
    return this.pairs(([depth], missing) => [depth, missing]);
  }

  private pairs(pair: (triple: Triple, missing: number) => Pair): PoolGeometry {
    const { kernel, stride, padding, dilation, ceilMode } = this.geometry;
    return {
      kernel: pair(kernel, 1),
      stride: pair(stride, 1),
      padding: pair(padding, 0),
      dilation: pair(dilation, 1),
      ceilMode,
    };
  }
}

/** How many of the volumes are pooled together, with `floats` of each between the two poolings. */
function togetherOf(volumes: number, floats: number): number {
  return Math.min(volumes, Math.max(LEAST, Math.floor(TOGETHER / floats)));
}

/** Calls `run` for so many volumes at a time as are pooled together. */
function inPieces(
  { volumes, together, size, outSize }: Memo,
  run: (piece: { count: number; from: number; outFrom: number }) => void,
): void {
  for (let first = 0; first < volumes; first += together) {
    const count = Math.min(together, volumes - first);
    run({ count, from: first * sizeOf(size), outFrom: first * sizeOf(outSize) });
  }
}

interface MaxMemo extends Memo {
  /** The position of each maximum in its volume. */
  readonly index: Slot<'MaxIndex'>;
  /** A volume as one plane, in which `index` counts. */
  readonly whole: Sizes;
  /** Floats of the maxima of slices; their positions follow. */
  readonly table: number;
}

/**
 * The largest value in each window of the volume: as `MaxPool1d`, in three directions.
 *
 * y[n, c, d, i, j] = max over t, u, v of x[n, c, d·stride − padding + t·dilation, …],  t, u, v = 0 … kernelSize − 1
 *
 * The gradient goes to the first of equal maxima, by depth, then row, then column. A NaN counts as the largest value.
 *
 * Shape: [N, C, D, H, W] → [N, C, D′, H′, W′]. As PyTorch's `nn.MaxPool3d`.
 *
 * @param kernelSize a number, or `[depth, vertical, horizontal]`, as each option
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class MaxPool3d extends Pool3d<MaxMemo> {
  constructor(
    kernelSize: NumberOrTriple,
    ...rest: [options?: MaxPoolOptions<NumberOrTriple> | undefined]
  ) {
    const options = optionsOf('MaxPool3d', rest, { ...POOL_OPTIONS, dilation: undefined });
    super(poolGeometry('MaxPool3d', 3, kernelSize, options));
  }

  protected plan(
    use: Use<MaxMemo>,
    volumes: number,
    size: Triple,
    outSize: Triple,
    output: Shape,
  ): void {
    const [d, h, w] = size;
    const [outD, outH, outW] = outSize;
    const plane = outH * outW;
    const together = togetherOf(volumes, 2 * d * plane);
    const table = aligned(4 * together * d * plane) / 4;
    const once = { kernel: [1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1] } as const;
    const struct = (from: Pair, to: Pair, geometry: PoolGeometry) =>
      use.struct(PoolShape, poolShape(from, to, geometry));
    use.reserveScratch(8 * table);
    use.memo = {
      ...{ volumes, together, size, outSize, table, index: use.save(output) },
      slices: struct([h, w], [outH, outW], this.slices),
      depth: struct([d, plane], [outD, plane], this.depth),
      whole: struct([d, h * w], [outD, plane], { ...once, ceilMode: false }),
    };
  }

  run(use: Use<MaxMemo>): void {
    const { y, x, memo, recording, scratch } = use;
    const [depth, height, width] = memo.size;
    const none = NULL as typeof memo.index.ptr;
    const where = recording ? offset(scratch as typeof none, memo.table) : none;
    inPieces(memo, ({ count, from, outFrom }) => {
      const planes = count * depth;
      const index = recording ? offset(memo.index.ptr, outFrom) : none;
      const input = offset(x, from);
      spatial().maxPoolForward(scratch, where, input, memo.slices.ptr, 0, planes);
      const output = offset(y, outFrom);
      const { ptr } = memo.depth;
      volume().maxPoolDepthForward(output, index, scratch, where, height * width, ptr, 0, count);
    });
  }

  runBackward(use: Use<MaxMemo>): void {
    const { volumes, whole, index } = use.memo;
    if (use.dx) spatial().maxPoolBackward(use.dx, index.ptr, use.dy, whole.ptr, 0, volumes);
  }

  override toString(): string {
    return `MaxPool3d(${geometryText(this.geometry, 3)})`;
  }
}

interface AvgMemo extends Memo {
  /** Floats of the means of slices. The kernels' own scratch follows. */
  readonly table: number;
}

/**
 * The mean of each window of the volume: as `AvgPool1d`, in three directions.
 *
 * Shape: [N, C, D, H, W] → [N, C, D′, H′, W′]. As PyTorch's `nn.AvgPool3d`.
 *
 * @param kernelSize a number, or `[depth, vertical, horizontal]`, as each option
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class AvgPool3d extends Pool3d<AvgMemo> {
  /** @internal */
  readonly countIncludePad: boolean;

  constructor(
    kernelSize: NumberOrTriple,
    ...rest: [options?: AvgPoolOptions<NumberOrTriple> | undefined]
  ) {
    const options = optionsOf('AvgPool3d', rest, { ...POOL_OPTIONS, countIncludePad: true });
    super(poolGeometry('AvgPool3d', 3, kernelSize, options));
    this.countIncludePad = options.countIncludePad;
  }

  protected plan(use: Use<AvgMemo>, volumes: number, size: Triple, outSize: Triple): void {
    const [d, h, w] = size;
    const [outD, outH, outW] = outSize;
    const plane = outH * outW;
    const together = togetherOf(volumes, d * plane);
    const table = aligned(4 * together * d * plane) / 4;
    const struct = (from: Pair, to: Pair, geometry: PoolGeometry) => {
      const sizes = poolShape(from, to, geometry, this.countIncludePad);
      const own = withStruct(PoolShape, sizes, extra().avgPoolBackwardScratch);
      use.reserveScratch(4 * table + own);
      return use.struct(PoolShape, sizes);
    };
    use.memo = {
      ...{ volumes, together, size, outSize, table },
      slices: struct([h, w], [outH, outW], this.slices),
      depth: struct([d, plane], [outD, plane], this.depth),
    };
  }

  run(use: Use<AvgMemo>): void {
    const { y, x, memo, scratch: means } = use;
    const { slices, depth, size } = memo;
    inPieces(memo, ({ count, from, outFrom }) => {
      extra().avgPoolForward(means, offset(x, from), slices.ptr, 0, count * size[0]);
      extra().avgPoolForward(offset(y, outFrom), means, depth.ptr, 0, count);
    });
  }

  runBackward(use: Use<AvgMemo>): void {
    const { dy, dx, memo, scratch: means } = use;
    const { slices, depth, size, table } = memo;
    if (!dx) return;
    const own = offset(means, table);
    const backward = extra().avgPoolBackward;
    inPieces(memo, ({ count, from, outFrom }) => {
      backward(means, offset(dy, outFrom), depth.ptr, 0, count, own);
      backward(offset(dx, from), means, slices.ptr, 0, count * size[0], own);
    });
  }

  override toString(): string {
    const counting = this.countIncludePad ? '' : ', countIncludePad=false';
    return `AvgPool3d(${geometryText(this.geometry, 3)}${counting})`;
  }
}
