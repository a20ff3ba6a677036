/** Norms, as nodes. */
import type { BatchNorm } from '../layers/batchnorm/base.ts';
import type { GroupNorm } from '../layers/norm/groupnorm.ts';
import type {
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
} from '../layers/norm/instancenorm.ts';
import type { LayerNorm } from '../layers/norm/layernorm.ts';
import type { LocalResponseNorm } from '../layers/norm/localresponsenorm.ts';
import type { Normalization } from '../layers/norm/normalization.ts';
import type { RMSNorm } from '../layers/norm/rmsnorm.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Name } from './draft.ts';
import type { StepDraft } from './step.ts';

interface Affine {
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
}

/** γ and β, or ones and zeros in the place of one that the layer lacks. */
function affine(step: StepDraft, { weight, bias }: Affine, shape: Shape): [Name, Name] {
  const constant = (what: string, value: number) =>
    step.floats(what, new Float32Array(sizeOf(shape)).fill(value), shape);
  return [
    weight ? step.parameter(weight, 'weight', shape) : constant('ones', 1),
    bias ? step.parameter(bias, 'bias', shape) : constant('zeros', 0),
  ];
}

/** The axes from `from` to the last. */
function axesFrom(from: number, rank: number): number[] {
  return Array.from({ length: rank - from }, (_, i) => from + i);
}

/** x − mean, divided by √(variance + eps), over the given axes. */
function standardized(step: StepDraft, axes: readonly number[], eps: number): Name {
  const over = step.integers('axes', axes);
  const centred = step.node('Sub', [step.x, step.node('ReduceMean', [step.x, over])]);
  const variance = step.node('ReduceMean', [step.node('Mul', [centred, centred]), over]);
  const shifted = step.node('Add', [variance, step.scalar('eps', eps)]);
  return step.node('Div', [centred, step.node('Sqrt', [shifted])]);
}

/**
 * With the running statistics BatchNormalization. ONNX has channels on axis 1 only. Without running statistics
 * the layer normalizes with those of the batch, in evaluation, too.
 */
export function writeBatchNorm(step: StepDraft, layer: BatchNorm): Name {
  const { numFeatures: c, eps, channelsLast, runningMean, runningVar } = layer;
  const last = step.rank - 1;
  const channel = channelsLast ? last : 1;
  if (!runningMean || !runningVar) {
    const axes = axesFrom(0, step.rank).filter((axis) => axis !== channel);
    const shape = channelsLast ? [c] : [c, ...Array<number>(step.rank - 2).fill(1)];
    const [weight, bias] = affine(step, layer, shape);
    const scaled = step.node('Mul', [standardized(step, axes, eps), weight]);
    return step.result('Add', [scaled, bias]);
  }
  const statistics = [
    ...affine(step, layer, [c]),
    step.parameter(runningMean, 'running_mean'),
    step.parameter(runningVar, 'running_var'),
  ];
  const epsilon = { epsilon: { float: eps } };
  if (!channelsLast || last === 1)
    return step.result('BatchNormalization', [step.x, ...statistics], epsilon);
  const between = axesFrom(1, last);
  const x = step.node('Transpose', [step.x], { perm: [0, last, ...between] });
  const y = step.node('BatchNormalization', [x, ...statistics], epsilon);
  return step.result('Transpose', [y], { perm: [0, ...between.map((axis) => axis + 1), 1] });
}

export function writeLayerNorm(step: StepDraft, layer: LayerNorm): Name {
  const { normalizedShape, eps, bias } = layer;
  const [scale, zeros] = layer.weight
    ? [step.parameter(layer.weight, 'weight')]
    : affine(step, layer, normalizedShape);
  const inputs = [step.x, scale!];
  if (bias) inputs.push(step.parameter(bias, 'bias'));
  else if (zeros) inputs.push(zeros);
  const axis = -normalizedShape.length;
  return step.result('LayerNormalization', inputs, { axis, epsilon: { float: eps } });
}

