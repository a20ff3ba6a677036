/** Pooling and resizing, as nodes. */
import type { Pair, Triple } from '../layers/axes.ts';
import type { AdaptiveAvgPool1d, AdaptiveAvgPool2d } from '../layers/pool/adaptiveavgpool.ts';
import type { AdaptiveMaxPool1d, AdaptiveMaxPool2d } from '../layers/pool/adaptivemaxpool.ts';
import type { AvgPool1d, AvgPool2d } from '../layers/pool/avgpool.ts';
import type { PoolGeometry } from '../layers/pool/geometry.ts';
import type { GlobalAvgPool } from '../layers/pool/globalavgpool.ts';
import type { MaxPool1d, MaxPool2d } from '../layers/pool/maxpool.ts';
import type { AvgPool3d, MaxPool3d } from '../layers/pool/pool3d.ts';
import type { Upsample } from '../layers/pool/upsample.ts';
import { shapeText } from '../tensor/shape.ts';
import type { Name } from './draft.ts';
import type { StepDraft } from './step.ts';

/** One entry for each of the layer's axes. The first of a pair belongs to images only. */
function perAxis(step: StepDraft, list: Pair | Triple): number[] {
  return list.slice(2 - step.rank);
}

/** The attributes that the windows of both poolings have. */
function windows(
  step: StepDraft,
  { kernel, stride, padding, ceilMode }: PoolGeometry<Pair | Triple>,
) {
  const pads = perAxis(step, padding);
  return {
    kernel_shape: perAxis(step, kernel),
    strides: perAxis(step, stride),
    pads: [...pads, ...pads],
    ceil_mode: Number(ceilMode),
  };
}

export function writeMaxPool(step: StepDraft, layer: MaxPool1d | MaxPool2d | MaxPool3d): Name {
  const { geometry } = layer;
  const dilations = perAxis(step, geometry.dilation);
  return step.result('MaxPool', [step.x], { ...windows(step, geometry), dilations });
}

export function writeAvgPool(step: StepDraft, layer: AvgPool1d | AvgPool2d | AvgPool3d): Name {
  const { geometry, countIncludePad } = layer;
  return step.result('AveragePool', [step.x], {
    ...windows(step, geometry),
    count_include_pad: Number(countIncludePad),
  });
}

/**
 * GlobalAveragePool for one bin, AveragePool for bins of one size side by side. Other bins are a product with
 * a matrix along each axis, whose row o has 1/length in the columns of bin o.
 */
export function writeAdaptiveAvgPool(
  step: StepDraft,
  layer: AdaptiveAvgPool1d | AdaptiveAvgPool2d,
): Name {
  const out = perAxis(step, layer.outputSize);
  const size = step.inputShape.slice(2);
  if (out.every((extent) => extent === 1)) return step.result('GlobalAveragePool', [step.x]);
  if (out.every((extent, i) => size[i]! % extent === 0)) {
    const kernel = out.map((extent, i) => size[i]! / extent);
    return step.result('AveragePool', [step.x], { kernel_shape: kernel, strides: kernel });
  }
  const last = out.length - 1;
  const columns = step.floats('bins', transposed(bins(size[last]!, out[last]!), size[last]!), [
    size[last]!,
    out[last]!,
  ]);
  if (last === 0) return step.result('MatMul', [step.x, columns]);
  const rows = step.floats('bins', bins(size[0]!, out[0]!), [out[0]!, size[0]!]);
  return step.result('MatMul', [rows, step.node('MatMul', [step.x, columns])]);
}

/** @throws RangeError for bins of several sizes, which ONNX has no operator for */
export function writeAdaptiveMaxPool(
  step: StepDraft,
  layer: AdaptiveMaxPool1d | AdaptiveMaxPool2d,
): Name {
  const out = perAxis(step, layer.outputSize);
  const size = step.inputShape.slice(2);
  if (out.every((extent) => extent === 1)) return step.result('GlobalMaxPool', [step.x]);
  const kernel = out.map((extent, i) => size[i]! / extent);
  if (kernel.every(Number.isInteger)) {
    return step.result('MaxPool', [step.x], { kernel_shape: kernel, strides: kernel });
  }
  throw new RangeError(
    `toONNX: ${step.name}: ${layer} expected bins of one size, got ${shapeText(size)} cut into ` +
      `${shapeText(out)}: take a size that divides the input's`,
  );
}

/** [bins, size]: the mean of each bin. */
function bins(size: number, count: number): Float32Array {
  const matrix = new Float32Array(count * size);
  for (let o = 0; o < count; o++) {
    const from = Math.floor((o * size) / count);
    const to = Math.ceil(((o + 1) * size) / count);
    matrix.fill(1 / (to - from), o * size + from, o * size + to);
  }
  return matrix;
}

function transposed(matrix: Float32Array, columns: number): Float32Array {
  const rows = matrix.length / columns;
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}

export function writeGlobalAvgPool(step: StepDraft, _layer: GlobalAvgPool): Name {
  const axes = Array.from({ length: step.rank - 2 }, (_, i) => i + 2);
  return step.result('ReduceMean', [step.x, step.integers('axes', axes)], { keepdims: 0 });
}

/** Resize with the factors that were given, if the runtime then gets the same size from them, else with sizes. */
export function writeUpsample(step: StepDraft, layer: Upsample): Name {
  const { interpolation, alignCorners, scaleFactor } = layer;
  const size = step.inputShape.slice(2);
  const out = step.shape.slice(2);
  const axes = size.map((_, i) => i + 2);
  const factors = scaleFactor && size.map((_, i) => scaleFactor[i % scaleFactor.length]!);
  const exact =
    !alignCorners && factors?.every((f, i) => Math.floor(size[i]! * Math.fround(f)) === out[i]);
  const target = exact
    ? [step.floats('scales', factors!, [factors!.length])]
    : ['', step.integers('sizes', out)];
  const linear = alignCorners ? 'align_corners' : 'half_pixel';
  const mode: Record<string, string> =
    interpolation === 'nearest'
      ? { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
      : { mode: 'linear', coordinate_transformation_mode: linear };
  return step.result('Resize', [step.x, '', ...target], { ...mode, axes });
}
