/** Layers with weights, as nodes. */
import type { Conv } from '../layers/conv/conv.ts';
import type { ConvTranspose1d, ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import type { Embedding } from '../layers/embedding.ts';
import type { Linear } from '../layers/linear.ts';
import type { Parameter } from '../tensor/parameter.ts';
import type { Name } from './draft.ts';
import type { StepDraft } from './step.ts';
import { INT64 } from './tensors.ts';

function weights(
  step: StepDraft,
  { weight, bias }: { readonly weight: Parameter; readonly bias: Parameter | undefined },
): Name[] {
  const names = [step.parameter(weight, 'weight')];
  if (bias) names.push(step.parameter(bias, 'bias'));
  return names;
}

/** Gemm for [N, in]; for more axes x·Wᵀ + b, whose Wᵀ a runtime computes once. */
export function writeLinear(step: StepDraft, layer: Linear): Name {
  const [weight, bias] = weights(step, layer) as [Name, Name?];
  if (step.rank === 2) {
    return step.result('Gemm', bias ? [step.x, weight, bias] : [step.x, weight], { transB: 1 });
  }
  const transposed = step.node('Transpose', [weight], { perm: [1, 0] });
  if (!bias) return step.result('MatMul', [step.x, transposed]);
  return step.result('Add', [step.node('MatMul', [step.x, transposed]), bias]);
}

/** One entry for each of the layer's axes: a Conv1d has an axis of length 1 before its own. */
function perAxis<T>(step: StepDraft, list: readonly T[]): T[] {
  return list.slice(2 - step.rank);
}

/** Zeros before, then after, each of the layer's axes. */
function padsOf(step: StepDraft, sides: readonly number[]): number[] {
  return [0, 1].flatMap((side) =>
    perAxis(
      step,
      sides.filter((_, i) => i % 2 === side),
    ),
  );
}

export function writeConv(step: StepDraft, layer: Conv): Name {
  const { stride, dilation, padding, groups, weight } = layer;
  return step.result('Conv', [step.x, ...weights(step, layer)], {
    kernel_shape: weight.shape.slice(2),
    strides: perAxis(step, stride),
    pads: padsOf(step, padding),
    dilations: perAxis(step, dilation),
    group: groups,
  });
}

export function writeConvTranspose(step: StepDraft, layer: ConvTranspose2d): Name {
  const { stride, dilation, padding, outputPadding, groups, kernelSize } = layer;
  return step.result('ConvTranspose', [step.x, ...weights(step, layer)], {
    kernel_shape: kernelSize,
    strides: stride,
    pads: padsOf(step, padding),
    dilations: dilation,
    output_padding: outputPadding,
    group: groups,
  });
}

export function writeConvTranspose1d(step: StepDraft, layer: ConvTranspose1d): Name {
  const { stride, dilation, padding, outputPadding, groups, kernelSize } = layer;
  return step.result('ConvTranspose', [step.x, ...weights(step, layer)], {
    kernel_shape: [kernelSize],
    strides: [stride],
    pads: padding,
    dilations: [dilation],
    output_padding: [outputPadding],
    group: groups,
  });
}

/** Gather with whole numbers as indices. */
export function writeEmbedding(step: StepDraft, { weight }: Embedding): Name {
  const indices = step.node('Cast', [step.x], { to: INT64 });
  return step.result('Gather', [step.parameter(weight, 'weight'), indices]);
}
