/** Other shapes, other orders of axes, and parts of tensors. */
import { Embedding } from '../layers/embedding.ts';
import { Flatten, Unflatten } from '../layers/flatten.ts';
import { Permute } from '../layers/permute.ts';
import { PixelShuffle } from '../layers/pixelshuffle.ts';
import { squeeze } from '../ops/reshape.ts';
import { slice } from '../ops/slice.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import { axesOf, filled, squeezed, unsqueezed } from './constants.ts';
import { type Computed, isConstant } from './graph.ts';
import { withValues } from './importweights.ts';
import type { NodeReading } from './reading.ts';

export function readFlatten(node: NodeReading): Computed {
  const { shape } = node.computed();
  const given = node.int('axis', 1);
  const axis = given === shape.length ? given : node.axis(given, shape.length);
  return reshape(node, [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))]);
}

export function readReshape(node: NodeReading): Computed {
  const target = node.has('shape') ? node.ints('shape') : node.integers(1);
  if (!target) throw node.unsupported('shape expected, got none');
  return reshape(node, filled(node, node.computed().shape, target));
}

export function readSqueeze(node: NodeReading): Computed {
  return reshape(node, squeezed(node, node.computed().shape, axesOf(node)));
}

export function readUnsqueeze(node: NodeReading): Computed {
  return reshape(node, unsqueezed(node, node.computed().shape, axesOf(node) ?? []));
}

export function readTranspose(node: NodeReading): Computed {
  const x = node.computed();
  const { shape, directions } = x;
  const given = node.ints('perm') ?? shape.map((_, i) => shape.length - 1 - i);
  const y = node.layer(() => new Permute(given));
  if (!directions) return y;
  const dims = given.map((axis) => node.axis(axis, shape.length));
  const others = dims.filter((axis) => axis !== directions.axis);
  if (others.some((axis, i) => i > 0 && axis < others[i - 1]!)) return y;
  const axis = dims.indexOf(directions.axis);
  return { ...y, directions: { plain: directions.plain, axis } };
}

/**
 * Another shape. If the number of samples stays on axis 0 it remains free, and so it does if axis 0 of the
 * output holds all that the other axes do not.
 */
function reshape(node: NodeReading, shape: Shape): Computed {
  const x = node.computed();
  if (shapeText(x.shape) === shapeText(shape)) return x;
  if (shape.length === 0 || sizeOf(shape) === 0)
    throw node.unsupported('shape expected with an axis');
  const { plain, axis = -1 } = x.directions ?? {};
  // The directions of a recurrent network, side by side again.
  if (plain && shapeText(plain.shape) === shapeText(shape)) {
    if (x.shape[axis] === 1 || axis === x.shape.length - 2) return plain;
  }
  const change = regrouped(x.shape, shape);
  if (change) return node.layer(change);
  if (x.shape.length > 1 && shape.length > 1 && x.shape[0] === shape[0]) {
    const rest = shape.slice(1);
    return node.reshaped(x, shape, (what) =>
      what === 'flatten' ? new Flatten() : new Unflatten(1, rest),
    );
  }
  const flat = x.shape.length === 1 ? x : node.layer(() => new Flatten(0), [x], '.flatten');
  if (shape.length === 1) return flat;
  return node.layer(() => new Unflatten(0, [-1, ...shape.slice(1)]), [flat]);
}

/**
 * The layer that joins neighbouring axes into one, or divides one into several. The others may have any length, so
 * the number of samples stays free, wherever it is.
 */
function regrouped(from: Shape, to: Shape): (() => Flatten | Unflatten) | undefined {
  const least = Math.min(from.length, to.length);
  let before = 0;
  while (before < least && from[before] === to[before]) before++;
  let after = 0;
  while (after < least - before && from.at(-1 - after) === to.at(-1 - after)) after++;
  // An axis of length 1 that comes or goes belongs to a neighbour.
  if (before + after === least) {
    if (before > 0) before--;
    else after--;
  }
  if (after < 0) return undefined;
  const [old, now] = [from, to].map((shape) => shape.slice(before, shape.length - after));
  if (now!.length === 1) return () => new Flatten(before, from.length - after - 1);
  if (old!.length !== 1) return undefined;
  const same = now!.indexOf(old![0]!);
  const free = same < 0 && before === 0 ? 0 : same;
  return () =>
    new Unflatten(
      before,
      now!.map((extent, i) => (i === free ? -1 : extent)),
    );
}

