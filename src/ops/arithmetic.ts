/** Sums, differences, quotients, extrema and choices of tensors, with NumPy's broadcasting. */
import type { BroadcastShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { offset, type Pointer } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { broadcastLoops, broadcastShapes, type Planes } from './loops.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { connectProduct, differentiateProduct, type ProductMemo, runProduct } from './product.ts';
import { type Spread, scratchOf, spreadOf, sumSpread } from './spread.ts';

type Loops = Planes<BroadcastShape, 'BroadcastShape'>;

interface Memo {
  readonly loops: Loops;
  /** For an operation of a tensor that has y's shape with the i-th operand. */
  readonly beside: readonly Loops[];
  readonly spreads: readonly Spread[];
  /** With the operands exchanged. */
  readonly swapped?: Loops;
  /** For two tensors of y's shape. */
  readonly same?: Loops;
}

/** What these operations share. */
abstract class Broadcast extends TensorOperation<Memo> {
  connect(use: Use<Memo>, ...shapes: Shape[]): Shape {
    const y = broadcastShapes(this.name, shapes);
    use.memo = {
      loops: broadcastLoops(use, y, shapes[0]!, shapes[1]!, shapes[2]),
      beside: shapes.map((shape) => broadcastLoops(use, y, y, shape)),
      spreads: shapes.map((shape) => spreadOf(use, y, shape)),
    };
    return y;
  }

  /** Reserves what `into` needs. */
  protected reserve(use: Use<Memo>, y: Shape): void {
    const { spreads } = use.memo;
    const whole = spreads.some((spread) => spread) ? sizeOf(y) : 0;
    use.reserveScratch(4 * (scratchOf(spreads) + whole));
  }

  /** Where a gradient of y's shape is computed: dx itself, or scratch that is then summed to dx. */
  protected into(use: Use<Memo>, i: number, dx: Pointer): Pointer {
    const { spreads } = use.memo;
    return spreads[i] ? offset(use.scratch, scratchOf(spreads)) : dx;
  }

  /** Sums what `into` gave. */
  protected gather(use: Use<Memo>, i: number, dx: Pointer): void {
    const spread = use.memo.spreads[i];
    if (spread) sumSpread(use, i, dx, this.into(use, i, dx), spread);
  }
}

class Sum extends Broadcast {
  /** @param sign of the second operand */
  constructor(private readonly sign: 1 | -1) {
    super(sign > 0 ? 'add' : 'sub');
  }

  override connect(use: Use<Memo>, ...shapes: Shape[]): Shape {
    const y = super.connect(use, ...shapes);
    use.keeps({});
    use.reserveScratch(4 * scratchOf(use.memo.spreads));
    // Slots of different lengths may take as many bytes.
    if (sizeOf(shapes[0]!) === sizeOf(y)) use.mayOverwriteInput();
    if (shapes.every((shape) => sizeOf(shape) === sizeOf(y))) use.mayOverwriteGradient();
    return y;
  }

  run(use: Use<Memo>): void {
    const { loops } = use.memo;
    const { addBroadcast, subBroadcast } = ops();
    const kernel = this.sign > 0 ? addBroadcast : subBroadcast;
    kernel(use.y, use.x, use.input(1), loops.shape.ptr, 0, loops.planes);
  }

  /** da = Σ dy, db = ±Σ dy */
  runBackward(use: Use<Memo>): void {
    const n = use.output.slot.length;
    for (const i of [0, 1]) {
      const dx = use.inputGradient(i);
      if (!dx) continue;
      const scale = i === 0 ? 1 : this.sign;
      const spread = use.memo.spreads[i];
      if (spread) sumSpread(use, i, dx, use.dy, spread, scale);
      else if (scale < 0) ops().scaled(dx, use.dy, -1, 0, n);
      else if (dx !== use.dy) kernels().copyRows(dx, use.dy, 1, n, n, n);
    }
  }
}

class Product extends TensorOperation<ProductMemo> {
  constructor() {
    super('mul');
  }

  connect(use: Use<ProductMemo>, ...shapes: Shape[]): Shape {
    return connectProduct(use, shapes);
  }

  run(use: Use<ProductMemo>): void {
    runProduct(use);
  }

  runBackward(use: Use<ProductMemo>): void {
    differentiateProduct(use);
  }
}

class Quotient extends Broadcast {
  constructor() {
    super('div');
  }

  override connect(use: Use<Memo>, ...shapes: Shape[]): Shape {
    const y = super.connect(use, ...shapes);
    this.reserve(use, y);
    return y;
  }

  run(use: Use<Memo>): void {
    const { loops } = use.memo;
    ops().divBroadcast(use.y, use.x, use.input(1), loops.shape.ptr, 0, loops.planes);
  }

  /** da = Σ dy/b, db = −Σ y·dy/b */
  runBackward(use: Use<Memo>): void {
    const { divBroadcast, negativeProduct } = ops();
    const { shape, planes } = use.memo.beside[1]!;
    for (const i of [0, 1]) {
      const dx = use.inputGradient(i);
      if (!dx) continue;
      const into = this.into(use, i, dx);
      divBroadcast(into, use.dy, use.input(1), shape.ptr, 0, planes);
      if (i === 1) negativeProduct(into, into, use.y, 0, use.output.slot.length);
      this.gather(use, i, dx);
    }
  }
}

class Extremum extends Broadcast {
  constructor(private readonly largest: boolean) {
    super(largest ? 'maximum' : 'minimum');
  }

  override connect(use: Use<Memo>, ...shapes: Shape[]): Shape {
    const y = super.connect(use, ...shapes);
    const [a, b] = shapes as [Shape, Shape];
    use.memo = {
      ...use.memo,
      swapped: broadcastLoops(use, y, b, a),
      same: broadcastLoops(use, y, y, y),
    };
    use.keeps({ input: true });
    this.reserve(use, y);
    return y;
  }

  run(use: Use<Memo>): void {
    const { loops } = use.memo;
    const { maximumBroadcast, minimumBroadcast } = ops();
    const kernel = this.largest ? maximumBroadcast : minimumBroadcast;
    kernel(use.y, use.x, use.input(1), loops.shape.ptr, 0, loops.planes);
  }

  /** The larger gets dy; of two equal numbers each gets half. */
  runBackward(use: Use<Memo>): void {
    const { memo, dy } = use;
    const { maximumShare, minimumShare, gateBroadcast } = ops();
    const share = this.largest ? maximumShare : minimumShare;
    for (const i of [0, 1]) {
      const dx = use.inputGradient(i);
      if (!dx) continue;
      const into = this.into(use, i, dx);
      const { shape, planes } = i === 0 ? memo.loops : memo.swapped!;
      share(into, use.input(i), use.input(1 - i), shape.ptr, 0, planes);
      gateBroadcast(into, dy, into, memo.same!.shape.ptr, 0, memo.same!.planes);
      this.gather(use, i, dx);
    }
  }
}

class Where extends Broadcast {
  constructor() {
    super('where');
  }

  override connect(use: Use<Memo>, ...shapes: Shape[]): Shape {
    const [condition, a, b] = shapes as [Shape, Shape, Shape];
    const y = super.connect(use, a, b, condition);
    const { spreads, ...memo } = use.memo;
    use.memo = {
      ...memo,
      spreads: [undefined, ...spreads],
      // dy in the place of a or b, and 0 in the place of the other.
      beside: [
        memo.loops,
        broadcastLoops(use, y, y, [], condition),
        broadcastLoops(use, y, [], y, condition),
      ],
    };
    use.noGradient(0);
    use.keeps({ input: true });
    // A zero stands behind what sums take and a gradient of y's shape.
    use.reserveScratch(4 * (scratchOf(use.memo.spreads) + sizeOf(y) + 1));
    return y;
  }

  run(use: Use<Memo>): void {
    const { shape, planes } = use.memo.loops;
    ops().whereBroadcast(use.y, use.x, use.input(1), use.input(2), shape.ptr, 0, planes);
  }

  /** da = Σ dy where the condition holds, db = Σ dy elsewhere. */
  runBackward(use: Use<Memo>): void {
    const { dy, x, scratch } = use;
    const zero = offset(scratch, scratchOf(use.memo.spreads) + use.output.slot.length);
    ops().fillWith(zero, 0, 0, 1);
    for (const i of [1, 2]) {
      const dx = use.inputGradient(i);
      if (!dx) continue;
      const into = this.into(use, i, dx);
      const { shape, planes } = use.memo.beside[i]!;
      const [a, b] = i === 1 ? [dy, zero] : [zero, dy];
      ops().whereBroadcast(into, x, a, b, shape.ptr, 0, planes);
      this.gather(use, i, dx);
    }
  }
}

/**
 * a + b, with NumPy's broadcasting: shapes are aligned at the last axis, and along each axis the lengths are
 * equal or 1. Each operand's gradient is dy, summed over the axes that it was broadcast along.
 *
 * In a Module's `forward` it becomes a step of the plan; with tensors that have values it computes at once,
 * without gradient. As PyTorch's `torch.add`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function add(a: Operand, b: Operand): Tensor {
  return apply(new Sum(1), [a, b]);
}

/**
 * a − b, with broadcasting as in `add`. As PyTorch's `torch.sub`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function sub(a: Operand, b: Operand): Tensor {
  return apply(new Sum(-1), [a, b]);
}

/**
 * a·b element by element, with broadcasting as in `add`; da = dy·b, db = dy·a. As PyTorch's `torch.mul`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function mul(a: Operand, b: Operand): Tensor {
  return apply(new Product(), [a, b]);
}

/**
 * a / b, with broadcasting as in `add`; da = dy/b, db = −dy·y/b. As PyTorch's `torch.div`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function div(a: Operand, b: Operand): Tensor {
  return apply(new Quotient(), [a, b]);
}

/**
 * The larger of a and b, element by element, with broadcasting as in `add`. The larger gets the gradient; of two
 * equal numbers each gets half. NaN if one is NaN. As PyTorch's `torch.maximum`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return apply(new Extremum(true), [a, b]);
}

/**
 * The smaller of a and b, as `maximum`. As PyTorch's `torch.minimum`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function minimum(a: Operand, b: Operand): Tensor {
  return apply(new Extremum(false), [a, b]);
}

/**
 * a where the condition is not 0, else b, with broadcasting as in `add`. The one that is chosen gets the
 * gradient; the condition gets none. As PyTorch's `torch.where`.
 *
 * @throws RangeError for shapes that do not broadcast
 */
export function where(condition: Operand, a: Operand, b: Operand): Tensor {
  return apply(new Where(), [condition, a, b]);
}

/** −x. As PyTorch's `torch.neg`. */
export function neg(x: Operand): Tensor {
  return apply(new Product(), [x, -1]);
}