/** x/√(mean of x² + eps)·γ; ONNX has RMSNormalization from opset 23 on only. */
export function writeRMSNorm(step: StepDraft, { normalizedShape, eps, weight }: RMSNorm): Name {
  const axes = axesFrom(step.rank - normalizedShape.length, step.rank);
  const squares = step.node('Mul', [step.x, step.x]);
  const mean = step.node('ReduceMean', [squares, step.integers('axes', axes)]);
  const root = step.node('Sqrt', [step.node('Add', [mean, step.scalar('eps', eps)])]);
  if (!weight) return step.result('Div', [step.x, root]);
  const scaled = step.node('Div', [step.x, root]);
  return step.result('Mul', [scaled, step.parameter(weight, 'weight')]);
}

export function writeGroupNorm(step: StepDraft, layer: GroupNorm): Name {
  const { numGroups, numChannels, eps } = layer;
  const inputs = [step.x, ...affine(step, layer, [numChannels])];
  return step.result('GroupNormalization', inputs, {
    num_groups: numGroups,
    epsilon: { float: eps },
  });
}

/** With running statistics an InstanceNorm is a batch norm in evaluation. */
export function writeInstanceNorm(
  step: StepDraft,
  layer: InstanceNorm1d | InstanceNorm2d | InstanceNorm3d,
): Name {
  const { numFeatures, eps, runningMean, runningVar } = layer;
  const inputs = [step.x, ...affine(step, layer, [numFeatures])];
  const epsilon = { epsilon: { float: eps } };
  if (!runningMean || !runningVar) return step.result('InstanceNormalization', inputs, epsilon);
  inputs.push(step.parameter(runningMean, 'running_mean'));
  inputs.push(step.parameter(runningVar, 'running_var'));
  return step.result('BatchNormalization', inputs, epsilon);
}

/**
 * LRN for images and an odd window. ONNX Runtime has no others, and an even window reaches farther forward in
 * ONNX but farther back here and in PyTorch: then x/(k + α·mean of x² over the window)^β, the mean by pooling
 * along the channels.
 */
export function writeLocalResponseNorm(step: StepDraft, layer: LocalResponseNorm): Name {
  const { size, alpha, beta, k } = layer;
  if (step.rank === 4 && size % 2 === 1) {
    return step.result('LRN', [step.x], {
      size,
      alpha: { float: alpha },
      beta: { float: beta },
      bias: { float: k },
    });
  }
  const squares = step.node('Mul', [step.x, step.x]);
  const [n, c, ...rest] = step.extents;
  const planes = [n, 1, c, sizeOf(rest as number[])];
  const flat = step.node('Reshape', [squares, step.target(planes)]);
  const [before, after] = [Math.floor(size / 2), Math.floor((size - 1) / 2)];
  const zeros = step.integers('pads', [0, 0, before, 0, 0, 0, after, 0]);
  const padded = step.node('Pad', [flat, zeros]);
  const mean = step.node('AveragePool', [padded], { kernel_shape: [size, 1] });
  const means = step.node('Reshape', [mean, step.target()]);
  const t = step.node('Add', [
    step.node('Mul', [means, step.scalar('alpha', alpha)]),
    step.scalar('k', k),
  ]);
  return step.result('Div', [step.x, step.node('Pow', [t, step.scalar('beta', beta)])]);
}

/** (x − shift)·scale + offset. */
export function writeNormalization(step: StepDraft, layer: Normalization): Name {
  const { numFeatures: c, channelsLast, shift, scale, offset } = layer;
  const shape = channelsLast ? [c] : [c, ...Array<number>(step.rank - 2).fill(1)];
  const centred = step.node('Sub', [step.x, step.parameter(shift, 'shift', shape)]);
  const scaled = step.node('Mul', [centred, step.parameter(scale, 'scale', shape)]);
  return step.result('Add', [scaled, step.parameter(offset, 'offset', shape)]);
}