/** Rows of a table of the file: an Embedding. Of a computed tensor, one place of an axis. */
export function readGather(node: NodeReading): Computed {
  const [data, index] = node.inputs;
  if (isConstant(data)) {
    const table = node.weight(0, [undefined, undefined]);
    if (node.axis(node.int('axis', 0), 2) !== 0) throw node.unsupported('axis expected 0, got 1');
    const [rows, width] = table.shape as [number, number];
    const make = () => withValues(new Embedding(rows, width), { weight: table.values });
    return node.trained(make, [0], [node.indices(1)]);
  }
  const x = node.computed();
  const axis = node.axis(node.int('axis', 0), x.shape.length);
  if (!isConstant(index) || index.values.length !== 1 || index.shape.length > 1)
    throw node.unsupported('a table of the file expected, or the index of one place');
  const given = index.values[0]!;
  const at = given < 0 ? given + x.shape[axis]! : given;
  if (!(at >= 0 && at < x.shape[axis]!))
    throw node.unsupported(`index expected within ${x.shape[axis]}, got ${given}`);
  const { plain, axis: directions } = x.directions ?? {};
  if (plain && directions === axis && x.shape[axis] === 1 && index.shape.length === 0) return plain;
  // Counted from the end as the file does, because the axis may have another length later.
  const place = (tensor: Parameters<typeof slice>[0]) =>
    slice(tensor, axis, given, given === -1 ? undefined : given + 1);
  if (index.shape.length === 1) return node.operations(place);
  return node.operations((tensor) => squeeze(place(tensor), axis));
}

/** Every step-th place of an axis, from the first to before the last; negative ones count from the end. */
export function readSlice(node: NodeReading): Computed {
  const x = node.computed();
  const list = (name: string, i: number) => (node.has(name) ? node.ints(name) : node.integers(i));
  const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name, i) =>
    list(name, i + 1),
  );
  if (!starts || !ends) throw node.unsupported('starts and ends expected, got none');
  return starts.reduce((part, start, i) => {
    const axis = node.axis(axes?.[i] ?? i, x.shape.length);
    const step = steps?.[i] ?? 1;
    const end = ends[i] ?? 0;
    if (!(step >= 1)) throw node.unsupported(`steps expected positive, got ${step}`);
    const to = end >= x.shape[axis]! ? undefined : end;
    return node.operations((tensor) => slice(tensor, axis, start, to, { step }), [part]);
  }, x);
}

/** PixelShuffle; in mode DCR, the default, the channels of a block's pixels stand side by side. */
export function readDepthToSpace(node: NodeReading): Computed {
  const x = node.computed();
  const r = node.int('blocksize', 1);
  const mode = node.text('mode', 'DCR');
  const c = x.shape[1]! / (r * r);
  if (x.shape.length !== 4 || !(r >= 1) || !Number.isInteger(c))
    throw node.unsupported(`input expected [N, …·${r}·${r}, H, W], got ${shapeText(x.shape)}`);
  if (mode === 'CRD') return node.layer(() => new PixelShuffle(r));
  // [N, r, r, C, H, W] → [N, C, r, r, H, W]: then it is PixelShuffle's order.
  const blocks = node.layer(() => new Unflatten(1, [r * r, c]), [x], '.blocks');
  const turned = node.layer(() => new Permute([0, 2, 1, 3, 4]), [blocks], '.permute');
  const channels = node.layer(() => new Flatten(1, 2), [turned], '.flatten');
  return node.layer(() => new PixelShuffle(r), [channels]);
}
