/**
 * The loops that kernels of operations on tensors run. An operation visits all positions of a shape; each
 * operand steps by so many floats along each axis, 0 where it is broadcast. Neighbouring axes that all operands
 * walk through alike are joined, so that few loops are left.
 */
import { BroadcastShape, CopyShape, ReduceShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { aligned } from '../memory/memory.ts';
import { type Struct, withStruct } from '../memory/struct.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';

/** One loop: how often it runs, and the step of each operand. */
interface Loop {
  readonly length: number;
  readonly steps: readonly number[];
}

/** How many loops the kernels have. */
const LOOPS = 6;

/**
 * NumPy's broadcasting: shapes are aligned at the last axis; along each axis the lengths are equal or 1.
 *
 * @throws RangeError for shapes that do not fit
 */
export function broadcastShapes(who: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const lengths = shapes.map((shape) => shape[i - rank + shape.length] ?? 1);
    const length = lengths.find((other) => other !== 1) ?? 1;
    if (lengths.every((other) => other === 1 || other === length)) return length;
    throw new RangeError(
      `${who}: inputs expected to broadcast: equal lengths, or 1, along each axis counted from the last, ` +
        `got ${shapes.map(shapeText).join(' and ')}`,
    );
  });
}

/** The steps of a contiguous operand along the axes of the shape that it is broadcast to. */
export function stepsOf(shape: Shape, to: Shape): number[] {
  const steps: number[] = Array(to.length).fill(0);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const length = shape[i]!;
    if (length > 1) steps[i + to.length - shape.length] = step;
    step *= length;
  }
  return steps;
}

/** The loops over a shape, in its order of axes, for operands that step like this. */
export function loopsOver(shape: Shape, operands: readonly (readonly number[])[]): Loop[] {
  const loops: Loop[] = [];
  for (let i = 0; i < shape.length; i++) {
    const length = shape[i]!;
    if (length === 1) continue;
    const steps = operands.map((operand) => operand[i]!);
    const outer = loops[loops.length - 1];
    if (outer?.steps.every((step, k) => step === steps[k]! * length)) {
      loops[loops.length - 1] = { length: outer.length * length, steps };
    } else loops.push({ length, steps });
  }
  return loops;
}

/** @throws RangeError for more loops than kernels have */
function checkLoops(who: string, loops: readonly Loop[], most: number, shape: Shape): void {
  if (loops.length <= most) return;
  throw new RangeError(
    `${who}: expected at most ${most} axes that cannot be joined, got ${loops.length} of ` +
      `${shapeText(shape)}: join axes with reshape first`,
  );
}

/** The fields `n0`, `n1` … of a struct: the lengths of the loops and the steps of each operand. */
function fields(
  loops: readonly Loop[],
  lengths: string,
  operands: readonly (readonly [name: string, operand: number])[],
  count: number,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const loop = loops[i - count + loops.length];
    found[`${lengths}${i}`] = loop?.length ?? 1;
    for (const [name, operand] of operands) found[`${name}${i}`] = loop?.steps[operand] ?? 0;
  }
  return found;
}

/** Loops in a struct, and how many planes (iterations of all but the two innermost loops) they have. */
export interface Planes<T, Name extends string> {
  readonly shape: Struct<T, Name>;
  readonly planes: number;
}

function planesOf(loops: readonly Loop[]): number {
  return loops.slice(0, -2).reduce((product, { length }) => product * length, 1);
}

/** The loops of an operation on contiguous tensors a, b and perhaps c that are broadcast to the shape of y. */
export function broadcastLoops(
  use: Use,
  y: Shape,
  a: Shape,
  b: Shape,
  c: Shape = [],
): Planes<BroadcastShape, 'BroadcastShape'> {
  const loops = loopsOver(y, [stepsOf(a, y), stepsOf(b, y), stepsOf(c, y)]);
  checkLoops(`${use.leaf}`, loops, LOOPS, y);
  const values = fields(
    loops,
    'n',
    [
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ],
    LOOPS,
  ) as unknown as BroadcastShape;
  return { shape: use.struct(BroadcastShape, values), planes: planesOf(loops) };
}

/**
 * The loops of a copy between y and x, which step like this along the axes of `shape`. The loop in which y
 * steps by 1 becomes the innermost, and that in which x does the one around it.
 */
export function copyLoops(
  use: Use,
  shape: Shape,
  y: readonly number[],
  x: readonly number[],
): Planes<CopyShape, 'CopyShape'> {
  const loops = loopsOver(shape, [y, x]);
  checkLoops(`${use.leaf}`, loops, LOOPS, shape);
  for (const operand of [1, 0]) {
    const at = loops.findIndex(({ steps }) => steps[operand] === 1);
    if (at >= 0) loops.push(...loops.splice(at, 1));
  }
  const values = fields(
    loops,
    'n',
    [
      ['y', 0],
      ['x', 1],
    ],
    LOOPS,
  ) as unknown as CopyShape;
  return { shape: use.struct(CopyShape, values), planes: planesOf(loops) };
}

/** Whether a copy changes nothing but the shape: both operands step alike. */
export function isInOrder(shape: Shape, y: readonly number[], x: readonly number[]): boolean {
  const loops = loopsOver(shape, [y, x]);
  return loops.length <= 1 && loops.every(({ steps }) => steps[0] === steps[1]);
}

/** The loops of a sum, and the floats of scratch that it takes. */
export interface Reduce {
  readonly shape: Struct<ReduceShape, 'ReduceShape'>;
  readonly scratch: number;
}

/**
 * The loops of a sum of a·b over the axes of `shape` along which y does not step. a is contiguous, b is
 * broadcast. Returns undefined if the kernel has too few loops for that.
 */
export function reduceLoops(
  use: Use,
  shape: Shape,
  y: readonly number[],
  b: readonly number[],
): Reduce | undefined {
  const loops = loopsOver(shape, [y, stepsOf(shape, shape), b]);
  const kept = loops.filter(({ steps }) => steps[0] !== 0);
  const summed = loops.filter(({ steps }) => steps[0] === 0);
  const half = LOOPS / 2;
  if (kept.length > half || summed.length > half) return undefined;
  const columns = loops.length > 0 && loops.at(-1)!.steps[0] !== 0;
  const values = {
    ...fields(
      kept,
      'k',
      [
        ['ak', 1],
        ['bk', 2],
      ],
      half,
    ),
    ...fields(
      summed,
      'r',
      [
        ['ar', 1],
        ['br', 2],
      ],
      half,
    ),
    columns: Number(columns),
  } as unknown as ReduceShape;
  const scratch = aligned(withStruct(ReduceShape, values, ops().sumProductsScratch)) / 4;
  return { shape: use.struct(ReduceShape, values), scratch };
}
