/** Sums, means, maxima and variances over axes. */
import type { BroadcastShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { NULL, offset } from '../memory/memory.ts';
import { ops } from '../runtime/ops.ts';
import { checkNumber } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { div, sub } from './arithmetic.ts';
import { axesOf, checkDim } from './dims.ts';
import { broadcastLoops, type Planes, type Reduce, reduceLoops, stepsOf } from './loops.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { square } from './unary.ts';

export interface ReduceOptions {
  /** Whether an axis that is summed over stays, with length 1. Default false. */
  keepdim?: boolean;
}

/** One axis, several, or all if it is left out; negative ones count from the last. */
export type Dims = number | readonly number[];

type Loops = Planes<BroadcastShape, 'BroadcastShape'>;

interface Memo {
  readonly loops: Reduce;
  /** For an operation of a tensor of x's shape with one of y's. */
  readonly beside: Loops;
  /** The same, the operands exchanged. */
  readonly gate: Loops;
  /** For one of y's shape, in the place of the first operand, with a number in that of the second. */
  readonly spread: Loops;
  /** For two tensors of y's shape. */
  readonly small: Loops;
  /** Of the sum. */
  readonly scale: number;
}

abstract class Reduction extends TensorOperation<Memo> {
  private readonly keepdim: boolean;

  constructor(
    name: string,
    private readonly dim: Dims | undefined,
    rest: readonly (ReduceOptions | undefined)[],
  ) {
    const { keepdim } = optionsOf(name, rest, { keepdim: false });
    super(name, [dim, keepdim]);
    this.keepdim = keepdim;
    for (const each of Array.isArray(dim) ? dim : [dim === undefined ? 0 : dim])
      checkDim(name, each);
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const axes = axesOf(this.name, shape, this.dim);
    const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
    const none = Array(shape.length).fill(0);
    const loops = reduceLoops(use, shape, stepsOf(kept, shape), none);
    if (!loops) {
      throw new RangeError(
        `${this.name}: dim expected at most 3 runs of axes, got ${shapeText(axes)} of ` +
          `${shapeText(shape)}: join axes with reshape, or reduce in two steps`,
      );
    }
    use.memo = {
      loops,
      beside: broadcastLoops(use, shape, shape, kept),
      gate: broadcastLoops(use, shape, kept, shape),
      spread: broadcastLoops(use, shape, kept, []),
      small: broadcastLoops(use, kept, kept, kept),
      scale: this.scaleOf(sizeOf(shape) / sizeOf(kept)),
    };
    return this.keepdim ? kept : kept.filter((_, axis) => !axes.includes(axis));
  }

  /** What the sum of n numbers is multiplied with. */
  protected scaleOf(_n: number): number {
    return 1;
  }
}

class Sum extends Reduction {
  override connect(use: Use<Memo>, shape: Shape): Shape {
    const y = super.connect(use, shape);
    use.keeps({});
    use.reserveScratch(4 * Math.max(1, use.memo.loops.scratch));
    return y;
  }

  run(use: Use<Memo>): void {
    const { loops, scale } = use.memo;
    const n = use.output.slot.length;
    ops().sumProducts(use.y, use.x, NULL, loops.shape.ptr, scale, 0, n, use.scratch);
  }

  /** dx = scale·dy */
  runBackward(use: Use<Memo>): void {
    const { dx, dy, scratch } = use;
    if (!dx) return;
    const { spread, scale } = use.memo;
    ops().fillWith(scratch, scale, 0, 1);
    ops().mulBroadcast(dx, dy, scratch, spread.shape.ptr, 0, spread.planes);
  }
}

class Mean extends Sum {
  protected override scaleOf(n: number): number {
    return 1 / n;
  }
}

class Maximum extends Reduction {
  override connect(use: Use<Memo>, shape: Shape): Shape {
    const y = super.connect(use, shape);
    use.reserveScratch(4 * (use.memo.loops.scratch + sizeOf(y)));
    return y;
  }

  run(use: Use<Memo>): void {
    ops().maxOver(use.y, use.x, use.memo.loops.shape.ptr, 0, use.output.slot.length);
  }

  /** Those that equal the maximum share dy. */
  runBackward(use: Use<Memo>): void {
    const { dx, x, y, dy } = use;
    if (!dx) return;
    const { loops, beside, gate, small } = use.memo;
    const count = offset(use.scratch, loops.scratch);
    const n = use.output.slot.length;
    const { sameBroadcast, sumProducts, divBroadcast, gateBroadcast } = ops();
    sameBroadcast(dx, x, y, beside.shape.ptr, 0, beside.planes);
    sumProducts(count, dx, NULL, loops.shape.ptr, 1, 0, n, use.scratch); // how many they are
    divBroadcast(count, dy, count, small.shape.ptr, 0, small.planes);
    gateBroadcast(dx, count, dx, gate.shape.ptr, 0, gate.planes);
  }
}

/**
 * The sum over axes; dx = dy. Sums are made in float32 runs that end in float64, in an order that follows from
 * the shape. As PyTorch's `torch.sum`.
 *
 * @param dim an axis, or several; all if left out
 * @throws RangeError for an axis that x does not have, or that is named twice
 */
export function sum(
  x: Operand,
  dim?: Dims | undefined,
  ...rest: [options?: ReduceOptions | undefined]
): Tensor {
  return apply(new Sum('sum', dim, rest), [x]);
}

/**
 * The mean over axes; dx = dy / n. As PyTorch's `torch.mean`.
 *
 * @param dim an axis, or several; all if left out
 * @throws RangeError for an axis that x does not have, or that is named twice
 */
export function mean(
  x: Operand,
  dim?: Dims | undefined,
  ...rest: [options?: ReduceOptions | undefined]
): Tensor {
  return apply(new Mean('mean', dim, rest), [x]);
}

/**
 * The largest number over axes, NaN if there is one. The gradient is divided evenly among equal maxima. As
 * PyTorch's `torch.amax`.
 *
 * @param dim an axis, or several; all if left out
 * @throws RangeError for an axis that x does not have, or that is named twice
 */
export function max(
  x: Operand,
  dim?: Dims | undefined,
  ...rest: [options?: ReduceOptions | undefined]
): Tensor {
  return apply(new Maximum('max', dim, rest), [x]);
}

export interface VarianceOptions extends ReduceOptions {
  /** What n is diminished by in the divisor. Default 1, the unbiased variance; 0 for the biased one. */
  correction?: number;
}

/**
 * The variance over axes: Σ (x − mean)² / (n − correction). As PyTorch's `torch.var`.
 *
 * @param dim an axis, or several; all if left out
 * @throws RangeError for an axis that x does not have, or that is named twice
 */
export function variance(
  x: Operand,
  dim?: Dims | undefined,
  ...rest: [options?: VarianceOptions | undefined]
): Tensor {
  const { correction, keepdim } = optionsOf('variance', rest, { correction: 1, keepdim: false });
  checkNumber('variance', 'correction', correction, 0);
  const center = apply(new Mean('variance', dim, [{ keepdim: true }]), [x]);
  const centered = sub(x, center);
  const n = centered.size / center.size;
  if (!(n > correction)) {
    throw new RangeError(
      `variance: expected more numbers than the correction, ${correction}, got ${n} of ` +
        `${shapeText(centered.shape)}: use { correction: 0 }`,
    );
  }
  return div(sum(square(centered), dim, { keepdim }), n - correction);
}
