/** The product of tensors with broadcasting: of the layer `Multiply`. */
import type { BroadcastShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { NULL, offset, type Pointer } from '../memory/memory.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { broadcastLoops, broadcastShapes, type Planes, reduceLoops, stepsOf } from './loops.ts';
import { type Spread, scratchOf } from './spread.ts';

type Loops = Planes<BroadcastShape, 'BroadcastShape'>;

/** What the gradient of one factor takes. */
interface Factor {
  /** For the product of a tensor of y's shape with this factor. */
  readonly loops: Loops;
  /** Sums what the factor was broadcast to; undefined if it has y's shape. */
  readonly reduce: Spread;
  /** Whether that sum multiplies with another factor on the way. */
  readonly fused: boolean;
}

export interface ProductMemo {
  readonly first: Loops;
  readonly factors: readonly Factor[];
  /** Where in the scratch memory a product of y's shape stands, behind what sums take. */
  readonly behind: number;
}

/** y = x₁·x₂·…; the factors' shapes are broadcast. */
export function connectProduct(use: Use<ProductMemo>, shapes: readonly Shape[]): Shape {
  const who = `${use.leaf}`;
  const y = broadcastShapes(who, shapes);
  const size = sizeOf(y);
  const last = shapes.length - 1;
  const factors = shapes.map((shape, i): Factor => {
    const loops = broadcastLoops(use, y, y, shape);
    if (sizeOf(shape) === size) return { loops, reduce: undefined, fused: false };
    const other = shapes[i === last ? last - 1 : last]!;
    const target = stepsOf(shape, y);
    const fused = reduceLoops(use, y, target, stepsOf(other, y));
    const reduce = fused ?? reduceLoops(use, y, target, Array(y.length).fill(0));
    if (!reduce) {
      throw new RangeError(
        `${who}: an input expected to be broadcast along at most 3 runs of axes: join axes with Flatten first`,
      );
    }
    return { loops, reduce, fused: fused !== undefined };
  });
  const behind = scratchOf(factors.map(({ reduce }) => reduce));
  use.memo = { first: broadcastLoops(use, y, shapes[0]!, shapes[1]!), factors, behind };
  use.keeps({ input: true });
  const whole = last > 1 || factors.some(({ reduce, fused }) => reduce && !fused);
  use.reserveScratch(4 * (behind + (whole ? size : 0)));
  return y;
}

export function runProduct(use: Use<ProductMemo>): void {
  const { first, factors } = use.memo;
  ops().mulBroadcast(use.y, use.x, use.input(1), first.shape.ptr, 0, first.planes);
  for (let i = 2; i < factors.length; i++) multiply(use.y, use.y, use, i);
}

/** dxᵢ = dy·Π of the other factors, summed over the axes that xᵢ was broadcast along. */
export function differentiateProduct(use: Use<ProductMemo>): void {
  const { factors, behind } = use.memo;
  const scratch = offset(use.scratch, behind);
  for (const [i, { reduce, fused }] of factors.entries()) {
    const dx = use.inputGradient(i);
    if (!dx) continue;
    const others = factors.map((_, j) => j).filter((j) => j !== i);
    const last = others.pop()!;
    let product = use.dy;
    for (const j of others) {
      multiply(scratch, product, use, j);
      product = scratch;
    }
    if (!reduce) multiply(dx, product, use, last);
    else {
      if (!fused) multiply(scratch, product, use, last);
      const [a, b] = fused ? [product, use.input(last)] : [scratch, NULL];
      const n = use.inputs[i]!.slot.length;
      ops().sumProducts(dx, a, b, reduce.shape.ptr, 1, 0, n, use.scratch);
    }
  }
}

/** y = a·xⱼ, where y and a have the shape of the output. */
function multiply(y: Pointer, a: Pointer, use: Use<ProductMemo>, j: number): void {
  const { shape, planes } = use.memo.factors[j]!.loops;
  ops().mulBroadcast(y, a, use.input(j), shape.ptr, 0, planes);
}
