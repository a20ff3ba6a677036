/** The layers with weights, which fold merges batch norms into and whose biases lint checks. */

import type { Value } from '../graph/node.ts';
import type { BatchNorm } from '../layers/batchnorm/base.ts';
import { BatchNorm1d } from '../layers/batchnorm/batchnorm.ts';
import { Conv } from '../layers/conv/conv.ts';
import { ConvTranspose2d } from '../layers/conv/convtranspose.ts';
import { Linear } from '../layers/linear.ts';

export type Weighted = Linear | Conv | ConvTranspose2d;

export function isWeighted(leaf: unknown): leaf is Weighted {
  return [Linear, Conv, ConvTranspose2d].some((Layer) => leaf instanceof Layer);
}

/** The number of input and output channels. */
export function sizesOf(layer: Weighted): { ins: number; outs: number } {
  return layer instanceof Linear
    ? { ins: layer.inFeatures, outs: layer.outFeatures }
    : { ins: layer.inChannels, outs: layer.outChannels };
}

/**
 * The reason why adding a constant to a layer's inputs does not add one constant to all its outputs, or
 * undefined if it does.
 */
export function edgesOf(layer: Weighted): string | undefined {
  if (layer instanceof ConvTranspose2d)
    return 'sums fewer inputs at its edges, so the offset would differ there';
  const padded = layer instanceof Conv && layer.padding.some((zeros) => zeros > 0);
  return padded ? 'pads with zeros, which do not pass through the batch norm' : undefined;
}

/**
 * Whether a batch norm's channels are along the axis that a layer mixes.
 *
 * @param value the tensor between the batch norm and the layer
 */
export function mixesChannelsOf(bn: BatchNorm, layer: Weighted, value: Value): boolean {
  if (!(layer instanceof Linear)) return !bn.channelsLast;
  const axes = value.shape.length;
  // If the shape is unknown, [N, C] is assumed; the folded network checks it when it runs.
  return bn.channelsLast || (bn instanceof BatchNorm1d && (axes === 0 || axes === 2));
}
