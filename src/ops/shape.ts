/** Operations that change the shape, the order of axes, or take parts: they move numbers. */
import type { BroadcastShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { offset } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { ops } from '../runtime/ops.ts';
import { checkInteger, unexpected } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, sameShape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { axisOf, checkDim } from './dims.ts';
import { broadcastLoops, broadcastShapes, type Planes, stepsOf } from './loops.ts';
import { connectMove, differentiateMove, type MoveMemo, runMove } from './move.ts';
import { apply, type Operand, shapeOf, TensorOperation } from './operation.ts';
import { connectPermute, differentiatePermute, runPermute } from './permute.ts';
import { type Spread, scratchOf, spreadOf, sumSpread } from './spread.ts';
import { copyGradient } from './view.ts';

/** An operation that gives its input another shape: the two share their bytes. */
class View extends TensorOperation {
  constructor(
    name: string,
    args: readonly unknown[],
    private readonly shapeOf: (shape: Shape) => Shape,
  ) {
    super(name, args);
  }

  connect(use: Use, shape: Shape): Shape {
    use.isView();
    return this.shapeOf(shape);
  }

  run(): void {}

  runBackward(use: Use): void {
    copyGradient(use);
  }
}

/** @throws TypeError or RangeError unless `shape` is a list of whole numbers ≥ 1, or −1 where it may be */
function checkShape(who: string, shape: readonly number[], free: boolean): readonly number[] {
  if (!Array.isArray(shape)) throw unexpected(`${who}: shape`, 'a list such as [8, -1]', shape);
  const own: number[] = [...shape];
  for (const length of own) {
    if (!(free && length === -1)) checkInteger(who, 'shape', length);
  }
  return own;
}

/**
 * The same numbers in another shape, which costs nothing. One length may be −1: it follows from the others. As
 * PyTorch's `torch.reshape`.
 *
 * @throws RangeError for a shape of another size, or with more than one −1
 */
export function reshape(x: Operand, shape: readonly number[]): Tensor {
  const own = checkShape('reshape', shape, true);
  const view = new View('reshape', [own], (from) => {
    const known = Math.abs(sizeOf(own));
    const free = own.filter((length) => length === -1).length;
    const rest = sizeOf(from) / known;
    if (free > 1 || !(free ? Number.isInteger(rest) : rest === 1)) {
      throw new RangeError(
        `reshape: shape expected ${sizeOf(from)} elements, and at most one −1, as ${shapeText(from)} has them, ` +
          `got ${shapeText(own)}`,
      );
    }
    return own.map((length) => (length === -1 ? rest : length));
  });
  return apply(view, [x]);
}

/**
 * Drops an axis of length 1, or all of them, which costs nothing. As PyTorch's `torch.squeeze`.
 *
 * @param dim default: all axes of length 1
 * @throws RangeError for an axis that x does not have. An axis of another length stays.
 */
export function squeeze(x: Operand, dim?: number): Tensor {
  if (dim !== undefined) checkDim('squeeze', dim);
  const view = new View('squeeze', [dim], (shape) => {
    const only = dim === undefined ? undefined : axisOf('squeeze', shape, dim);
    return shape.filter((length, axis) => length !== 1 || (only !== undefined && axis !== only));
  });
  return apply(view, [x]);
}

/**
 * Adds an axis of length 1, which then is axis `dim`; it costs nothing. As PyTorch's `torch.unsqueeze`.
 *
 * @throws RangeError for a place that x does not have
 */
export function unsqueeze(x: Operand, dim: number): Tensor {
  checkDim('unsqueeze', dim);
  const view = new View('unsqueeze', [dim], (shape) => {
    const axis = axisOf('unsqueeze', shape, dim, 1);
    return [...shape.slice(0, axis), 1, ...shape.slice(axis)];
  });
  return apply(view, [x]);
}

/** The numbers of x, from which no gradient flows back. It costs nothing. As PyTorch's `Tensor.detach`. */
export function detach(x: Operand): Tensor {
  return apply(new Detach('detach', [], (shape) => shape), [x]);
}

class Detach extends View {
  override connect(use: Use, shape: Shape): Shape {
    use.noGradient(0);
    return super.connect(use, shape);
  }

  override runBackward(): void {}
}

class Permute extends TensorOperation<MoveMemo | undefined> {
  constructor(
    name: string,
    args: readonly unknown[],
    private readonly dimsOf: (shape: Shape) => readonly number[],
  ) {
    super(name, args);
  }

  connect(use: Use<MoveMemo | undefined>, shape: Shape): Shape {
    return connectPermute(use, shape, this.dimsOf(shape));
  }

  run(use: Use<MoveMemo | undefined>): void {
    runPermute(use);
  }

  runBackward(use: Use<MoveMemo | undefined>): void {
    differentiatePermute(use);
  }
}

/**
 * The axes in another order: axis i of the result is axis `dims[i]` of x. It costs nothing if only axes of length
 * 1 change places. As PyTorch's `torch.permute`.
 *
 * @throws RangeError unless `dims` names each axis once
 */
export function permute(x: Operand, dims: readonly number[]): Tensor {
  if (!Array.isArray(dims)) throw unexpected('permute: dims', 'axes such as [0, 2, 1]', dims);
  const own: number[] = [...dims];
  for (const dim of own) checkInteger('permute', 'dims', dim, -Infinity);
  const dimsOf = (shape: Shape) => {
    const axes = own.map((dim) => axisOf('permute', shape, dim));
    if (axes.length === shape.length && new Set(axes).size === axes.length) return axes;
    throw new RangeError(
      `permute: dims expected to have each axis of ${shapeText(shape)} once, got ${shapeText(own)}`,
    );
  };
  return apply(new Permute('permute', [own], dimsOf), [x]);
}

/**
 * Two axes exchanged. As PyTorch's `torch.transpose`.
 *
 * @throws RangeError for an axis that x does not have
 */
export function transpose(x: Operand, dim0: number, dim1: number): Tensor {
  checkDim('transpose', dim0);
  checkDim('transpose', dim1);
  const dimsOf = (shape: Shape) => {
    const [a, b] = [axisOf('transpose', shape, dim0), axisOf('transpose', shape, dim1)];
    return shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
  };
  return apply(new Permute('transpose', [dim0, dim1], dimsOf), [x]);
}

interface ExpandMemo {
  readonly loops: Planes<BroadcastShape, 'BroadcastShape'>;
  readonly spread: Spread;
}

class Expand extends TensorOperation<ExpandMemo> {
  constructor(private readonly shape: readonly number[]) {
    super('expand', [shape]);
  }

  connect(use: Use<ExpandMemo>, from: Shape): Shape {
    const { shape } = this;
    const shift = shape.length - from.length;
    const y = shape.map((length, i) => (length === -1 && i >= shift ? from[i - shift]! : length));
    if (shift < 0 || y.includes(-1) || !sameShape(broadcastShapes('expand', [from, y]), y)) {
      throw new RangeError(
        `expand: shape expected to which ${shapeText(from)} broadcasts, got ${shapeText(shape)}`,
      );
    }
    use.keeps({});
    const spread = spreadOf(use, y, from);
    use.reserveScratch(4 * Math.max(1, scratchOf([spread])));
    use.memo = { loops: broadcastLoops(use, y, from, []), spread };
    return y;
  }

  run(use: Use<ExpandMemo>): void {
    const { shape, planes } = use.memo.loops;
    ops().fillWith(use.scratch, 1, 0, 1);
    ops().mulBroadcast(use.y, use.x, use.scratch, shape.ptr, 0, planes);
  }

  /** dx = Σ dy */
  runBackward(use: Use<ExpandMemo>): void {
    const { dx, dy, memo } = use;
    const n = use.inputs[0]!.slot.length;
    if (!dx) return;
    if (memo.spread) sumSpread(use, 0, dx, dy, memo.spread);
    else if (dx !== dy) kernels().copyRows(dx, dy, 1, n, n, n);
  }
}

/**
 * x repeated along axes of length 1, and along new ones in front; −1 keeps a length. Operations broadcast by
 * themselves, so that this is seldom needed. As PyTorch's `Tensor.expand`, but the result has its own memory.
 *
 * @throws RangeError for a shape to which x does not broadcast
 */
export function expand(x: Operand, shape: readonly number[]): Tensor {
  return apply(new Expand(checkShape('expand', shape, true)), [x]);
}

class Concat extends TensorOperation<number> {
  constructor(
    name: string,
    private readonly dim: number,
  ) {
    super(name, [dim]);
  }

  connect(use: Use<number>, ...shapes: Shape[]): Shape {
    const first = shapes[0]!;
    const axis = axisOf(this.name, first, this.dim);
    for (const shape of shapes) {
      const agrees =
        shape.length === first.length &&
        shape.every((length, i) => i === axis || length === first[i]);
      if (agrees) continue;
      throw new RangeError(
        `${this.name}: inputs expected to differ along axis ${axis} only, got ` +
          shapes.map(shapeText).join(' and '),
      );
    }
    use.memo = axis;
    use.keeps({});
    const total = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
    return first.map((length, i) => (i === axis ? total : length));
  }

  run(use: Use<number>): void {
    eachPart(use, (i, at, rows, width, whole) =>
      kernels().copyRows(offset(use.y, at), use.input(i), rows, width, whole, width),
    );
  }

  runBackward(use: Use<number>): void {
    eachPart(use, (i, at, rows, width, whole) => {
      const dx = use.inputGradient(i);
      if (dx) kernels().copyRows(dx, offset(use.dy, at), rows, width, width, whole);
    });
  }
}

/** Where the parts of a concatenation stand in its rows. */
function eachPart(
  use: Use<number>,
  visit: (i: number, at: number, rows: number, width: number, whole: number) => void,
): void {
  const { shape } = use.output;
  const rows = sizeOf(shape.slice(0, use.memo));
  const whole = sizeOf(shape.slice(use.memo));
  let at = 0;
  for (const [i, input] of use.inputs.entries()) {
    const width = sizeOf(input.shape.slice(use.memo));
    visit(i, at, rows, width, whole);
    at += width;
  }
}

/** @throws TypeError or RangeError unless `tensors` is a list of one or more */
function checkList(who: string, tensors: readonly Operand[]): readonly Operand[] {
  if (!Array.isArray(tensors)) throw unexpected(`${who}: tensors`, 'a list', tensors);
  if (tensors.length === 0) throw new RangeError(`${who}: tensors expected one or more, got none`);
  return [...tensors];
}

/**
 * Joins tensors along an axis; their other axes must be equally long. As PyTorch's `torch.cat`.
 *
 * @param dim default 0
 * @throws RangeError for shapes that differ along another axis
 */
export function concat(tensors: readonly Operand[], dim = 0): Tensor {
  const list = checkList('concat', tensors);
  checkDim('concat', dim);
  return apply(new Concat('concat', dim), list);
}

/**
 * Joins tensors of one shape along a new axis. As PyTorch's `torch.stack`.
 *
 * @param dim the place of the new axis, default 0
 * @throws RangeError for shapes that differ
 */
export function stack(tensors: readonly Operand[], dim = 0): Tensor {
  const list = checkList('stack', tensors);
  checkDim('stack', dim);
  const raised = list.map((tensor) => unsqueeze(tensor, dim));
  return apply(new Concat('stack', dim), raised);
}

class Slice extends TensorOperation<MoveMemo> {
  constructor(
    name: string,
    private readonly dim: number,
    private readonly start: number,
    private readonly end: number | undefined,
    private readonly step: number,
  ) {
    super(name, [dim, start, end, step]);
  }

  connect(use: Use<MoveMemo>, shape: Shape): Shape {
    const { dim, start, end, step } = this;
    const axis = axisOf(this.name, shape, dim);
    const length = shape[axis]!;
    const inside = (i: number) => Math.min(Math.max(i < 0 ? length + i : i, 0), length);
    const from = inside(start);
    const count = Math.ceil((inside(end ?? length) - from) / step);
    if (count < 1) {
      throw new RangeError(
        `${this.name}: expected a part of one or more along axis ${axis} of ${shapeText(shape)}, got ` +
          `[${start}, ${end ?? length})`,
      );
    }
    const output = shape.map((extent, i) => (i === axis ? count : extent));
    const steps = stepsOf(shape, shape);
    const inner = sizeOf(shape.slice(axis + 1));
    const part = {
      shape: output,
      y: { from: 0, steps: stepsOf(output, output) },
      x: { from: from * inner, steps: steps.map((by, i) => (i === axis ? inner * step : by)) },
    };
    connectMove(use, part, { y: sizeOf(output), x: sizeOf(shape) });
    return output;
  }

  run(use: Use<MoveMemo>): void {
    runMove(use);
  }

  runBackward(use: Use<MoveMemo>): void {
    differentiateMove(use);
  }
}

export interface SliceOptions {
  /** Every how many-th number is taken. Default 1. */
  step?: number;
}

/**
 * The part [start, end) along an axis; negative numbers count from the end. Its numbers are copied. As
 * `x[start:end:step]` in PyTorch.
 *
 * @param end default: to the end
 * @throws RangeError for an axis that x does not have, or if nothing is left
 */
export function slice(
  x: Operand,
  dim: number,
  start: number,
  end?: number | undefined,
  ...rest: [options?: SliceOptions | undefined]
): Tensor {
  const { step } = optionsOf('slice', rest, { step: 1 });
  checkDim('slice', dim);
  checkInteger('slice', 'start', start, -Infinity);
  if (end !== undefined) checkInteger('slice', 'end', end, -Infinity);
  checkInteger('slice', 'step', step);
  return apply(new Slice('slice', dim, start, end, step), [x]);
}

/**
 * Cuts a tensor into parts along an axis. As PyTorch's `torch.split`.
 *
 * @param sizes the length of each part, or one number for all; the last part may then be shorter
 * @param dim default 0
 * @throws RangeError for sizes that do not add up to the axis's length
 */
export function split(x: Operand, sizes: number | readonly number[], dim = 0): Tensor[] {
  checkDim('split', dim);
  const list: readonly number[] = Array.isArray(sizes) ? [...sizes] : [sizes];
  for (const size of list) checkInteger('split', 'sizes', size);
  const shape = shapeOf('split', x);
  const length = shape[axisOf('split', shape, dim)]!;
  const parts = Array.isArray(sizes)
    ? list
    : Array.from({ length: Math.ceil(length / list[0]!) }, (_, i) =>
        Math.min(list[0]!, length - i * list[0]!),
      );
  if (parts.reduce((sum, size) => sum + size, 0) !== length) {
    throw new RangeError(
      `split: sizes expected to add up to ${length}, axis ${dim} of ${shapeText(shape)}, got ` +
        shapeText(parts),
    );
  }
  let at = 0;
  return parts.map((size) => {
    at += size;
    return apply(new Slice('split', dim, at - size, at, 1), [x]);
  });
}
