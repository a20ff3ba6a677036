import { BatchNormShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { offset, type Pointer } from '../../memory/memory.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { kernels } from '../../runtime/engine.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';

/** Rows of C numbers in a part's blocks, as in assembly/batchnorm/shape.ts. */
const STATISTICS = 4; // K, δ, variance, 1/σ
const RENORMALIZED = 6; // and r, d
const COEFFICIENTS = 5; // K, a, b, p, q

/**
 * A part of a batch that is normalised by one set of statistics: the whole batch, or a ghost of it. It
 * computes the addresses that kernels take.
 */
export class Part {
  /** Values a channel: n·s, or as many of them as a mask counts. */
  m: number;

  constructor(
    private readonly use: Use,
    private readonly struct: Struct<BatchNormShape, 'BatchNormShape'>,
    private readonly blocks: Blocks,
    /** Parts before it in the batch, and positions (numbers of a mask) before it. */
    private readonly index: number,
    readonly position: number,
    /** Its samples, and its positions, whether a mask counts them or not. */
    readonly samples: number,
    readonly positions: number,
  ) {
    this.m = positions;
  }

  /** Channels. */
  get c(): number {
    return this.struct.values.c;
  }

  /** Samples or rows, as kernels count them. */
  get n(): number {
    return this.struct.values.n;
  }

  get shape(): Pointer<'BatchNormShape'> {
    return this.struct.ptr;
  }

  get relu(): number {
    return this.use.relu ? 1 : 0;
  }

  get x(): Pointer {
    return this.inTensor(this.use.x);
  }

  get y(): Pointer {
    return this.inTensor(this.use.y);
  }

  get dy(): Pointer {
    return this.inTensor(this.use.dy);
  }

  get dx(): Pointer {
    return this.inTensor(this.use.dx);
  }

  get mask(): Pointer {
    return offset(this.use.input(1), this.position);
  }

  get statistics(): Pointer<'Statistics'> {
    const { statistics, rows } = this.blocks;
    return offset(statistics.ptr, this.index * rows * this.c);
  }

  get coefficients(): Pointer<'Coefficients'> {
    return offset(this.blocks.coefficients.ptr, this.index * COEFFICIENTS * this.c);
  }

  get scratch(): Pointer {
    return this.use.scratch;
  }

  private inTensor(ptr: Pointer): Pointer {
    return offset(ptr, this.position * this.c);
  }
}

/** The saved per-channel numbers of a use, a block a part. */
export interface Blocks {
  readonly statistics: Slot<'Statistics'>;
  readonly coefficients: Slot<'Coefficients'>;
  /** Rows of a block of statistics. */
  readonly rows: number;
}

export function saveBlocks(use: Use, parts: number, c: number, renormalized: boolean): Blocks {
  const rows = renormalized ? RENORMALIZED : STATISTICS;
  return {
    statistics: use.save([parts, rows, c]),
    coefficients: use.save([parts, COEFFICIENTS, c]),
    rows,
  };
}

/** Cuts a batch of this shape into parts of so many samples each. */
export function partsOf(
  use: Use,
  blocks: Blocks,
  shape: Shape,
  c: number,
  channelsLast: boolean,
  sizes: readonly number[],
): Part[] {
  const space = sizeOf(shape) / shape[0]! / c;
  const structs = new Map<number, Struct<BatchNormShape, 'BatchNormShape'>>();
  let position = 0;
  return sizes.map((samples, index) => {
    const positions = samples * space;
    const struct =
      structs.get(samples) ??
      use.struct(BatchNormShape, kernelShape(positions, space, c, channelsLast));
    structs.set(samples, struct);
    const part = new Part(use, struct, blocks, index, position, samples, positions);
    position += positions;
    return part;
  });
}

/**
 * The shape that kernels take for so many positions, `space` a sample: rows (s = 0) if the channels are the
 * last axis.
 */
export function kernelShape(
  positions: number,
  space: number,
  c: number,
  channelsLast: boolean,
): BatchNormShape {
  // A single channel is one long plane, whatever its layout.
  if (c === 1) return { n: 1, c, s: positions };
  if (channelsLast || space === 1) return { n: positions, c, s: 0 };
  return { n: positions / space, c, s: space };
}

/** Bytes of scratch that batch norm's kernels take for a tensor of this shape. */
export function batchNormScratch(shape: BatchNormShape): number {
  return withStruct(BatchNormShape, shape, (ptr) => kernels().batchNormScratch(ptr));
}
