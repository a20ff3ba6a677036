/** Pooling, padding and resizing, as layers. */
import { Flatten, Unflatten } from '../layers/flatten.ts';
import { ConstantPad2d, type Sides, ZeroPad2d } from '../layers/pad.ts';
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../layers/pool/adaptivemaxpool.ts';
import { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import { AvgPool3d, MaxPool3d } from '../layers/pool/pool3d.ts';
import { Upsample } from '../layers/pool/upsample.ts';
import { ReflectionPad2d } from '../layers/reflectionpad.ts';
import { axesOf } from './constants.ts';
import type { Computed } from './graph.ts';
import type { NodeReading } from './reading.ts';
import { windowsOf } from './windows.ts';

type Two = [number, number];
type Three = [number, number, number];

/**
 * MaxPool and AveragePool of one, two and three axes. The layers' padding is the same on both sides; what ONNX has
 * beyond that goes to `ceilMode`, if that gives the same windows, and else to a padding layer.
 */
export function readPool(node: NodeReading): Computed {
  let x = node.computed();
  const max = node.op === 'MaxPool';
  const size = x.shape.slice(2);
  const kernel = node.ints('kernel_shape');
  if (!kernel || ![1, 2, 3].includes(size.length))
    throw node.unsupported(`input expected with three to five axes, got ${x.shape.length}`);
  const { strides, dilations, before, after } = windowsOf(node, kernel, size);
  const countIncludePad = !max && node.int('count_include_pad', 0) === 1;
  const given = node.int('ceil_mode', 0) === 1;
  if (max) {
    node.ignore('storage_order');
    node.oneOutput();
  } else if (dilations.some((d) => d !== 1)) {
    throw node.unsupported('dilations expected 1');
  }
  const count = (i: number, end: number, ceil: boolean): number => {
    const reach = (kernel[i]! - 1) * dilations[i]! + 1;
    const steps = (size[i]! + before[i]! + end - reach) / strides[i]!;
    return (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  };
  const each = kernel.map((_, i) => i);
  const even = each.every((i) => before[i] === after[i]);
  const fits = each.every((i) => 2 * before[i]! <= kernel[i]!);
  // Positions beyond the padded end never count, so only a mean that counts zeros needs them to be there.
  const reached = each.every(
    (i) => after[i]! > before[i]! && count(i, before[i]!, true) === count(i, after[i]!, given),
  );
  let padding = [...before];
  let ceilMode = given;
  if (!(fits && even)) {
    if (fits && reached && !countIncludePad) {
      ceilMode = true;
    } else {
      if (size.length !== 2 || (!max && !countIncludePad))
        throw node.unsupported('pads expected the same on both sides');
      const sides = [before[1]!, after[1]!, before[0]!, after[0]!] as const;
      const input = x;
      x = node.layer(
        () => (max ? new ConstantPad2d(sides, -Infinity) : new ZeroPad2d(sides)),
        [input],
        '.pad',
      );
      padding = padding.map(() => 0);
    }
  }
  const common = { ceilMode };
  return node.layer(() => {
    if (size.length === 1) {
      const options = { ...common, stride: strides[0]!, padding: padding[0]! };
      return max
        ? new MaxPool1d(kernel[0]!, { ...options, dilation: dilations[0]! })
        : new AvgPool1d(kernel[0]!, { ...options, countIncludePad });
    }
    if (size.length === 3) {
      const options = { ...common, stride: strides as Three, padding: padding as Three };
      return max
        ? new MaxPool3d(kernel as Three, { ...options, dilation: dilations as Three })
        : new AvgPool3d(kernel as Three, { ...options, countIncludePad });
    }
    const options = { ...common, stride: strides as Two, padding: padding as Two };
    return max
      ? new MaxPool2d(kernel as Two, { ...options, dilation: dilations as Two })
      : new AvgPool2d(kernel as Two, { ...options, countIncludePad });
  }, [x]);
}

export function readGlobalPool(node: NodeReading): Computed {
  const axes = node.computed().shape.length - 2;
  if (axes !== 1 && axes !== 2) throw node.unsupported('input expected with three or four axes');
  const max = node.op === 'GlobalMaxPool';
  return node.layer(() => {
    if (axes === 1) return max ? new AdaptiveMaxPool1d(1) : new AdaptiveAvgPool1d(1);
    return max ? new AdaptiveMaxPool2d(1) : new AdaptiveAvgPool2d(1);
  });
}

/** The mean of whole planes, as `x.mean([2, 3])` is written. */
export function readMean(node: NodeReading): Computed {
  const { shape } = node.computed();
  const rank = shape.length;
  const axes = (axesOf(node) ?? []).map((axis) => node.axis(axis, rank)).sort((a, b) => a - b);
  const keep = node.int('keepdims', 1) === 1;
  node.ignore('noop_with_empty_axes');
  const planes =
    rank > 2 &&
    axes.join() ===
      shape
        .map((_, i) => i)
        .slice(2)
        .join();
  if (!planes || (keep && rank > 4))
    throw node.unsupported('axes expected to be those of the planes of [N, C, …]');
  if (!keep) return node.layer(() => new GlobalAvgPool());
  return node.layer(() => (rank === 3 ? new AdaptiveAvgPool1d(1) : new AdaptiveAvgPool2d(1)));
}

/** A margin round planes: of a constant, or that mirrors them. */
export function readPad(node: NodeReading): Computed {
  const { shape } = node.computed();
  const rank = shape.length;
  const given = node.has('pads') ? node.ints('pads') : node.integers(1);
  const value = node.has('value') ? node.float('value', 0) : (node.constant(2)?.values[0] ?? 0);
  const mode = node.text('mode', 'constant');
  const axes = node.inputs[3] ? node.integers(3) : undefined;
  const pads = Array<number>(2 * rank).fill(0);
  for (const [i, axis] of (axes ?? shape.map((_, i) => i)).entries()) {
    const at = node.axis(axis, rank);
    const n = axes?.length ?? rank;
    pads[at] = given?.[i] ?? 0;
    pads[at + rank] = given?.[i + n] ?? 0;
  }
  const mirrors = mode === 'reflect';
  if (!mirrors && mode !== 'constant')
    throw node.unsupported(`mode expected 'constant' or 'reflect', got ${mode}`);
  if (pads.every((pad) => pad === 0)) return node.computed();
  const others = rank === 3 ? [0, 1, 3, 4] : [0, 1, 4, 5];
  if ((rank !== 3 && rank !== 4) || others.some((i) => pads[i] !== 0))
    throw node.unsupported('pads expected for the last axes of [N, C, L] or [N, C, H, W]');
  const make = (sides: Sides) => () => {
    if (mirrors) return new ReflectionPad2d(sides);
    return value === 0 ? new ZeroPad2d(sides) : new ConstantPad2d(sides, value);
  };
  if (rank === 4) return node.layer(make([pads[3]!, pads[7]!, pads[2]!, pads[6]!]));
  // A signal is an image of height 1.
  const image = node.layer(() => new Unflatten(1, [shape[1]!, 1]), [node.computed()], '.image');
  const padded = node.layer(make([pads[2]!, pads[5]!, 0, 0]), [image], '.pad');
  return node.layer(() => new Flatten(1, 2), [padded]);
}

/** Resize, and Upsample of opset 9, for the coordinates that `Upsample` has. */
export function readResize(node: NodeReading): Computed {
  const { shape } = node.computed();
  const rank = shape.length;
  const old = node.op === 'Upsample' || node.opset < 11;
  const mode = node.text('mode', 'nearest');
  const coordinates = node.text(
    'coordinate_transformation_mode',
    old ? 'asymmetric' : 'half_pixel',
  );
  const nearest = node.text('nearest_mode', old ? 'floor' : 'round_prefer_floor');
  node.ignore('cubic_coeff_a', 'extrapolation_value', 'exclude_outside');
  if (node.int('antialias', 0) === 1) throw node.unsupported('antialias expected 0, got 1');
  if (node.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw node.unsupported('keep_aspect_ratio_policy expected stretch');
  const axes = node.ints('axes')?.map((axis) => node.axis(axis, rank)) ?? shape.map((_, i) => i);
  const full = (list: ArrayLike<number>, rest: (i: number) => number): number[] =>
    shape.map((_, i) => list[axes.indexOf(i)] ?? rest(i));
  const attribute = node.floats('scales');
  const given = attribute ?? node.constant(old ? 1 : 2)?.values;
  const sizes = old ? undefined : node.integers(3);
  const scales = given?.length ? full(given, () => 1) : undefined;
  const target = sizes?.length ? full(sizes, (i) => shape[i]!) : undefined;
  const kept = [0, 1].every((i) => (scales ? scales[i] === 1 : target?.[i] === shape[i]));
  if (!(scales || target) || !kept || (rank !== 3 && rank !== 4))
    throw node.unsupported('scales or sizes expected that change the last axes of [N, C, …] only');
  const factors = shape.slice(2).map((extent, i) => scales?.[i + 2] ?? target![i + 2]! / extent);
  const whole = factors.every((factor) => Number.isInteger(factor));
  const plain = coordinates === 'asymmetric' && nearest === 'floor';
  const same =
    coordinates === 'half_pixel' && ['round_prefer_floor', 'round_prefer_ceil'].includes(nearest);
  const linear = ['half_pixel', 'pytorch_half_pixel', 'align_corners'].includes(coordinates);
  const out = shape
    .slice(2)
    .map((extent, i) => target?.[i + 2] ?? Math.floor(extent * factors[i]!));
  // With align_corners ONNX divides by the length before it is rounded down; PyTorch does not.
  const cut =
    coordinates === 'align_corners' && !factors.every((f, i) => out[i] === shape[i + 2]! * f);
  const tiny = coordinates === 'pytorch_half_pixel' && out.includes(1);
  const good =
    mode === 'nearest'
      ? plain || (same && whole)
      : mode === 'linear' && linear && !tiny && !(cut && scales);
  if (!good)
    throw node.unsupported(
      `coordinates expected as in PyTorch, got ${mode}, ${coordinates}, ${nearest}`,
    );
  const size = scales ? { scaleFactor: factors } : { size: out };
  return node.layer(() => {
    if (mode === 'nearest') return new Upsample(size);
    const alignCorners = coordinates === 'align_corners';
    return new Upsample({ ...size, mode: rank === 3 ? 'linear' : 'bilinear', alignCorners });
  });
}
